"""What happens to sockets: cut, torn down, half open, silent. No trade is lost or comes twice, and the books are the exchange's again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.collect.exchanges import exchange
from src.collect.message import BINANCE_TRADE_TOPIC
from src.collect.parsed import Channel, Pair
from src.schema.records import EventKind
from tests.collect.dialects.faults import FaultKind, Faults
from tests.system.local_exchanges import EVERY_MARKET, SYMBOLS, Venues, pairs_of, quiet, served, started, step, venues
from tests.system.seen import Seen, missing_trades, raw_ids, told

pytestmark = pytest.mark.broker
WITHOUT_RAW = [market for market in EVERY_MARKET if not exchange(market).raw_topics]


def test_before_a_venue_cuts_a_connection_the_next_one_is_open_and_nothing_is_lost(broker: Cluster, tmp_path: Path) -> None:
    """The 24 hours of Binance shortened, and given to all venues."""

    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        patches = {f"{market}.connection_seconds": 6.0 for market in EVERY_MARKET} | {"src.collect.subscription.HANDOVER_SECONDS": 1.0}
        async with venues(EVERY_MARKET, seed=21, faults=lambda _: Faults(connection_seconds=6.0)) as places:
            sockets = sum(len(exchange(market).urls) for market in places)
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "all", places=places, patches=patches) as process:
                await served(places)
                await seen.meanwhile(process, places, lambda seen: len(seen.of_kind(EventKind.CONNECTED)) >= 2 * sockets)
                await quiet(places)
                await seen.complete(process, places)
                assert await process.stop() == 0
            await seen.rest()
            assert {event.kind for event in seen.events} == {EventKind.CONNECTED, EventKind.SUBSCRIBED}, seen.said()
            assert not [trade for trade in seen.trades if trade.backfilled]
            assert FaultKind.CUT not in {fault.kind for venue in places.values() for fault in venue.injected}
            once(seen, places)
        seen.close()

    asyncio.run(run())


def test_trades_made_while_disconnected_are_fetched(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(EVERY_MARKET, seed=22) as places:
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=places) as process:
                await served(places, [Channel.TRADE])
                await step(places, 5)
                await seen.complete(process, places, books=False)
                for venue in places.values():
                    for socket in [*venue.sockets]:
                        socket.abort()
                await step(places, 4)
                await served(places, [Channel.TRADE])
                filled = sum(len(venue.markets) for venue in places.values())
                await seen.until(process, lambda seen: len(seen.of_kind(EventKind.FILLED)) == filled)
                await step(places, 3)
                await quiet(places)
                await seen.until(process, lambda seen: not missing_trades(seen, places) and raw_trades(seen) == 26)
                assert await process.stop() == 0
            await seen.rest()
            once(seen, places)
            assert {event.count for event in seen.of_kind(EventKind.FILLED)} == {4}
            assert Counter(event.market for event in seen.of_kind(EventKind.DISCONNECTED)) == Counter(EVERY_MARKET)
            assert seen.of_kind(EventKind.GAP, EventKind.STALE) == []
            for market, venue in places.items():
                for pair in pairs_of(exchange(market))[: len(SYMBOLS)]:
                    happened = [trade.trade_id for trade in venue.trades[pair]]
                    if market in WITHOUT_RAW:
                        assert [trade.trade_id for trade in seen.trades_of(market, pair) if trade.backfilled] == happened[5:9]
                    else:
                        payloads = [json.loads(bytes(raw.data)) for raw in seen.raw[BINANCE_TRADE_TOPIC] if raw.symbol == pair.symbol + pair.quote]
                        assert [str(payload["a"]) for payload in payloads] == happened
                        assert [str(payload["a"]) for payload in payloads if payload.get("backfilled")] == happened[5:9]
        seen.close()

    asyncio.run(run())


@pytest.mark.slow
def test_half_open_sockets_are_noticed_by_the_silence(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        half_open = Faults(half_open_sockets=1, half_open_messages=20)
        async with venues(EVERY_MARKET, seed=23, faults=lambda _: half_open) as places:
            settings = {"stale_trade_seconds": "3"}
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=places, settings=settings) as process:
                await served(places, [Channel.TRADE])
                # What was missed comes by REST, or as the first message of the new subscription, where the exchange sends the latest trades.
                await seen.meanwhile(process, places, lambda seen: {event.market for event in seen.of_kind(EventKind.STALE)} == set(EVERY_MARKET))
                await served(places, [Channel.TRADE])
                await quiet(places)
                await seen.complete(process, places, books=False)
                await asked_all(places)
                assert await process.stop() == 0
            await seen.rest()
            once(seen, places)
            # On a busy machine a single pair may be silent for long, too.
            whole = [event for event in seen.of_kind(EventKind.STALE) if "by the whole connection" in event.detail]
            assert {event.market for event in whole} == set(EVERY_MARKET)
            assert seen.of_kind(EventKind.GAP) == []
        seen.close()

    asyncio.run(run())


def test_a_silent_pair_is_renewed_alone(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(EVERY_MARKET, seed=24) as places:
            settings = {"stale_trade_seconds": "6", "stale_seconds": "6"}
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "all", places=places, settings=settings) as process:
                await served(places)
                await seen.meanwhile(process, places, has_all)
                for market, venue in places.items():
                    silence(venue.sockets, Pair("ETH", exchange(market).quotes[0]))
                silent = {(market, channel) for market in places for channel in exchange(market).urls}
                # Bybit gives the last 60 trades by REST: so many must not be made before the silence is noticed.
                await seen.meanwhile(
                    process, places, lambda seen: {(event.market, event.channel) for event in seen.of_kind(EventKind.STALE)} == silent, pause=0.25
                )
                await served(places)
                # In a market that is silent as a whole every socket would be opened anew.
                assert seen.of_kind(EventKind.DISCONNECTED) == []
                assert {event.symbol for event in seen.of_kind(EventKind.STALE)} == {"ETH"}
                await quiet(places)
                await seen.complete(process, places)
                assert await process.stop() == 0
            await seen.rest()
            once(seen, places)
        seen.close()

    asyncio.run(run())


async def asked_all(places: Venues) -> None:
    """Return when the collector has asked for all that it misses, of which a venue allows one a second. A stop before that leaves gaps."""
    count = -1
    while count != (count := sum(len(venue.asked) for venue in places.values())):  # noqa: ASYNC110  nothing tells that nothing happens
        await asyncio.sleep(3)


def has_all(seen: Seen) -> bool:
    """Whether a trade and a book of every price came: what was never heard of cannot be missed."""
    wanted = {(market, symbol) for market in WITHOUT_RAW for symbol in SYMBOLS}
    return wanted <= {(trade.market, trade.symbol) for trade in seen.trades} and wanted <= {(book.market, book.symbol) for book in seen.books}


def silence(sockets: object, pair: Pair) -> None:
    """The exchange goes on, but not with this pair, and says nothing of it."""
    for socket in sockets:  # type: ignore[attr-defined]
        socket.subscriptions -= {(channel, pair) for channel in Channel}


def once(seen: Seen, places: Venues) -> None:
    """Each trade came exactly once, with its values."""
    for market, venue in places.items():
        for pair in pairs_of(exchange(market))[: len(SYMBOLS)]:
            if market in WITHOUT_RAW:
                assert sorted(told(seen.trades_of(market, pair)), key=str) == sorted(told(venue.trades[pair]), key=str), (market, pair)
            else:
                assert sorted(raw_ids(seen, pair)) == [trade.trade_id for trade in venue.trades[pair]]


def raw_trades(seen: Seen) -> int:
    return len(seen.raw[BINANCE_TRADE_TOPIC])
