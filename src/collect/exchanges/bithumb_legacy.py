"""Bithumb's socket before 2024 (`pubwss.bithumb.com`), for recordings of it; nothing subscribes to it.

Peculiar: names are BTC_KRW. Trades have no id, several come in a frame, and their times are Seoul's. Books come as changes without any number
(`orderbookdepth`), so that they prove nothing, or as a whole book of 30 levels (`orderbooksnapshot`); times of both are in us.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Literal

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import Price, milliseconds, pair_of
from src.collect.exchanges.upbit_messages import BookTime, book_milliseconds
from src.collect.parsed import BookUpdate, Control, ControlKind, Frame, Pair
from src.errors import MalformedFrame
from src.schema.records import Region, Side, Trade

_SUCCESS = "0000"


class LegacyChange(msgspec.Struct, rename="camel", gc=False):
    """One level of a book that has changed."""

    symbol: str
    order_type: Literal["bid", "ask"]
    price: Price
    quantity: Price


class LegacyChanges(msgspec.Struct):
    """All that changed at once."""

    changes: list[LegacyChange] = msgspec.field(name="list")
    datetime: BookTime


class LegacyDepth(msgspec.Struct, tag_field="type", tag="orderbookdepth"):
    """Changes of books."""

    content: LegacyChanges


class LegacyBook(msgspec.Struct):
    """A whole book, best first."""

    symbol: str
    datetime: BookTime
    asks: list[tuple[Price, Price]]
    bids: list[tuple[Price, Price]]


class LegacySnapshot(msgspec.Struct, tag_field="type", tag="orderbooksnapshot"):
    """A whole book."""

    content: LegacyBook


class LegacyTrade(msgspec.Struct, rename="camel", gc=False):
    """A trade; `buy_sell_gb` is the taker's side, 1 sold and 2 bought."""

    symbol: str
    buy_sell_gb: Literal["1", "2"]
    cont_price: Price
    cont_qty: Price
    cont_dtm: str


class LegacyTrades(msgspec.Struct):
    """Trades of one moment."""

    trades: list[LegacyTrade] = msgspec.field(name="list")


class LegacyTransaction(msgspec.Struct, tag_field="type", tag="transaction"):
    """Trades."""

    content: LegacyTrades


class LegacyStatus(msgspec.Struct):
    """The answer to a connection or a request."""

    status: str
    resmsg: str


def parse_legacy(frame: Frame, market: str, region: Region) -> Sequence[Trade | BookUpdate | Control] | None:
    """The records of a frame of the former socket; None for any other frame. Raises `MalformedFrame` for a frame of it that cannot be read."""
    try:
        message = _MESSAGES.decode(frame)
    except MalformedFrame:
        return _status(frame)
    match message:
        case LegacyTransaction():
            return [_trade(trade, frame, market, region) for trade in message.content.trades]
        case LegacySnapshot():
            book = message.content
            return (_update(book.symbol, book.bids, book.asks, book.datetime, frame, market, snapshot=True),)
        case LegacyDepth():
            return _changes(message.content, frame, market)


def _status(frame: Frame) -> Sequence[Control] | None:
    try:
        message = _STATUSES.decode(frame)
    except MalformedFrame:
        return None
    if message.status == _SUCCESS:
        return (Control(ControlKind.ACKNOWLEDGED, message.resmsg),)
    return (Control(ControlKind.REFUSED, f"{message.status}: {message.resmsg}"),)


def _trade(trade: LegacyTrade, frame: Frame, market: str, region: Region) -> Trade:
    pair = _pair(trade.symbol)
    return Trade(
        region=region,
        market=market,
        symbol=pair.symbol,
        quote=pair.quote,
        source=frame.source,
        event_time=milliseconds(f"{trade.cont_dtm}+09:00"),
        received_time=frame.received_time,
        price=trade.cont_price / pair.multiple,
        size=trade.cont_qty * pair.multiple,
        side=Side.SELL if trade.buy_sell_gb == "1" else Side.BUY,
    )


def _changes(content: LegacyChanges, frame: Frame, market: str) -> Sequence[BookUpdate]:
    updates = []
    for symbol, of_symbol in groupby(content.changes, key=lambda change: change.symbol):
        changes = list(of_symbol)
        bids = [(change.price, change.quantity) for change in changes if change.order_type == "bid"]
        asks = [(change.price, change.quantity) for change in changes if change.order_type == "ask"]
        updates.append(_update(symbol, bids, asks, content.datetime, frame, market, snapshot=False))
    return updates


def _update(
    symbol: str,
    bids: Sequence[tuple[float, float]],
    asks: Sequence[tuple[float, float]],
    time: int,
    frame: Frame,
    market: str,
    *,
    snapshot: bool,
) -> BookUpdate:
    pair = _pair(symbol)
    return BookUpdate(
        market=market,
        symbol=pair.symbol,
        quote=pair.quote,
        source=frame.source,
        event_time=book_milliseconds(time),
        received_time=frame.received_time,
        snapshot=snapshot,
        bids=[(price / pair.multiple, size * pair.multiple) for price, size in bids],
        asks=[(price / pair.multiple, size * pair.multiple) for price, size in asks],
    )


@lru_cache(maxsize=1024)
def _pair(name: str) -> Pair:
    symbol, _, quote = name.partition("_")
    return pair_of(symbol, quote)


_MESSAGES: FrameDecoder[LegacyTransaction | LegacySnapshot | LegacyDepth] = FrameDecoder(
    LegacyTransaction | LegacySnapshot | LegacyDepth  # type: ignore[arg-type]
)
_STATUSES = FrameDecoder(LegacyStatus)
