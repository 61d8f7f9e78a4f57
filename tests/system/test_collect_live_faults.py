"""Faults by a seed that the collector cannot see: each one is in the ledger with what is known on either side, none is invented, all is whole again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.collect.book_rule import FullReplace
from src.collect.exchanges import exchange
from src.collect.parsed import Channel, Pair
from src.schema.records import CollectorEvent, EventKind
from tests.collect.dialects.faults import FaultKind, Faults, Injected
from tests.system.local_exchanges import (
    EVERY_MARKET,
    SYMBOLS,
    Seen,
    Venues,
    end_faults,
    missing_trades,
    pairs_of,
    quiet,
    served,
    started,
    step,
    told,
    venues,
    whole,
)

pytestmark = pytest.mark.broker
FAULTS = {"book_gap": 0.01, "lost_trade": 0.05, "duplicate": 0.05, "spoiled_checksum": 0.01, "stale_snapshot": 0.005}
BREAKS = {FaultKind.BOOK_GAP, FaultKind.SPOILED_CHECKSUM, FaultKind.STALE_SNAPSHOT}
SOON = {"src.collect.subscription._RENEW_SECONDS": 0.2, "src.collect.subscription._LONGEST_RENEW_SECONDS": 0.2, "src.collect.books.ASK_AGAIN_MS": 100}
"""A broken book is asked for at most every few seconds, so that a test of many faults would take minutes."""
COUNTED = "binance"
"""The market whose trade ids are consecutive: elsewhere a trade that never came leaves no trace."""


def test_each_fault_is_found_none_is_invented_and_all_is_whole_again(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(EVERY_MARKET, seed=4711, faults=lambda: Faults(**FAULTS)) as places:
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "all", places=places, patches=SOON) as process:
                await served(places)
                await step(places, 200, pause=0.05)
                end_faults(places)
                await quiet(places)
                await seen.until(process, lambda seen: whole(seen, places) and missing_trades(seen, places) <= lost_trades(places))
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
    total = 0
    for market, venue in places.items():
        for pair in venue.markets:
            gaps = gaps_of(seen, market, Channel.ORDERBOOK, pair)
            breaks = [] if isinstance(exchange(market).book_rule, FullReplace) else [fault for fault in venue.injected if fault.pair == pair and fault.kind in BREAKS]
            print(market, pair.symbol, len(gaps), len(breaks))
            total += len(breaks)
            assert len(gaps) == len(breaks), (market, pair, gaps, breaks)
            for gap, fault in zip(gaps, breaks, strict=True):
                assert gap.first_time is not None
                assert gap.last_time is not None
                assert gap.first_time < fault.time or fault.kind is FaultKind.STALE_SNAPSHOT
                assert fault.time <= gap.last_time
                if fault.kind is FaultKind.BOOK_GAP and gap.first_sequence is not None:
                    assert int(gap.first_sequence) < int(fault.first_sequence) <= int(fault.last_sequence) < int(gap.last_sequence)
    assert total > 10
    print(total)


def check_trades(seen: Seen, places: Venues) -> None:
    for market, venue in places.items():
        for pair in pairs_of(exchange(market))[: len(SYMBOLS)]:
            if exchange(market).raw_topics:
                continue
            lost = [fault.first_sequence for fault in venue.injected if fault.kind is FaultKind.LOST_TRADE and fault.pair == pair]
            assert lost
            gaps = gaps_of(seen, market, Channel.TRADE, pair)
            came = seen.trades_of(market, pair)
            if market == COUNTED:
                assert sorted(told(came)) == sorted(told(venue.trades[pair]))
                assert [trade.trade_id for trade in came if trade.backfilled] == lost
                for number in lost:
                    assert any(int(gap.first_sequence) < int(number) < int(gap.last_sequence) for gap in gaps), number
                for gap in gaps:
                    assert any(int(gap.first_sequence) < int(number) < int(gap.last_sequence) for number in lost), gap
                filled = [event for event in seen.of_kind(EventKind.FILLED) if event.market == market and event.symbol == pair.symbol]
                assert sum(event.count or 0 for event in filled) == len(lost)
            else:
                assert gaps == []
                assert told(came) == told([trade for trade in venue.trades[pair] if trade.trade_id not in lost])


def gaps_of(seen: Seen, market: str, channel: Channel, pair: Pair) -> list[CollectorEvent]:
    return [gap for gap in seen.of_kind(EventKind.GAP) if (gap.market, gap.channel, gap.symbol) == (market, channel, pair.symbol)]


def lost_trades(places: Venues) -> set[tuple[str, str, str]]:
    """Those that never came and leave no trace."""
    return {
        (market, fault.pair.symbol, fault.first_sequence or "")
        for market, venue in places.items()
        if market != COUNTED
        for fault in venue.injected
        if fault.kind is FaultKind.LOST_TRADE and fault.pair
    }
