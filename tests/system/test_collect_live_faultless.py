"""All exchanges at once, without a fault: everything arrives, once, in order, with the exchange's own values, and the ledger tells of no trouble."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.collect.exchange import Exchange
from src.collect.exchanges import exchange
from src.schema.records import EventKind
from tests.system.local_exchanges import EVERY_MARKET, SYMBOLS, Seen, Venues, best, missing_trades, pairs_of, quiet, served, started, step, told, venues, whole

pytestmark = pytest.mark.broker
QUIET_KINDS = {EventKind.CONNECTED, EventKind.SUBSCRIBED}
STEPS = 60


def test_everything_arrives_once_and_in_order(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(EVERY_MARKET, seed=1) as places:
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "all", places=places) as process:
                await served(places)
                await step(places, STEPS)
                await quiet(places)
                await seen.until(process, lambda seen: not missing_trades(seen, places) and whole(seen, places))
                assert await process.stop() == 0
            await seen.rest()
            check(seen, places)
            assert {event.kind for event in seen.events} == QUIET_KINDS
            assert seen.dead == []
            assert len(process.ledger()) == len(seen.events)
        seen.close()

    asyncio.run(run())


def check(seen: Seen, places: Venues) -> None:
    for market, venue in places.items():
        for pair in pairs_of(exchange(market))[: len(SYMBOLS)]:
            if exchange(market).raw_topics:
                continue
            assert told(seen.trades_of(market, pair)) == told(venue.trades[pair])
            book, ticker = seen.last_book(market, pair), seen.last_ticker(market, pair)
            assert book is not None
            assert (book.bids, book.asks) == best(venue, pair)
            assert ticker is not None
            # The last trade of all comes after the last ticker.
            assert ticker.price == venue.trades[pair][-2].price
