"""OKX (USDT), spot and derivatives on one public socket.

Peculiar: every number is a string, and an empty string means none. `instType` tells spot, swap, future and option apart. For
derivatives `vol24h` and the sizes count contracts, so the base volume is `volCcy24h` and the other figures stay null; an option's price is
in the coin where it settles in the coin. The answer to the keep-alive is the bare text `pong`, not JSON. An unknown pair is refused by an
`error` event; a `notice` event comes about a minute before the server closes for an upgrade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from src.collect.exchange import Channel, Control, ControlKind, Exchange, Frame, KeepAlive, Pair
from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, WireNumber, decimal_text, number, pair_of, sent, spot_price
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Ticker


class Okx(Exchange):
    """OKX's public v5 socket."""

    name: ClassVar[str] = "okx"
    region: ClassVar[Region] = Region.ASIA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = {Channel.TICKER: ("wss://ws.okx.com:8443/ws/v5/public",)}
    quotes: ClassVar[tuple[str, ...]] = ("USDT",)
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=20, message="ping")

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One frame for each hundred pairs: far below the 64 KB of arguments that a connection may ask for."""
        args = [{"channel": _CHANNELS[channel], "instId": f"{pair.symbol}-{pair.quote}"} for pair in pairs]
        return [msgspec.json.encode({"op": "subscribe", "args": args[start : start + 100]}).decode() for start in range(0, len(args), 100)]

    def parse(self, frame: Frame) -> Sequence[Ticker | Control]:
        """A ticker for each element of `data`, or what the frame says instead."""
        if frame.message in ("pong", b"pong"):
            return (Control(ControlKind.HEARTBEAT, "pong"),)
        message = _DECODER.decode(frame)
        if message.event is not None:
            return (_control(message),)
        if message.data is None or message.arg is None or message.arg.channel != "tickers":
            raise MalformedFrame("neither a ticker nor a known control frame")
        return [self._ticker(ticker, frame) for ticker in message.data]

    def _ticker(self, ticker: _Ticker, frame: Frame) -> Ticker:
        instrument = _INSTRUMENTS.get(ticker.inst_type)
        names = ticker.inst_id.split("-")
        if instrument is None or len(names) not in _NAMES_IN_ID[instrument]:
            raise MalformedFrame("an instrument of an unknown type, or whose id does not fit its type")
        pair = pair_of(names[0], names[1])
        spot = instrument is Instrument.SPOT
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            source=frame.source,
            event_time=ticker.ts,
            received_time=frame.received_time,
            price=spot_price(ticker.last) if spot else number(ticker.last),
            open=number(ticker.open24h),
            high=number(ticker.high24h),
            low=number(ticker.low24h),
            volume_24h=number(ticker.vol24h if spot else ticker.vol_ccy24h),
            quote_volume_24h=number(ticker.vol_ccy24h) if spot else None,
            bid=number(ticker.bid_px),
            bid_size=number(ticker.bid_sz) if spot else None,
            ask=number(ticker.ask_px),
            ask_size=number(ticker.ask_sz) if spot else None,
        )

    def simulate(self, ticker: Ticker) -> str:
        """The text frame of this spot ticker."""
        inst_id = f"{ticker.symbol}-{ticker.quote}"
        data = sent(
            {
                "instType": "SPOT",
                "instId": inst_id,
                "last": decimal_text(ticker.price),
                "askPx": decimal_text(ticker.ask),
                "askSz": decimal_text(ticker.ask_size),
                "bidPx": decimal_text(ticker.bid),
                "bidSz": decimal_text(ticker.bid_size),
                "open24h": decimal_text(ticker.open),
                "high24h": decimal_text(ticker.high),
                "low24h": decimal_text(ticker.low),
                "volCcy24h": decimal_text(ticker.quote_volume_24h),
                "vol24h": decimal_text(ticker.volume_24h),
                "ts": str(ticker.event_time),
            }
        )
        return msgspec.json.encode({"arg": {"channel": "tickers", "instId": inst_id}, "data": [data]}).decode()


class _Argument(msgspec.Struct, rename="camel"):
    channel: str
    inst_id: str | None = None


class _Ticker(msgspec.Struct, rename="camel", kw_only=True):
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


class _Message(msgspec.Struct):
    arg: _Argument | None = None
    data: list[_Ticker] | None = None
    event: str | None = None
    code: str | int | None = None
    msg: str | None = None


def _control(message: _Message) -> Control:
    kind = _EVENTS.get(message.event or "")
    if kind is None:
        raise MalformedFrame("an event of an unknown name")
    if kind is ControlKind.ACKNOWLEDGED and message.arg is not None:
        return Control(kind, f"{message.event} {message.arg.channel} {message.arg.inst_id or ''}".rstrip())
    return Control(kind, ": ".join(str(text) for text in (message.code, message.msg) if text) or str(message.event))


_DECODER = FrameDecoder(_Message)
_CHANNELS = {Channel.TICKER: "tickers"}
_INSTRUMENTS = {
    "SPOT": Instrument.SPOT,
    "SWAP": Instrument.PERPETUAL,
    "FUTURES": Instrument.FUTURE,
    "OPTION": Instrument.OPTION,
}
# BTC-USDT; BTC-USDT-SWAP; BTC-USD-210924; BTC-USD-210924-66000-C
_NAMES_IN_ID = {Instrument.SPOT: (2,), Instrument.PERPETUAL: (3,), Instrument.FUTURE: (3,), Instrument.OPTION: (5,)}
_EVENTS = {
    "subscribe": ControlKind.ACKNOWLEDGED,
    "unsubscribe": ControlKind.ACKNOWLEDGED,
    "channel-conn-count": ControlKind.NOTICE,
    "channel-conn-count-error": ControlKind.REFUSED,
    "notice": ControlKind.NOTICE,
    "error": ControlKind.REFUSED,
}
