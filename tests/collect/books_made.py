"""Messages about order books and trades for the collector's tests, with only what a test is about to be said."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from src.collect.book import Book, Outcome
from src.collect.parsed import BookLevel, BookUpdate, WrittenLevel
from src.schema.records import CollectorEvent, EventKind, Instrument, OrderBook, Region, Source, Trade
from tests.collect.tickers import START

Numbers = Iterable[BookLevel]
BIDS = ((100.0, 1.0), (99.0, 2.0))
ASKS = ((101.0, 3.0), (102.0, 4.0))
CHANGED, UNCHANGED, WAITING, BROKEN = Outcome.CHANGED, Outcome.UNCHANGED, Outcome.WAITING, Outcome.BROKEN


def update(*, snapshot: bool = False, bids: Numbers = (), asks: Numbers = (), **fields: Any) -> BookUpdate:
    """Changes of BTC against USDT at OKX, at START unless the test says otherwise."""
    event_time = fields.pop("event_time", START)
    return BookUpdate(
        market=fields.pop("market", "okx"),
        symbol=fields.pop("symbol", "BTC"),
        quote=fields.pop("quote", "USDT"),
        source=Source.LIVE,
        event_time=event_time,
        received_time=fields.pop("received_time", START),
        snapshot=snapshot,
        bids=tuple(bids),
        asks=tuple(asks),
        **fields,
    )


def snapshot(last: int | None = None, *, bids: Numbers = BIDS, asks: Numbers = ASKS, **fields: Any) -> BookUpdate:
    """All of the book: 100 and 99 bid, 101 and 102 asked."""
    return update(snapshot=True, bids=bids, asks=asks, last=last, **fields)


def trade(trade_id: int | str | None, *, market: str = "okx", seconds: float = 0.0, **fields: Any) -> Trade:
    """A trade of BTC so many seconds after START, received 50 ms later."""
    event_time = START + round(seconds * 1000)
    given = {"price": 100.0, "size": 1.0, "instrument": Instrument.SPOT} | fields
    return Trade(
        region=given.pop("region", Region.ASIA),
        market=market,
        symbol=given.pop("symbol", "BTC"),
        quote=given.pop("quote", "USDT"),
        source=given.pop("source", Source.LIVE),
        event_time=event_time,
        received_time=event_time + 50,
        trade_id=None if trade_id is None else str(trade_id),
        **given,
    )


def books_of(told: Iterable[object]) -> list[OrderBook]:
    return [one for one in told if isinstance(one, OrderBook)]


def events_of(told: Iterable[object], kind: EventKind | None = None) -> list[CollectorEvent]:
    return [one for one in told if isinstance(one, CollectorEvent) and kind in {None, one.kind}]


def outcomes(book: Book, *updates: BookUpdate) -> list[Outcome]:
    return [book.apply(one) for one in updates]


def change(first: int, last: int | None = None, previous: int | None = None, *, size: float = 5.0, **fields: object) -> BookUpdate:
    """The best bid's size becomes `size`."""
    given = {"bids": ((100.0, size),), "first": first, "last": first if last is None else last, "previous": previous} | fields
    return update(**given)


def linked(previous: int, last: int, **fields: object) -> BookUpdate:
    """The same at a venue that names the message before."""
    return update(**({"bids": ((100.0, 5.0),), "previous": previous, "last": last} | fields))


def written(*levels: tuple[str, str]) -> list[WrittenLevel]:
    return [(float(price), float(size), price, size) for price, size in levels]
