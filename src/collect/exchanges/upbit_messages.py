"""What the frames of Upbit's protocol hold, in both of its formats, and what its REST interface answers.

DEFAULT is what is subscribed to. SIMPLE says the same in short keys: recordings hold it (Upbit's of April 2021 do).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import END_OF_TIME, EventTime, Price, WireNumber
from src.collect.parsed import Frame
from src.errors import MalformedFrame

BookTime = Annotated[int, msgspec.Meta(ge=0, lt=END_OF_TIME * 1000)]
"""ms since 1970 UTC, or us: see `book_milliseconds`."""
TradeNumber = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""17 digits at Upbit, 19 at Bithumb: more than a double holds."""
_FIRST_MICROSECONDS = 10**14
"""Of a time read as ms the year 5138; of one read as us, 1973."""


class TickerMessage(msgspec.Struct, tag_field="type", tag="ticker", gc=False, kw_only=True, omit_defaults=True):
    """A ticker in DEFAULT format."""

    code: str
    opening_price: WireNumber = None
    high_price: WireNumber = None
    low_price: WireNumber = None
    trade_price: WireNumber = None
    prev_closing_price: WireNumber = None
    acc_trade_volume: WireNumber = None
    timestamp: EventTime
    acc_trade_price_24h: WireNumber = None
    acc_trade_volume_24h: WireNumber = None
    stream_type: str | None = None


class TradeMessage(msgspec.Struct, tag_field="type", tag="trade", gc=False, kw_only=True, omit_defaults=True):
    """A trade in DEFAULT format."""

    code: str
    timestamp: EventTime | None = None
    trade_timestamp: EventTime
    trade_price: Price
    trade_volume: Price
    ask_bid: str
    sequential_id: TradeNumber
    stream_type: str | None = None


class Unit(msgspec.Struct, gc=False):
    """The best, second best and so on of both sides; zeros fill up the shorter side."""

    ask_price: Price = 0.0
    bid_price: Price = 0.0
    ask_size: Price = 0.0
    bid_size: Price = 0.0


class BookMessage(msgspec.Struct, tag_field="type", tag="orderbook", kw_only=True, omit_defaults=True):
    """A whole book in DEFAULT format."""

    code: str
    timestamp: BookTime | None = None
    total_ask_size: WireNumber = None
    total_bid_size: WireNumber = None
    orderbook_units: list[Unit]
    stream_type: str | None = None
    level: WireNumber = None


class ShortTickerMessage(
    msgspec.Struct,
    tag_field="ty",
    tag="ticker",
    gc=False,
    kw_only=True,
    rename={
        "code": "cd",
        "opening_price": "op",
        "high_price": "hp",
        "low_price": "lp",
        "trade_price": "tp",
        "prev_closing_price": "pcp",
        "acc_trade_volume": "atv",
        "timestamp": "tms",
        "acc_trade_price_24h": "atp24h",
        "acc_trade_volume_24h": "atv24h",
    },
):
    """A ticker in SIMPLE format."""

    code: str
    opening_price: WireNumber = None
    high_price: WireNumber = None
    low_price: WireNumber = None
    trade_price: WireNumber = None
    prev_closing_price: WireNumber = None
    acc_trade_volume: WireNumber = None
    timestamp: EventTime
    acc_trade_price_24h: WireNumber = None
    acc_trade_volume_24h: WireNumber = None


class ShortTradeMessage(
    msgspec.Struct,
    tag_field="ty",
    tag="trade",
    gc=False,
    rename={"code": "cd", "trade_timestamp": "ttms", "trade_price": "tp", "trade_volume": "tv", "ask_bid": "ab", "sequential_id": "sid"},
):
    """A trade in SIMPLE format."""

    code: str
    trade_timestamp: EventTime
    trade_price: Price
    trade_volume: Price
    ask_bid: str
    sequential_id: TradeNumber


class ShortUnit(msgspec.Struct, gc=False, rename={"ask_price": "ap", "bid_price": "bp", "ask_size": "as", "bid_size": "bs"}):
    """The same as `Unit`."""

    ask_price: Price = 0.0
    bid_price: Price = 0.0
    ask_size: Price = 0.0
    bid_size: Price = 0.0


class ShortBookMessage(
    msgspec.Struct, tag_field="ty", tag="orderbook", kw_only=True, rename={"code": "cd", "timestamp": "tms", "orderbook_units": "obu"}
):
    """A whole book in SIMPLE format."""

    code: str
    timestamp: BookTime | None = None
    orderbook_units: list[ShortUnit]


class RefusalMessage(msgspec.Struct):
    """Why a request is refused; the socket is closed after it."""

    name: str | int = ""
    message: str = ""


class ControlMessage(msgspec.Struct):
    """Anything that is no market data."""

    error: RefusalMessage | None = None
    status: str | None = None


class TickMessage(msgspec.Struct, kw_only=True):
    """A trade of a REST answer."""

    market: str
    trade_date_utc: str | None = None
    trade_time_utc: str | None = None
    timestamp: EventTime
    trade_price: Price
    trade_volume: Price
    ask_bid: str
    sequential_id: TradeNumber


class MarketMessage(msgspec.Struct):
    """A line of the list of markets."""

    market: str


MarketData = TickerMessage | TradeMessage | BookMessage | ShortTickerMessage | ShortTradeMessage | ShortBookMessage


def market_data(frame: Frame) -> MarketData:
    """What a frame says of a market. Raises `MalformedFrame` for every other frame."""
    if frame.message[:6] in _SHORT_BEGINNINGS:
        return _SHORT.decode(frame)
    try:
        return _DEFAULT.decode(frame)
    except MalformedFrame as refused:
        if "`type`" not in refused.reason:
            raise
    return _SHORT.decode(frame)


def book_milliseconds(time: int | None) -> int | None:
    """The time of a book in ms: Upbit sends ms, Bithumb us (and ms until 2026)."""
    return time if time is None or time < _FIRST_MICROSECONDS else time // 1000


_SHORT_BEGINNINGS = ('{"ty":', b'{"ty":')
_DEFAULT: FrameDecoder[TickerMessage | TradeMessage | BookMessage] = FrameDecoder(TickerMessage | TradeMessage | BookMessage)  # type: ignore[arg-type]
_SHORT: FrameDecoder[ShortTickerMessage | ShortTradeMessage | ShortBookMessage] = FrameDecoder(
    ShortTickerMessage | ShortTradeMessage | ShortBookMessage  # type: ignore[arg-type]
)
CONTROLS = FrameDecoder(ControlMessage)
TICKS = FrameDecoder(list[TickMessage])
MARKETS = FrameDecoder(list[MarketMessage])
