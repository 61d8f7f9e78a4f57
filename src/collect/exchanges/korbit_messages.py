"""What Korbit's frames and the answers of its REST interface hold."""

from __future__ import annotations

from typing import Annotated

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, Price, WireNumber

TradeNumber = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class TickerFields(msgspec.Struct, rename="camel", gc=False):
    """Of the last 24 hours, and the best prices."""

    open: WireNumber = None
    high: WireNumber = None
    low: WireNumber = None
    close: WireNumber = None
    prev_close: WireNumber = None
    volume: WireNumber = None
    quote_volume: WireNumber = None
    best_bid_price: WireNumber = None
    best_ask_price: WireNumber = None


class TickerMessage(msgspec.Struct, tag_field="type", tag="ticker"):
    """A ticker; `timestamp` is the server's."""

    symbol: str
    timestamp: EventTime
    data: TickerFields


class OneTrade(msgspec.Struct, rename="camel", gc=False):
    """A trade, on the socket and in a REST answer."""

    timestamp: EventTime
    price: Price
    qty: Price
    is_buyer_taker: bool
    trade_id: TradeNumber


class TradeMessage(msgspec.Struct, tag_field="type", tag="trade"):
    """Trades of one pair."""

    symbol: str
    data: list[OneTrade]


class Quantity(msgspec.Struct, gc=False):
    """One level of a book."""

    price: Price
    qty: Price


class WholeBook(msgspec.Struct):
    """Both sides, best first; `timestamp` is when it last changed."""

    timestamp: EventTime
    asks: list[Quantity]
    bids: list[Quantity]


class BookMessage(msgspec.Struct, tag_field="type", tag="orderbook"):
    """A whole book."""

    symbol: str
    data: WholeBook


class ControlMessage(msgspec.Struct, rename="camel"):
    """The answer to a request."""

    status: str | None = None
    code: str | None = None
    message: str | None = None
    request_id: int | str | None = None


class RestError(msgspec.Struct, frozen=True):
    """Why a REST request is refused."""

    code: int | str = ""
    message: str = ""


class RestMessage(msgspec.Struct, kw_only=True):
    """A REST answer."""

    success: bool
    error: RestError = RestError()


class TradesMessage(RestMessage):
    """The latest trades of a pair."""

    data: list[OneTrade] = []


class ListingMessage(msgspec.Struct):
    """A pair of the list; `status` is launched or stopped."""

    symbol: str
    status: str


class ListingsMessage(RestMessage):
    """All pairs."""

    data: list[ListingMessage] = []


MARKET_DATA: FrameDecoder[TickerMessage | TradeMessage | BookMessage] = FrameDecoder(TickerMessage | TradeMessage | BookMessage)  # type: ignore[arg-type]
CONTROLS = FrameDecoder(ControlMessage)
TRADES = FrameDecoder(TradesMessage)
LISTINGS = FrameDecoder(ListingsMessage)
