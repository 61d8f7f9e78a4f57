"""What Binance says: the shapes of its frames and answers, the same for spot and for USD-M contracts."""

from __future__ import annotations

from typing import Annotated

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, Price, WireNumber

Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Of a change of a book or of a trade."""
WireLevel = tuple[Price, Price]


class Event(msgspec.Struct, tag_field="e", kw_only=True):
    """A payload; `e` says which."""

    symbol: str = msgspec.field(name="s")
    event_time: EventTime = msgspec.field(name="E")
    contract_kind: int | None = msgspec.field(name="st", default=None)
    """1 for USD-M and 2 for COIN-M contracts, since 2026; spot has none."""


class TickerEvent(Event, tag="24hrTicker", kw_only=True):
    """The rolling 24 hours of a pair."""

    prev_close: WireNumber = msgspec.field(name="x", default=None)
    last: WireNumber = msgspec.field(name="c", default=None)
    bid: WireNumber = msgspec.field(name="b", default=None)
    bid_size: WireNumber = msgspec.field(name="B", default=None)
    ask: WireNumber = msgspec.field(name="a", default=None)
    ask_size: WireNumber = msgspec.field(name="A", default=None)
    open: WireNumber = msgspec.field(name="o", default=None)
    high: WireNumber = msgspec.field(name="h", default=None)
    low: WireNumber = msgspec.field(name="l", default=None)
    volume: WireNumber = msgspec.field(name="v", default=None)
    quote_volume: WireNumber = msgspec.field(name="q", default=None)


class AggregateTrade(msgspec.Struct, kw_only=True):
    """The fills of one taker order at one price: an element of a REST answer."""

    trade_id: Number = msgspec.field(name="a")
    price: Price = msgspec.field(name="p")
    size: Price = msgspec.field(name="q")
    time: EventTime = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


class TradeEvent(Event, tag="aggTrade", kw_only=True):
    """The same on a socket."""

    trade_id: Number = msgspec.field(name="a")
    price: Price = msgspec.field(name="p")
    size: Price = msgspec.field(name="q")
    time: EventTime = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")
    size_without_rpi: WireNumber = msgspec.field(name="nq", default=None)
    """Sent for contracts only."""


class DepthEvent(Event, tag="depthUpdate", kw_only=True):
    """Changes of a book."""

    first: Number = msgspec.field(name="U")
    last: Number = msgspec.field(name="u")
    previous: Number | None = msgspec.field(name="pu", default=None)
    """Sent for contracts only."""
    time: EventTime | None = msgspec.field(name="T", default=None)
    bids: list[WireLevel] = msgspec.field(name="b")
    asks: list[WireLevel] = msgspec.field(name="a")


class Shutdown(msgspec.Struct, tag_field="e", tag="serverShutdown"):
    """The server is about to close the connection."""


AnyEvent = TickerEvent | TradeEvent | DepthEvent | Shutdown


class Error(msgspec.Struct):
    """A refusal."""

    code: int | None = None
    msg: str | None = None


class Message(Error):
    """A frame: an event in the envelope of a combined stream, a bare event (of which only `event` is read), or the answer to a request."""

    stream: str | None = None
    data: AnyEvent | None = None
    event: str | None = msgspec.field(name="e", default=None)
    id: int | str | msgspec.UnsetType | None = msgspec.UNSET
    result: list[str] | None = None
    error: Error | None = None


class Payload(msgspec.Struct):
    """A frame of which only the names are read."""

    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    event: str | None = msgspec.field(name="e", default=None)
    symbol: str | None = msgspec.field(name="s", default=None)


class Symbol(msgspec.Struct, rename="camel"):
    """A line of `exchangeInfo`."""

    symbol: str
    base_asset: str
    quote_asset: str
    status: str
    is_spot_trading_allowed: bool = True
    contract_type: str | None = None


class Answer(Error):
    """The answer to a REST request, unless it is a list of trades."""

    symbols: list[Symbol] | None = None
    last_update_id: Number | None = msgspec.field(name="lastUpdateId", default=None)
    time: EventTime | None = msgspec.field(name="T", default=None)
    bids: list[WireLevel] | None = None
    asks: list[WireLevel] | None = None


MESSAGES = FrameDecoder(Message)
EVENTS: FrameDecoder[AnyEvent] = FrameDecoder(AnyEvent)  # type: ignore[arg-type]  # a union is no class to the type checker
PAYLOADS = FrameDecoder(Payload)
ANSWERS = FrameDecoder(Answer)
RECENT_TRADES = FrameDecoder(list[AggregateTrade])
