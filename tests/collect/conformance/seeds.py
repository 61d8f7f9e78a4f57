"""Frames to be broken: one of every shape that a market's socket and its REST interface send, real where one was captured."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Channel, Frame, Pair
from src.schema.records import Side, Source, Ticker, Trade
from tests.collect.conformance.reading import frames_of
from tests.collect.conformance.said import incoming
from tests.collect.conformance.sent_fields import BOOK, CHANGE, REST, TICKER
from tests.collect.dialects.dialect import Asking
from tests.collect.dialects.found import dialects

TIME = 1_790_000_000_000
"""2026-09-21 14:13:20 UTC"""
_LONGEST = 1500
_BOOK_OF_GATEIO = '{"id":9,"current":1790000000010,"update":1790000000000,"asks":[["3.5","2.5"]],"bids":[["2.5","2.5"]]}'
"""Which its class reads and no rule asks for: captured books were anchored by such answers."""


def full_ticker(market: str) -> Ticker:
    """A ticker in which everything that the market sends is 2.5."""
    values: dict[str, Any] = dict.fromkeys(TICKER[market] - {"acc_since"}, 2.5)
    return Ticker(region=EXCHANGES[market].region, **_identity(market), **values)


def full_trade(market: str) -> Trade:
    """A trade of 2.5 coins at 2.5."""
    return Trade(region=EXCHANGES[market].region, **_identity(market), trade_id="17900000000000001", price=2.5, size=2.5, side=Side.BUY)


def full_book(market: str, kind: str) -> BookUpdate:
    """A book message of that kind with a level on each side."""
    numbers: dict[str, Any] = {"first": 8, "last": 9, "previous": 7, "checksum": 5}
    fields = BOOK[market][kind]
    values = {field: number for field, number in numbers.items() if field in fields}
    return BookUpdate(**_identity(market), **values, snapshot=kind != CHANGE, bids=[(2.5, 2.5)], asks=[(3.5, 2.5)])


def simulated(market: str) -> Iterator[Frame]:
    """One frame of every channel."""
    if market in TICKER:
        yield incoming(full_ticker(market))
    yield incoming(full_trade(market))
    for kind in BOOK[market]:
        if kind != REST or EXCHANGES[market].book_rule.rest_snapshot:
            yield incoming(full_book(market, kind))


def answers(market: str) -> Iterator[Frame]:
    """One answer to every REST request that the market's class makes, from the market's own dialect."""
    exchange, dialect = EXCHANGES[market], dialects()[market]
    pair = Pair("BTC", exchange.quotes[0])
    paths = {Asking.LISTINGS: exchange.listings_path, Asking.TRADES: exchange.trades_path(pair, None), Asking.BOOK: exchange.book_path(pair)}
    for asking, path in paths.items():
        if path is not None:
            yield Frame(market, Source.REPLAY, TIME, _body(market, asking, path, pair), f"{exchange.rest_urls[0]}{path}")
    assert Channel.TRADE in exchange.urls
    assert dialect.asking(paths[Asking.LISTINGS] or "")[0] is Asking.LISTINGS


@functools.cache
def seeds(market: str) -> tuple[Frame, ...]:
    """Of each shape the shortest frame; those too long to be broken in every place are left out."""
    shapes: dict[object, Frame] = {}
    candidates = [read.frame for read in frames_of(market) if read.refusal is None]
    for frame in sorted([*candidates, *simulated(market), *answers(market)], key=lambda frame: len(frame.message)):
        try:
            message = json.loads(frame.message)
        except ValueError:
            continue  # a bare word, OKX's pong
        if len(frame.message) <= _LONGEST:
            shapes.setdefault((frame.url is None, _shape(message)), frame)
    return tuple(shapes.values())


def _body(market: str, asking: Asking, path: str, pair: Pair) -> str | bytes:
    dialect = dialects()[market]
    match asking:
        case Asking.LISTINGS:
            return dialect.listings([pair])
        case Asking.TRADES:
            return dialect.recent_trades([full_trade(market)], path)
        case Asking.BOOK if EXCHANGES[market].book_rule.rest_snapshot:
            return incoming(full_book(market, REST)).message
        case Asking.BOOK:
            return _BOOK_OF_GATEIO


def _identity(market: str) -> dict[str, Any]:
    exchange = EXCHANGES[market]
    return {
        "market": market,
        "symbol": "BTC",
        "quote": exchange.quotes[0],
        "instrument": exchange.instrument,
        "source": Source.REPLAY,
        "event_time": TIME,
        "received_time": TIME + 50,
    }


def _shape(value: Any) -> object:
    """Its keys and types; of a list, those of what is in it, each once."""
    if isinstance(value, dict):
        return tuple(sorted((key, str(_shape(inner))) for key, inner in value.items()))
    if isinstance(value, list):
        return tuple(sorted({str(_shape(inner)) for inner in value}))
    return type(value).__name__
