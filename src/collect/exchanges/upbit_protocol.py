"""The socket protocol that Upbit designed and Bithumb's v1 socket took over; what differs is in the venues' own files.

- Frames are binary, holding UTF-8 JSON.
- A second request on a socket replaces the first, so every code goes into one frame. Nothing is acknowledged, and an unknown
  code is answered by silence; a refusal is followed by a close.
- `opening_price`, `high_price`, `low_price` and `acc_trade_volume` count from the venue's midnight. Only names in `_24h` are rolling.
- A ticker has no bid and no ask: they are on the order book channel.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

import msgspec

from src.collect.exchange import Channel, Control, ControlKind, Exchange, Frame, KeepAlive, Pair
from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, WireNumber, number, pair_of, spot_price
from src.errors import MalformedFrame
from src.schema.records import Ticker


class UpbitProtocol(Exchange):
    """A venue that speaks Upbit's protocol. A subclass adds its name, region, addresses and midnight."""

    quotes: ClassVar[tuple[str, ...]] = ("KRW",)
    rate_pair: ClassVar[Pair | None] = Pair("USDT", "KRW")
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=15)
    utc_offset: ClassVar[timedelta]
    """The venue's day begins at 00:00 of this offset."""

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One request for everything, under a ticket of its own."""
        if not pairs:
            return ()
        wanted = {"type": channel.value, "codes": [f"{pair.quote}-{pair.symbol}" for pair in pairs]}
        return (msgspec.json.encode([{"ticket": str(uuid.uuid4())}, wanted, {"format": "DEFAULT"}]).decode(),)

    def parse(self, frame: Frame) -> Sequence[Ticker | Control]:
        """One ticker, or what the frame says instead."""
        message = _DECODER.decode(frame)
        if message.type == "ticker":
            return (self._ticker(message, frame),)
        if message.error is not None:
            return (Control(ControlKind.REFUSED, f"{message.error.name}: {message.error.message}"),)
        if message.status == "UP":
            return (Control(ControlKind.HEARTBEAT, "UP"),)
        raise MalformedFrame("neither a ticker nor a known control frame")

    def _ticker(self, message: _Message, frame: Frame) -> Ticker:
        if message.code is None or message.timestamp is None:
            raise MalformedFrame("a ticker without its code or timestamp")
        quote, _, symbol = message.code.partition("-")
        pair = pair_of(symbol, quote)
        acc_volume = number(message.acc_trade_volume)
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=message.timestamp,
            received_time=frame.received_time,
            price=spot_price(message.trade_price),
            open=number(message.opening_price),
            high=number(message.high_price),
            low=number(message.low_price),
            prev_close=number(message.prev_closing_price),
            volume_24h=number(message.acc_trade_volume_24h),
            quote_volume_24h=number(message.acc_trade_price_24h),
            acc_volume=acc_volume,
            acc_since=None if acc_volume is None else self.midnight(message.timestamp),
        )

    def midnight(self, time: int) -> int:
        """The beginning of the venue's day that `time` falls into; both ms since 1970 UTC."""
        return time - (time + self.utc_offset // timedelta(milliseconds=1)) % _DAY

    def simulate(self, ticker: Ticker) -> bytes:
        """The binary frame of this ticker."""
        return msgspec.json.encode(
            _Message(
                type="ticker",
                code=f"{ticker.quote}-{ticker.symbol}",
                opening_price=ticker.open,
                high_price=ticker.high,
                low_price=ticker.low,
                trade_price=ticker.price,
                prev_closing_price=ticker.prev_close,
                acc_trade_volume=ticker.acc_volume,
                timestamp=ticker.event_time,
                acc_trade_price_24h=ticker.quote_volume_24h,
                acc_trade_volume_24h=ticker.volume_24h,
                stream_type="REALTIME",
            )
        )


class _Error(msgspec.Struct):
    name: str = ""
    message: str = ""


class _Message(msgspec.Struct, omit_defaults=True):
    type: str | None = None
    code: str | None = None
    opening_price: WireNumber = None
    high_price: WireNumber = None
    low_price: WireNumber = None
    trade_price: WireNumber = None
    prev_closing_price: WireNumber = None
    acc_trade_volume: WireNumber = None
    timestamp: EventTime | None = None
    acc_trade_price_24h: WireNumber = None
    acc_trade_volume_24h: WireNumber = None
    stream_type: str | None = None
    error: _Error | None = None
    status: str | None = None


_DECODER = FrameDecoder(_Message)
_DAY = timedelta(days=1) // timedelta(milliseconds=1)
