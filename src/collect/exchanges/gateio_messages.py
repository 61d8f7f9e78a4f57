"""What Gate.io's messages hold, as they are on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import END_OF_TIME, EventTime, Price, WireNumber, pair_of
from src.collect.parsed import Control, ControlKind, Listing
from src.errors import MalformedFrame
from src.schema.records import Instrument, Side

_Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Error(msgspec.Struct):
    code: int
    message: str


class Message(msgspec.Struct):
    """A message of the socket. Books of `spot.obu` have no event."""

    channel: str | None = None
    event: str | None = None
    time: Annotated[int, msgspec.Meta(ge=0, lt=END_OF_TIME // 1000)] | None = None
    time_ms: EventTime | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None
    type: str | None = None
    msg: str | None = None


class TickerMessage(msgspec.Struct):
    """A ticker."""

    currency_pair: str
    last: WireNumber = None
    lowest_ask: WireNumber = None
    highest_bid: WireNumber = None
    base_volume: WireNumber = None
    quote_volume: WireNumber = None
    high_24h: WireNumber = None
    low_24h: WireNumber = None


class TradeMessage(msgspec.Struct):
    """A trade, of the socket or of a list by REST, which need not say the pair."""

    id: _Number
    create_time_ms: str
    side: Side
    amount: Price
    price: Price
    currency_pair: str = ""


class BookChange(msgspec.Struct):
    """A message of `spot.obu` or `spot.order_book_update`; one that changes nothing has no levels."""

    s: str
    t: EventTime
    last: _Number = msgspec.field(name="u")
    first: _Number | None = msgspec.field(name="U", default=None)
    full: bool = False
    b: list[tuple[Price, Price]] = []
    a: list[tuple[Price, Price]] = []


class FullBook(msgspec.Struct, rename={"last_update_id": "lastUpdateId"}):
    """A whole book: of `spot.order_book`, or by REST, where its number is `id` and it does not say the pair."""

    bids: list[tuple[Price, Price]]
    asks: list[tuple[Price, Price]]
    s: str = ""
    t: EventTime | None = None
    last_update_id: _Number | None = None
    id: _Number | None = None
    update: EventTime | None = None


class _Status(msgspec.Struct):
    status: str | None = None


class _Refusal(msgspec.Struct):
    label: str = ""
    message: str = ""


class _CurrencyPair(msgspec.Struct):
    base: str
    quote: str
    trade_status: str


def control(message: Message) -> Control:
    """What a message without market data says."""
    if message.type == "upgrade":
        return Control(ControlKind.CLOSING, message.msg or "upgrade")
    if message.error is not None:
        return Control(ControlKind.REFUSED, f"{message.error.code}: {message.error.message}")
    if message.channel == "spot.pong":
        return Control(ControlKind.HEARTBEAT, "pong")
    if message.event in ("subscribe", "unsubscribe") and message.channel is not None:
        if message.result and _STATUSES.decode_part(message.result).status == "success":
            return Control(ControlKind.ACKNOWLEDGED, f"{message.event} {message.channel}")
        return Control(ControlKind.REFUSED, f"{message.event} {message.channel}: refused without a word")
    raise MalformedFrame("neither market data nor a known control frame")


def listings(pairs: Iterable[_CurrencyPair]) -> Sequence[Listing]:
    """What is traded. A coin whose name is no coin's name to us is left out: nothing can be subscribed to under it, and the others count."""
    found: list[Listing] = []
    for pair in pairs:
        try:
            found.append(Listing(pair_of(pair.base, pair.quote), Instrument.SPOT, trading=pair.trade_status == "tradable"))
        except MalformedFrame:
            continue
    return found


MESSAGES = FrameDecoder(Message)
TICKERS = FrameDecoder(TickerMessage)
TRADES = FrameDecoder(TradeMessage)
TRADE_LISTS = FrameDecoder(list[TradeMessage])
BOOK_CHANGES = FrameDecoder(BookChange)
FULL_BOOKS = FrameDecoder(FullBook)
LISTINGS = FrameDecoder(list[_CurrencyPair])
REFUSALS = FrameDecoder(_Refusal)
_STATUSES = FrameDecoder(_Status)
