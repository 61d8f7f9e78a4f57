"""Faults by a seed that the collector cannot see: each is in the ledger with what is known on either side, none is invented, all heals."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.collect.book_rule import FullReplace
from src.collect.exchanges import exchange
from src.collect.parsed import Channel, Pair
from src.schema.records import CollectorEvent, EventKind
from tests.collect.dialects.faults import FaultKind, Faults, Injected
from tests.system.local_exchanges import EVERY_MARKET, SYMBOLS, Venues, end_faults, pairs_of, quiet, served, started, step, venues
from tests.system.seen import Seen, missing_trades, told

pytestmark = pytest.mark.broker
FAULTS = Faults(book_gap=0.05, lost_trade=0.06, duplicate=0.05, spoiled_checksum=0.05)
FEW_FAULTS = Faults(book_gap=0.02, lost_trade=0.04, duplicate=0.05)
"""For a venue that may be asked by REST only 20 times a minute."""
BREAKS = {FaultKind.BOOK_GAP, FaultKind.SPOILED_CHECKSUM}
SOON = {"src.collect.subscription._RENEW_SECONDS": 0.2, "src.collect.subscription._LONGEST_RENEW_SECONDS": 0.2, "src.collect.books.ASK_AGAIN_MS": 100}
"""A broken book is asked for at most every few seconds, so that a test of many faults would take minutes."""
COUNTED = "binance"
"""The market whose trade ids are consecutive: elsewhere a trade that never came leaves no trace."""


UNCOUNTED = [market for market in EVERY_MARKET if market != COUNTED]


def test_each_fault_is_found_none_is_invented_and_all_is_whole_again(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(EVERY_MARKET, seed=4711, faults=lambda market: replace(FEW_FAULTS if market == COUNTED else FAULTS)) as places:
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "all", places=places, patches=SOON) as process:
                await served(places)
                await step(places, 100, pause=0.03)
                end_faults(places)
                await quiet(places)
                await seen.complete(process, places, lost_trades(places, UNCOUNTED))
                assert await process.stop() == 0
            await seen.rest()
            assert seen.dead == []
            check_books(seen, places)
            check_trades(seen, places)
            gaps = seen.of_kind(EventKind.GAP)
            assert sorted(row["detail"] for row in process.ledger() if row["kind"] == "gap") == sorted(gap.detail for gap in gaps)
        seen.close()

    asyncio.run(run())


def check_books(seen: Seen, places: Venues) -> None:
    for market, venue in places.items():
        for pair in venue.markets:
            gaps = gaps_of(seen, market, Channel.ORDERBOOK, pair)
            breaks = [fault for fault in venue.injected if fault.pair == pair and fault.kind in BREAKS]
            # A slow machine may ask anew for a book that is on its way already: then one gap ends after two of the faults.
            assert [fault for fault in breaks if not any(holds(gap, fault) for gap in gaps)] == [], (market, pair, gaps, breaks)
            assert [gap for gap in gaps if not any(holds(gap, fault) for fault in (*breaks, *venue.healed))] == [], (market, pair, breaks)
        if market != COUNTED and not isinstance(exchange(market).book_rule, FullReplace):
            assert [fault for fault in venue.injected if fault.kind in BREAKS], market


def check_trades(seen: Seen, places: Venues) -> None:
    for market, venue in places.items():
        for pair in pairs_of(exchange(market))[: len(SYMBOLS)]:
            lost = [fault.first_sequence for fault in venue.injected if fault.kind is FaultKind.LOST_TRADE and fault.pair == pair]
            gaps, came = gaps_of(seen, market, Channel.TRADE, pair), seen.trades_of(market, pair)
            if market == COUNTED:
                assert sorted(told(came)) == sorted(told(venue.trades[pair]))
                filled = [event for event in seen.of_kind(EventKind.FILLED) if (event.market, event.symbol) == (market, pair.symbol)]
                # An answer may be faster than the socket, and bring the newest trades before anything shows that they are missing.
                fetched = [trade.trade_id for trade in came if trade.backfilled]
                assert set(lost) <= set(fetched)
                unseen = [one for one in fetched if not any(lies_in(gap, one) for gap in gaps)]
                assert all(any(ends_with(event, one) for event in filled) for one in unseen), (unseen, filled)
                assert all(any(lies_in(gap, one) for one in lost) for gap in gaps)
                assert sum(event.count or 0 for event in filled) == len(fetched)
            else:
                assert gaps == []
                if not exchange(market).raw_topics:
                    assert told(came) == told([trade for trade in venue.trades[pair] if trade.trade_id not in lost])
        assert [fault for fault in venue.injected if fault.kind is FaultKind.LOST_TRADE], market


def holds(gap: CollectorEvent, fault: Injected) -> bool:
    if fault.pair is None or fault.pair.symbol != gap.symbol or not (gap.first_time or 0) < fault.time <= (gap.last_time or 0):
        return False
    if fault.kind is not FaultKind.BOOK_GAP or gap.first_sequence is None:
        return True
    return number(gap.first_sequence) < number(fault.first_sequence) <= number(fault.last_sequence) < number(gap.last_sequence)


def lies_in(gap: CollectorEvent, trade_id: str | None) -> bool:
    return number(gap.first_sequence) < number(trade_id) < number(gap.last_sequence)


def ends_with(filled: CollectorEvent, trade_id: str | None) -> bool:
    return number(filled.first_sequence) < number(trade_id) <= number(filled.last_sequence)


def number(text: str | None) -> int:
    assert text is not None
    return int(text)


def gaps_of(seen: Seen, market: str, channel: Channel, pair: Pair) -> list[CollectorEvent]:
    return [gap for gap in seen.of_kind(EventKind.GAP) if (gap.market, gap.channel, gap.symbol) == (market, channel, pair.symbol)]


def lost_trades(places: Venues, markets: Sequence[str]) -> set[tuple[str, str, str]]:
    """Those that were not sent by these markets."""
    return {
        (market, fault.pair.symbol, fault.first_sequence or "")
        for market, venue in places.items()
        if market in markets
        for fault in venue.injected
        if fault.kind is FaultKind.LOST_TRADE and fault.pair
    }


def test_lost_trades_that_cannot_be_fetched_are_marked(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues([COUNTED], seed=5, faults=lambda _: Faults(lost_trade=0.2)) as places:
            settings = {"rest_urls": '{"binance":""}'}
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=places, settings=settings) as process:
                await served(places, [Channel.TRADE])
                await step(places, 50)
                await quiet(places)
                await seen.until(process, lambda seen: missing_trades(seen, places) == lost_trades(places, [COUNTED]))
                assert await process.stop() == 0
            await seen.rest()
            for pair, trades in places[COUNTED].trades.items():
                lost = [one for _, symbol, one in sorted(lost_trades(places, [COUNTED])) if symbol == pair.symbol]
                gaps = gaps_of(seen, COUNTED, Channel.TRADE, pair)
                assert lost
                assert sorted(str(one) for gap in gaps for one in range(number(gap.first_sequence) + 1, number(gap.last_sequence))) == lost
                assert sum(gap.count or 0 for gap in gaps) == len(lost)
                times = {trade.trade_id: trade.event_time for trade in trades}
                marks = [trade for trade in seen.trades if trade.symbol == pair.symbol and trade.gap_since is not None]
                # Marks of gaps that follow each other closely may be one.
                spans = [(mark.gap_since or 0, mark.event_time) for mark in marks]
                assert all(any(since <= times[gap.first_sequence] and times[gap.last_sequence] <= until for since, until in spans) for gap in gaps)
                assert len(marks) <= len(gaps)
                assert {(mark.trade_id, mark.price, mark.size, mark.side) for mark in marks} == {(None, None, None, None)}
        seen.close()

    asyncio.run(run())
