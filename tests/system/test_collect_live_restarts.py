"""A collector that is killed, or stopped in order, and started again: no trade twice, and those made meanwhile are fetched."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.collect.exchanges import exchange
from src.collect.message import BINANCE_TRADE_TOPIC
from src.collect.parsed import Channel
from src.schema.records import EventKind
from tests.system.local_exchanges import EVERY_MARKET, SYMBOLS, pairs_of, quiet, served, started, step, venues
from tests.system.seen import Seen, raw_ids, told

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_trades_come_once_across_a_restart(broker: Cluster, tmp_path: Path, end: signal.Signals) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(EVERY_MARKET, seed=31) as places:
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=places) as process:
                await served(places, [Channel.TRADE])
                await step(places, 20)
                await seen.complete(process, places, books=False)
                await seen.until(process, lambda seen: len(seen.raw[BINANCE_TRADE_TOPIC]) == 2 * 20)
                assert await process.stop(end) == (0 if end is signal.SIGINT else -signal.SIGKILL)
            await step(places, 10)
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=places) as process:
                await served(places, [Channel.TRADE])
                fetched = len(EVERY_MARKET) * len(SYMBOLS)
                await seen.until(process, lambda seen: len([event for event in seen.of_kind(EventKind.FILLED) if event.symbol in SYMBOLS]) == fetched)
                await step(places, 5)
                await quiet(places)
                await seen.complete(process, places, books=False)
                await seen.until(process, lambda seen: len(seen.raw[BINANCE_TRADE_TOPIC]) == 2 * 36)
                assert await process.stop() == 0
            await seen.rest()
            assert {event.count for event in seen.of_kind(EventKind.FILLED) if event.symbol in SYMBOLS} == {10}
            assert seen.of_kind(EventKind.GAP, EventKind.DROPPED) == []
            for market, venue in places.items():
                for pair in pairs_of(exchange(market))[: len(SYMBOLS)]:
                    if exchange(market).raw_topics:
                        assert raw_ids(seen, pair) == [trade.trade_id for trade in venue.trades[pair]]
                    else:
                        came = seen.trades_of(market, pair)
                        assert told(came) == told(venue.trades[pair])
                        assert [trade.backfilled for trade in came] == [False] * 20 + [True] * 10 + [False] * 6
        seen.close()

    asyncio.run(run())
