"""Captured frames to records, one market's at a time: what the collector makes of them, without a clock, a stream or a broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from src.collect.book import Book, Outcome
from src.collect.exchange import Exchange, Parsed
from src.collect.exchanges.decoding import not_finite_numbers
from src.collect.parsed import BookUpdate, Channel, Control, Frame, TickerChange
from src.collect.recording import read_line
from src.collect.ticker_changes import TickerChanges
from src.errors import BadInput
from src.schema.records import Instrument, OrderBook, Source, Ticker, Trade

Normal = Ticker | Trade | OrderBook | BookUpdate
"""What comes out: records, or updates of order books where they are asked for as they are."""
Dated = TypeVar("Dated", Ticker, Trade, BookUpdate)
_Key = tuple[str, str, Instrument, str]


class _Recorded(msgspec.Struct, frozen=True):
    """What tells a line of a recording from a frame of its own: a frame may be an object with a `message` too."""

    received: float | None
    message: str | None


_recorded = msgspec.json.Decoder(_Recorded).decode


class Normaliser:
    """Reads the lines of one capture in order. Keeps books and tickers whole; counts what it saw in `counts`.

    `channel` leaves out the records of the others. `problems` gets what a person should know of the line read last. With `raw_updates` the
    updates of order books come out as they are.
    """

    def __init__(self, exchange: Exchange, *, depth: int = 10, channel: Channel | None = None, raw_updates: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self._exchange = exchange
        self._depth = depth
        self._channel = channel
        self._raw_updates = raw_updates
        self._tickers = TickerChanges()
        self._books: dict[_Key, Book] = {}
        self._gap_since: dict[_Key, int] = {}

    def read(self, line: bytes) -> Sequence[Normal]:
        """The records of one line: a frame, or a line of a recording. Raises `BadInput` for what is neither."""
        self.problems.clear()
        self.counts["frames"] += 1
        try:
            frame, undated = self._frame(line)
            parsed = self._exchange.parse(frame)
        except BadInput:
            self.counts["malformed"] += 1
            raise
        if odd := not_finite_numbers(frame.message):
            self.counts["not_finite"] += odd
            self.problems.append(f"{odd} numbers are NaN or infinite and became null")
        found = [record for item in parsed for record in self._normal(item, undated=undated)]
        asked_for = [record for record in found if self._channel in {None, _channel(record)}]
        self.counts["left_out"] += len(found) - len(asked_for)
        self.counts.update(_channel(record) for record in asked_for)
        return asked_for

    def _frame(self, line: bytes) -> tuple[Frame, bool]:
        """The frame of a line, and whether nobody knows when it was received."""
        if not _is_recorded(line):
            return Frame(self._exchange.name, Source.REPLAY, 0, line), True
        recorded = read_line(line)
        received = None if recorded.received is None else round(recorded.received * 1000)
        return Frame(self._exchange.name, Source.REPLAY, received or 0, recorded.message, recorded.url), received is None

    def _normal(self, item: Parsed, *, undated: bool) -> Sequence[Normal]:
        match item:
            case Ticker():
                return (_dated(item, undated=undated),)
            case Trade():
                return (_dated(item, undated=undated),)
            case TickerChange():
                return (_dated(self._tickers.merged(item), undated=undated),)
            case BookUpdate():
                update = _dated(item, undated=undated)
                return (update,) if self._raw_updates else self._book(update)
            case _:
                self.counts["control" if isinstance(item, Control) else "listings"] += 1
                return ()

    def _book(self, update: BookUpdate) -> Sequence[OrderBook]:
        """The book after an update that changed it, or the invalid one when it broke."""
        key = (update.symbol, update.quote, update.instrument, update.contract)
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = Book(self._exchange.book_rule)
        outcome = book.apply(update)
        if outcome in {Outcome.UNCHANGED, Outcome.WAITING}:
            self.counts[f"book_{outcome}"] += 1
            return ()
        if outcome is Outcome.BROKEN and book.fault is not None:
            self.counts["broken_books"] += 1
            self._gap_since[key] = update.received_time if book.fault.event_time is None else book.fault.event_time
            self.problems.append(f"the order book of {update.symbol}/{update.quote} broke: {book.fault.reason}")
        bids, asks = book.best(self._depth)
        record = OrderBook(
            region=self._exchange.region,
            market=update.market,
            symbol=update.symbol,
            quote=update.quote,
            instrument=update.instrument,
            source=update.source,
            event_time=update.received_time if book.event_time is None else book.event_time,
            received_time=update.received_time,
            bids=bids,
            asks=asks,
            sequence=book.sequence,
            valid=book.valid,
            gap_since=self._gap_since.get(key),
        )
        if outcome is Outcome.CHANGED:
            self._gap_since.pop(key, None)
        return (record,)


def _is_recorded(line: bytes) -> bool:
    try:
        _recorded(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _dated(item: Dated, *, undated: bool) -> Dated:
    """An item of a frame that nobody dated counts as received when it happened."""
    return msgspec.structs.replace(item, received_time=item.event_time) if undated and item.event_time is not None else item


def _channel(item: Normal) -> Channel:
    match item:
        case Ticker():
            return Channel.TICKER
        case Trade():
            return Channel.TRADE
        case _:
            return Channel.ORDERBOOK
