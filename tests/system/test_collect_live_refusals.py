"""Exchanges that refuse, tear down, or close what is idle."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.collect.exchanges import exchange
from src.collect.parsed import Channel
from src.schema.records import EventKind
from tests.collect.dialects.faults import FaultKind, Faults
from tests.collect.dialects.server import LocalExchange
from tests.system.local_exchanges import ALL, EVERY_MARKET, SYMBOLS, end_faults, pairs_of, quiet, served, started, step, venues
from tests.system.seen import Seen, told

pytestmark = pytest.mark.broker


def test_a_refused_region_is_said_and_the_mirror_is_tried(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        pairs = pairs_of(exchange("okx"))
        async with LocalExchange(ALL["okx"], pairs, faults=Faults(refused_upgrades=1)) as first, LocalExchange(ALL["okx"], pairs) as mirror:
            patches = {"okx.urls": [first.url, mirror.url]}
            settings = {"exchange_urls": "{}"}
            words = ("collect", "--channels", "trade")
            with started(tmp_path, broker.bootstrap_servers, *words, places={"okx": mirror}, settings=settings, patches=patches) as process:
                await served({"okx": mirror}, [Channel.TRADE])
                await step({"okx": mirror}, 3)
                await seen.complete(process, {"okx": mirror}, books=False)
                assert await process.stop() == 0
            await seen.rest()
            (refused,) = seen.of_kind(EventKind.REFUSED)
            assert "does not serve this country or network (HTTP 451)" in refused.detail
            assert [event.detail for event in seen.of_kind(EventKind.CONNECTED)] == [f"127.0.0.1:{mirror.port}"]
        seen.close()

    asyncio.run(run())


def test_who_asks_too_often_is_let_in_later(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(["okx"], faults=lambda _: Faults(refused_upgrades=1, refusal_status=429)) as places:
            patches = {"src.collect.opening._USUAL_HOLD": 1.0}
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=places, patches=patches) as process:
                await served(places, [Channel.TRADE])
                await step(places, 3)
                await seen.complete(process, places, books=False)
                assert await process.stop() == 0
            await seen.rest()
            assert [event.detail for event in seen.of_kind(EventKind.REFUSED)] == [
                f"127.0.0.1:{places['okx'].port}: the exchange was asked too often (HTTP 429)"
            ]
        seen.close()

    asyncio.run(run())


@pytest.mark.slow
def test_an_idle_socket_is_kept_open_where_the_venue_has_a_rule_for_it(broker: Cluster, tmp_path: Path) -> None:
    """Idle sockets are closed after a minute, and we speak every 10 to 20 s: both a thirtieth of that here."""

    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        markets = [market for market in EVERY_MARKET if exchange(market).keep_alive is not None]
        patches = {f"{market}.keep_alive": 0.5 for market in markets}
        async with venues(markets, faults=lambda _: Faults(idle_seconds=2.0)) as places:
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=places, patches=patches) as process:
                await served(places, [Channel.TRADE])
                await asyncio.sleep(6.0)  # three times what an exchange waits: that nothing happens sets no event
                await step(places, 3)
                await seen.complete(process, places, books=False)
                assert await process.stop() == 0
            await seen.rest()
            assert {event.kind for event in seen.events} == {EventKind.CONNECTED, EventKind.SUBSCRIBED}
            assert {fault.kind for venue in places.values() for fault in venue.injected} == set()
        seen.close()

    asyncio.run(run())


@pytest.mark.slow
def test_sockets_that_are_torn_down_again_and_again_lose_nothing(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(EVERY_MARKET, seed=61, faults=lambda _: Faults(abort=0.01)) as places:
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade,orderbook", places=places) as process:
                channels = [Channel.TRADE, Channel.ORDERBOOK]
                await served(places, channels)
                await seen.meanwhile(
                    process,
                    places,
                    lambda seen: (
                        {(event.market, event.channel) for event in seen.of_kind(EventKind.DISCONNECTED)}
                        == {(market, channel) for market in EVERY_MARKET for channel in channels}
                    ),
                )
                end_faults(places)
                await served(places, channels)
                await step(places, 5)
                await quiet(places)
                await seen.complete(process, places)
                assert await process.stop() == 0
            await seen.rest()
            assert FaultKind.ABORT in {fault.kind for venue in places.values() for fault in venue.injected}
            for market in (market for market in EVERY_MARKET if not exchange(market).raw_topics):
                for pair in pairs_of(exchange(market))[: len(SYMBOLS)]:
                    came = seen.trades_of(market, pair)
                    assert sorted(told(came), key=str) == sorted(told(places[market].trades[pair]), key=str), (market, pair)
            assert [gap for gap in seen.of_kind(EventKind.GAP) if gap.channel == Channel.TRADE and "may be missing" in gap.detail] == []
        seen.close()

    asyncio.run(run())
