"""What Coinone's frames hold, in both of their formats, and what its REST interface answers.

DEFAULT is what is subscribed to. SHORT says the same in keys of one to three letters.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, Price, WireNumber
from src.collect.parsed import Frame
from src.errors import MalformedFrame
from src.schema.records import Name

BookNumber = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class TickerFields(msgspec.Struct, gc=False):
    """Of the last 24 hours, and the best prices and sizes."""

    quote_currency: str
    target_currency: str
    timestamp: EventTime
    quote_volume: WireNumber = None
    target_volume: WireNumber = None
    high: WireNumber = None
    low: WireNumber = None
    first: WireNumber = None
    last: WireNumber = None
    ask_best_price: WireNumber = None
    ask_best_qty: WireNumber = None
    bid_best_price: WireNumber = None
    bid_best_qty: WireNumber = None
    yesterday_last: WireNumber = None


class TickerMessage(msgspec.Struct, tag_field="channel", tag="TICKER"):
    """A ticker."""

    response_type: Literal["DATA"]
    data: TickerFields


class OneTrade(msgspec.Struct, gc=False):
    """A trade, on the socket and in a REST answer, beside its pair."""

    id: Name
    timestamp: EventTime
    price: Price
    qty: Price
    is_seller_maker: bool


class TradeFields(OneTrade, kw_only=True, gc=False):
    """A trade on the socket."""

    quote_currency: str
    target_currency: str


class TradeMessage(msgspec.Struct, tag_field="channel", tag="TRADE"):
    """A trade."""

    response_type: Literal["DATA"]
    data: TradeFields


class Quantity(msgspec.Struct, gc=False):
    """One level of a book."""

    price: Price
    qty: Price


class BookFields(msgspec.Struct):
    """A whole book: bids best first, asks worst first."""

    quote_currency: str
    target_currency: str
    timestamp: EventTime
    id: BookNumber
    asks: list[Quantity]
    bids: list[Quantity]


class BookMessage(msgspec.Struct, tag_field="channel", tag="ORDERBOOK"):
    """A whole book."""

    response_type: Literal["DATA"]
    data: BookFields


_SHORT_NAMES = {"quote_currency": "qc", "target_currency": "tc", "timestamp": "t", "id": "i"}


class ShortTradeFields(msgspec.Struct, gc=False, rename=_SHORT_NAMES | {"price": "p", "qty": "q", "is_seller_maker": "sm"}):
    """The same as `TradeFields`."""

    quote_currency: str
    target_currency: str
    id: Name
    timestamp: EventTime
    price: Price
    qty: Price
    is_seller_maker: bool


class ShortTradeMessage(msgspec.Struct, tag_field="c", tag="TRADE", rename={"response_type": "r", "data": "d"}):
    """A trade."""

    response_type: Literal["DATA"]
    data: ShortTradeFields


class ShortQuantity(msgspec.Struct, gc=False, rename={"price": "p", "qty": "q"}):
    """The same as `Quantity`."""

    price: Price
    qty: Price


class ShortBookFields(msgspec.Struct, rename=_SHORT_NAMES | {"asks": "a", "bids": "b"}):
    """The same as `BookFields`."""

    quote_currency: str
    target_currency: str
    timestamp: EventTime
    id: BookNumber
    asks: list[ShortQuantity]
    bids: list[ShortQuantity]


class ShortBookMessage(msgspec.Struct, tag_field="c", tag="ORDERBOOK", rename={"response_type": "r", "data": "d"}):
    """A whole book."""

    response_type: Literal["DATA"]
    data: ShortBookFields


class Topic(msgspec.Struct, frozen=True):
    """What a request was about."""

    quote_currency: str = ""
    target_currency: str = ""
    session_id: str = ""


class ControlMessage(msgspec.Struct):
    """Anything that is no market data."""

    response_type: str
    channel: str = ""
    data: Topic = Topic()
    error_code: int | str = ""
    message: str = ""


class RestMessage(msgspec.Struct, kw_only=True):
    """A REST answer; a refusal has status 200 too."""

    result: str
    error_code: int | str = ""
    error_msg: str = ""


class TradesMessage(RestMessage):
    """The latest trades of a pair."""

    quote_currency: str = ""
    target_currency: str = ""
    transactions: list[OneTrade] = []


class ListingMessage(msgspec.Struct):
    """A pair of the list. `trade_status` 1: both sides may trade; 0, 2 and 3: none, only sellers, only buyers."""

    quote_currency: str
    target_currency: str
    trade_status: int
    maintenance_status: int


class ListingsMessage(RestMessage):
    """All pairs of a quote currency."""

    markets: list[ListingMessage] = []


MarketData = TickerMessage | TradeMessage | BookMessage | ShortTradeMessage | ShortBookMessage


def market_data(frame: Frame) -> MarketData:
    """What a frame says of a market. Raises `MalformedFrame` for every other frame."""
    if frame.message[:5] in _SHORT_BEGINNINGS:
        return _SHORT.decode(frame)
    try:
        return _DEFAULT.decode(frame)
    except MalformedFrame as refused:
        if "`channel`" not in refused.reason:
            raise
    return _SHORT.decode(frame)


_SHORT_BEGINNINGS = ('{"r":', b'{"r":')
_DEFAULT: FrameDecoder[TickerMessage | TradeMessage | BookMessage] = FrameDecoder(TickerMessage | TradeMessage | BookMessage)  # type: ignore[arg-type]
_SHORT: FrameDecoder[ShortTradeMessage | ShortBookMessage] = FrameDecoder(ShortTradeMessage | ShortBookMessage)  # type: ignore[arg-type]
CONTROLS = FrameDecoder(ControlMessage)
TRADES = FrameDecoder(TradesMessage)
LISTINGS = FrameDecoder(ListingsMessage)
