"""What Bybit's messages hold, as they are on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, Price, WireNumber, pair_of
from src.collect.parsed import Control, ControlKind, Listing
from src.errors import MalformedFrame
from src.schema.records import Instrument

TakerSide = Literal["Buy", "Sell"]
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class BybitTicker(msgspec.Struct, rename="camel"):
    """A ticker, of spot or of a contract; a change of a contract's has only what is new."""

    symbol: str
    last_price: WireNumber = None
    # Spelled out: the rule for camel case would make highPrice24H of it.
    high_price24h: WireNumber = msgspec.field(name="highPrice24h", default=None)
    low_price24h: WireNumber = msgspec.field(name="lowPrice24h", default=None)
    prev_price24h: WireNumber = msgspec.field(name="prevPrice24h", default=None)
    volume24h: WireNumber = None
    turnover24h: WireNumber = None
    open_interest: WireNumber = None
    """Of contracts alone."""
    bid1_price: WireNumber = None
    bid1_size: WireNumber = None
    ask1_price: WireNumber = None
    ask1_size: WireNumber = None


class _Trade(msgspec.Struct):
    s: str
    t: EventTime = msgspec.field(name="T")
    i: str
    p: Price
    v: Price
    side: TakerSide = msgspec.field(name="S")


class _RecentTrade(msgspec.Struct, rename="camel"):
    exec_id: str
    symbol: str
    price: Price
    size: Price
    side: TakerSide
    time: EventTime


class _RecentTrades(msgspec.Struct):
    rows: list[_RecentTrade] = msgspec.field(name="list")


class _Book(msgspec.Struct):
    s: str
    u: _Number
    b: list[tuple[Price, Price]]
    a: list[tuple[Price, Price]]


class _Instrument(msgspec.Struct, rename="camel"):
    base_coin: str
    quote_coin: str
    status: str
    contract_type: str | None = None


class _Instruments(msgspec.Struct):
    rows: list[_Instrument] = msgspec.field(name="list")


class _Answer(msgspec.Struct, rename="camel"):
    ret_code: int
    ret_msg: str = ""
    result: msgspec.Raw = msgspec.Raw()


class Message(msgspec.Struct):
    """A message of the socket: market data has a topic, everything else has none."""

    topic: str | None = None
    ts: EventTime | None = None
    type: str | None = None
    cts: EventTime | None = None
    data: msgspec.Raw = msgspec.Raw()
    success: bool | None = None
    ret_msg: str | None = None
    op: str | None = None


def control(message: Message) -> Control:
    """What a message without a topic says."""
    if message.success is False:
        return Control(ControlKind.REFUSED, message.ret_msg or "refused without a word")
    if "pong" in (message.ret_msg, message.op):
        return Control(ControlKind.HEARTBEAT, "pong")
    if message.success is True:
        return Control(ControlKind.ACKNOWLEDGED, message.op or "acknowledged")
    raise MalformedFrame("neither market data nor a known control frame")


def listings(instruments: Iterable[_Instrument]) -> Sequence[Listing]:
    """What is traded. A coin whose name is no coin's name to us is left out: nothing can be subscribed to under it, and the others count."""
    found: list[Listing] = []
    for instrument in instruments:
        try:
            pair = pair_of(instrument.base_coin, instrument.quote_coin)
        except MalformedFrame:
            continue
        kind = _CONTRACT_TYPES.get(instrument.contract_type)
        if kind is not None:
            found.append(Listing(pair, kind, trading=instrument.status == "Trading"))
    return found


MESSAGES = FrameDecoder(Message)
TICKERS = FrameDecoder(BybitTicker)
TRADES = FrameDecoder(list[_Trade])
BOOKS = FrameDecoder(_Book)
ANSWERS = FrameDecoder(_Answer)
RECENT_TRADES = FrameDecoder(_RecentTrades)
INSTRUMENTS = FrameDecoder(_Instruments)
_CONTRACT_TYPES = {None: Instrument.SPOT, "LinearPerpetual": Instrument.PERPETUAL, "LinearFutures": Instrument.FUTURE}
