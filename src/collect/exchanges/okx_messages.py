"""OKX's messages as they are on the wire, and what their names and levels mean."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, Price, WireNumber, pair_of
from src.collect.parsed import BookLevel, Control, ControlKind, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, Side

_WireLevel = tuple[Price, Price, str, str]
"""Price, size, a field out of use, number of orders."""
_WrittenWireLevel = tuple[str, str, str, str]


class _Argument(msgspec.Struct, rename="camel"):
    channel: str
    inst_id: str | None = None


class WireTicker(msgspec.Struct, rename="camel", kw_only=True):
    """One element of `tickers`."""

    inst_type: str
    inst_id: str
    last: WireNumber = None
    ask_px: WireNumber = None
    ask_sz: WireNumber = None
    bid_px: WireNumber = None
    bid_sz: WireNumber = None
    open24h: WireNumber = None
    high24h: WireNumber = None
    low24h: WireNumber = None
    # Spelled out: the rule for camel case would make volCcy24H of it.
    vol_ccy24h: WireNumber = msgspec.field(name="volCcy24h", default=None)
    vol24h: WireNumber = None
    ts: EventTime


class WireTrade(msgspec.Struct, rename="camel"):
    """One element of `trades`."""

    inst_id: str
    trade_id: str
    px: Price
    sz: Price
    side: Side
    ts: EventTime


class WireBook(msgspec.Struct, rename="camel"):
    """One element of a book channel."""

    bids: list[_WireLevel]
    asks: list[_WireLevel]
    ts: EventTime
    checksum: int | None = None
    seq_id: int | None = None
    prev_seq_id: int | None = None


class WrittenWireBook(msgspec.Struct):
    """The same with its digits as they were written, for a checksum."""

    bids: list[_WrittenWireLevel]
    asks: list[_WrittenWireLevel]


class _Instrument(msgspec.Struct, rename="camel"):
    inst_type: str
    inst_id: str
    state: str = "live"


class WireMessage(msgspec.Struct):
    """Any message of the socket, and any answer by REST."""

    arg: _Argument | None = None
    action: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    event: str | None = None
    code: str | int | None = None
    msg: str | None = None


def control_of(message: WireMessage) -> Control:
    """What an event says. Raises `MalformedFrame` for one of an unknown name."""
    kind = _EVENTS.get(message.event or "")
    if kind is None:
        raise MalformedFrame("an event of an unknown name")
    if kind is ControlKind.ACKNOWLEDGED and message.arg is not None:
        return Control(kind, f"{message.event} {message.arg.channel} {message.arg.inst_id or ''}".rstrip())
    return Control(kind, ": ".join(str(text) for text in (message.code, message.msg) if text) or str(message.event))


def listing_of(instrument: _Instrument) -> Listing | None:
    """None for a name that no record could have: some coins are named in Chinese."""
    kind = KINDS.get(instrument.inst_type)
    try:
        return Listing(pair_named(instrument.inst_id, kind), kind or Instrument.SPOT, trading=instrument.state == "live")
    except MalformedFrame:
        return None


def instrument_of(inst_id: str) -> Instrument:
    """What an id names, by its shape."""
    match inst_id.count("-"):
        case 1:
            return Instrument.SPOT
        case 2:
            return Instrument.PERPETUAL if inst_id.endswith("-SWAP") else Instrument.FUTURE
        case _:
            return Instrument.OPTION


def pair_named(inst_id: str, instrument: Instrument | None) -> Pair:
    """The pair of an id. Raises `MalformedFrame` where the id does not fit the instrument."""
    names = inst_id.split("-")
    if instrument is None or len(names) != _NAMES_IN_ID[instrument]:
        raise MalformedFrame("an instrument of an unknown type, or whose id does not fit its type")
    return pair_of(names[0], names[1])


def levels_of(levels: Sequence[_WireLevel], written: Sequence[_WireLevel | _WrittenWireLevel], pair: Pair) -> Sequence[BookLevel]:
    """Price of a coin and size in coins, with the digits of the wire where a checksum is made of them."""
    multiple = pair.multiple
    if written is levels:
        return [(level[0] / multiple, level[1] * multiple) for level in levels] if multiple != 1 else [level[:2] for level in levels]
    return [(level[0] / multiple, level[1] * multiple, str(text[0]), str(text[1])) for level, text in zip(levels, written, strict=True)]


MESSAGES = FrameDecoder(WireMessage)
TICKERS = FrameDecoder(list[WireTicker])
TRADES = FrameDecoder(list[WireTrade])
BOOKS = FrameDecoder(list[WireBook])
WRITTEN_BOOKS = FrameDecoder(list[WrittenWireBook])
INSTRUMENTS = FrameDecoder(list[_Instrument])
KINDS = {
    "SPOT": Instrument.SPOT,
    "SWAP": Instrument.PERPETUAL,
    "FUTURES": Instrument.FUTURE,
    "OPTION": Instrument.OPTION,
}
# BTC-USDT; BTC-USDT-SWAP; BTC-USD-210924; BTC-USD-210924-66000-C
_NAMES_IN_ID = {Instrument.SPOT: 2, Instrument.PERPETUAL: 3, Instrument.FUTURE: 3, Instrument.OPTION: 5}
DATED = frozenset({Instrument.FUTURE, Instrument.OPTION})
_EVENTS = {
    "subscribe": ControlKind.ACKNOWLEDGED,
    "unsubscribe": ControlKind.ACKNOWLEDGED,
    "channel-conn-count": ControlKind.NOTICE,
    "channel-conn-count-error": ControlKind.REFUSED,
    "notice": ControlKind.CLOSING,
    "error": ControlKind.REFUSED,
}
