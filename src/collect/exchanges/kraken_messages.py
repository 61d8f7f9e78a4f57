"""What Kraken says: the shapes of the frames of its v2 socket and of its REST answers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import END_OF_TIME, Price, WireNumber, number, pair_of
from src.collect.parsed import Control, ControlKind, Listing, Pair, WrittenLevel
from src.errors import MalformedFrame
from src.schema.records import Instrument, Side

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
TradeId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Checksum = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class WireTicker(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A ticker. What is reckoned with is read in decimal, so that no binary remainder shows."""

    symbol: str
    bid: WireNumber = None
    bid_qty: WireNumber = None
    ask: WireNumber = None
    ask_qty: WireNumber = None
    last: Decimal | None = None
    volume: Decimal | None = None
    vwap: Decimal | None = None
    low: WireNumber = None
    high: WireNumber = None
    change: Decimal | None = None
    timestamp: Moment


class WireTrade(msgspec.Struct, kw_only=True):
    """A trade."""

    symbol: str
    side: Side
    price: Price
    qty: Price
    trade_id: TradeId
    timestamp: Moment


class WireLevel(msgspec.Struct):
    """A level of a book, left as it was spelled: its checksum is made of the digits."""

    price: msgspec.Raw
    qty: msgspec.Raw


class WireBook(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A book, or the changes of one."""

    symbol: str
    bids: list[WireLevel]
    asks: list[WireLevel]
    checksum: Checksum | None = None
    timestamp: Moment | None = None


class Status(msgspec.Struct):
    """How the exchange is."""

    system: str


class Subscribed(msgspec.Struct):
    """What a request was for."""

    channel: str | None = None
    symbol: str | None = None


class Message(msgspec.Struct):
    """A frame."""

    channel: str | None = None
    type: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    method: str | None = None
    success: bool | None = None
    error: str | None = None
    result: Subscribed | None = None
    event: str | None = None
    """Of a control frame of v1."""


class RestTrade(msgspec.Struct, array_like=True):
    """A trade of a REST answer; its time is in seconds."""

    price: Price
    size: Price
    time: Decimal
    side: Literal["b", "s"]
    order_type: str = ""
    miscellaneous: str = ""
    trade_id: TradeId | None = None


class AssetPair(msgspec.Struct):
    """A line of the list of pairs; `wsname` has the names of v1 (XBT/USD)."""

    wsname: str | None = None
    status: str = "online"


class Answer(msgspec.Struct):
    """The answer to a REST request, a part for each pair and for `last`."""

    error: list[str]
    result: dict[str, msgspec.Raw] = {}


MESSAGES = FrameDecoder(Message)
TICKERS = FrameDecoder(list[WireTicker])
TRADES = FrameDecoder(list[WireTrade])
BOOKS = FrameDecoder(list[WireBook])
STATUSES = FrameDecoder(list[Status])
ANSWERS = FrameDecoder(Answer)
RECENT_TRADES = FrameDecoder(list[RestTrade])
ASSET_PAIRS = FrameDecoder(AssetPair)


EXACT = Context(prec=40, traps=[])  # without traps, what overflows becomes infinite and then null


def plain(value: Decimal | None) -> float | None:
    """The number as records hold it; None where there is none, or no finite one."""
    return None if value is None or not value.is_finite() else number(float(value))


def milliseconds_of(moment: datetime) -> int:
    """Milliseconds since 1970 UTC, cut (not rounded) to whole ones."""
    since = moment - _EPOCH
    if since.days < 0:
        raise MalformedFrame("a time is before 1970")
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def milliseconds_of_seconds(seconds: Decimal) -> int:
    """The same of a number of seconds with a fraction."""
    if not seconds.is_finite() or not 0 <= seconds < END_OF_TIME // 1000:
        raise MalformedFrame("a time is before 1970 or after 9999")
    return int(seconds * 1000)


def written(price: str, size: str, pair: Pair) -> WrittenLevel:
    """A level of a book with its own digits beside the numbers."""
    try:
        numbers = float(price), float(size)
    except ValueError:
        raise MalformedFrame("a level of a book is no number") from None
    if "_" in price + size or not (0 <= numbers[0] < _TOO_LARGE and 0 <= numbers[1] < _TOO_LARGE):
        raise MalformedFrame("a level of a book is negative, or no finite number")
    return numbers[0] / pair.multiple, numbers[1] * pair.multiple, price, size


def control(message: Message) -> Control:
    """What a frame without market data says."""
    if message.channel == "heartbeat" or message.method == "pong":
        return Control(ControlKind.HEARTBEAT, message.channel or "pong")
    if message.error is not None or message.success is False:
        return Control(ControlKind.REFUSED, message.error or "refused without a word")
    if message.method is not None and message.success is True:
        subscribed = message.result or Subscribed()
        return Control(ControlKind.ACKNOWLEDGED, " ".join(filter(None, (message.method, subscribed.channel, subscribed.symbol))))
    raise MalformedFrame("neither market data nor a known control frame")


def listings(answer: Answer) -> list[Listing]:
    """The pairs of a list. Those without a name on the socket, and those whose names no record could carry (tokenised shares), are left out."""
    found: list[Listing] = []
    for part in answer.result.values():
        listed = ASSET_PAIRS.decode_part(part)
        pair = _pair_or_none(listed.wsname or "")
        if pair is not None:
            found.append(Listing(pair, Instrument.SPOT, trading=listed.status in _TRADING))
    return found


@lru_cache(maxsize=8192)
def old_pair(name: str) -> Pair:
    """The pair of a name as v1 and REST have it: XBT/USD."""
    symbol, _, quote = name.partition("/")
    return pair_of(_OLD_COINS.get(symbol, symbol), _OLD_COINS.get(quote, quote))


def _pair_or_none(name: str) -> Pair | None:
    try:
        return old_pair(name)
    except MalformedFrame:
        return None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOO_LARGE = 1e30
_OLD_COINS = {"XBT": "BTC", "XDG": "DOGE"}
_TRADING = frozenset({"online", "limit_only", "reduce_only"})
