"""All exchanges at once, without a fault: everything arrives, once, in order, with the exchange's own values, and the ledger tells of no trouble."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.collect.exchanges import exchange
from src.collect.message import BINANCE_DEPTH_TOPIC, BINANCE_TRADE_TOPIC
from src.schema.records import EventKind
from tests.collect.dialects.faults import FaultKind, Faults
from tests.system.local_exchanges import EVERY_MARKET, SYMBOLS, Venues, pairs_of, quiet, served, started, step, venues
from tests.system.seen import Seen, best, told

pytestmark = pytest.mark.broker
QUIET_KINDS = {EventKind.CONNECTED, EventKind.SUBSCRIBED}
STEPS = 60
EVERY_HARMLESS = {FaultKind.DUPLICATE, FaultKind.STALE_SNAPSHOT, FaultKind.STALE_REST_BOOK}
"""What is not to be in the ledger, as nothing is missing."""


@pytest.mark.parametrize("faults", [Faults(), Faults(duplicate=0.1, stale_snapshot=0.05, stale_rest_books=1)], ids=["faultless", "harmless"])
def test_everything_arrives_once_and_in_order(broker: Cluster, tmp_path: Path, faults: Faults) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(EVERY_MARKET, seed=1, faults=lambda _: faults) as places:
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "all", places=places) as process:
                await served(places)
                await step(places, STEPS)
                await quiet(places)
                await seen.complete(process, places)
                assert await process.stop() == 0
            await seen.rest()
            check(seen, places)
            check_raw(seen, places)
            assert {event.kind for event in seen.events} == QUIET_KINDS, seen.said()
            assert seen.dead == []
            assert len(process.ledger()) == len(seen.events)
            assert {fault.kind for venue in places.values() for fault in venue.injected} == (EVERY_HARMLESS if faults.duplicate else set())
        seen.close()

    asyncio.run(run())


def check_raw(seen: Seen, places: Venues) -> None:
    """Binance's contracts go as they are, without a record: the ids of all trades, and changes of the book that are chained."""
    for market in (market for market in places if exchange(market).raw_topics):
        for pair in pairs_of(exchange(market)):
            name = pair.symbol + pair.quote
            trades = [json.loads(bytes(message.data)) for message in seen.raw[BINANCE_TRADE_TOPIC] if message.symbol == name]
            assert [str(trade["a"]) for trade in trades] == [trade.trade_id for trade in places[market].trades[pair]]
            changes = [json.loads(bytes(message.data)) for message in seen.raw[BINANCE_DEPTH_TOPIC] if message.symbol == name]
            firsts = [change for place, change in enumerate(changes) if place == 0 or change != changes[place - 1]]
            assert len(firsts) == STEPS + 1
            assert [change["pu"] for change in firsts[1:]] == [change["u"] for change in firsts[:-1]]


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
