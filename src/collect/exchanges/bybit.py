"""Bybit spot (USDT), v5.

Peculiar: the spot ticker has no bid and no ask, and the event time is the envelope's. It is always a snapshot: the deltas and the
figures of open interest belong to the derivative sockets, whose frames look alike, so they are refused here rather than taken for spot.
There is no open of 24 hours; the price of 24 hours ago stands for it and for the previous close. A subscribe frame takes 10 topics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from src.collect.exchange import Channel, Control, ControlKind, Exchange, Frame, KeepAlive, Pair
from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, WireNumber, decimal_text, number, pair_without_separator, sent, spot_price
from src.errors import MalformedFrame
from src.schema.records import Region, Ticker


class Bybit(Exchange):
    """Bybit's public v5 spot socket."""

    name: ClassVar[str] = "bybit"
    region: ClassVar[Region] = Region.ASIA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = {Channel.TICKER: ("wss://stream.bybit.com/v5/public/spot",)}
    quotes: ClassVar[tuple[str, ...]] = ("USDT",)
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=20, message='{"op":"ping"}')

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One numbered frame for each ten pairs."""
        args = [f"{_TOPICS[channel]}.{pair.symbol}{pair.quote}" for pair in pairs]
        return [
            msgspec.json.encode({"req_id": str(request), "op": "subscribe", "args": args[start : start + 10]}).decode()
            for request, start in enumerate(range(0, len(args), 10), start=1)
        ]

    def parse(self, frame: Frame) -> Sequence[Ticker | Control]:
        """One ticker, or what the frame says instead."""
        message = _DECODER.decode(frame)
        if message.data is not None and message.topic is not None and message.topic.startswith("tickers."):
            return (self._ticker(message, message.data, frame),)
        if message.success is False:
            return (Control(ControlKind.REFUSED, message.ret_msg or "refused without a word"),)
        if "pong" in (message.ret_msg, message.op):
            return (Control(ControlKind.HEARTBEAT, "pong"),)
        if message.success is True:
            return (Control(ControlKind.ACKNOWLEDGED, message.op or ""),)
        raise MalformedFrame("neither a ticker nor a known control frame")

    def _ticker(self, message: _Message, data: _Ticker, frame: Frame) -> Ticker:
        if message.type != "snapshot" or data.open_interest is not None:
            raise MalformedFrame("a ticker of a derivative on the spot socket")
        if message.ts is None:
            raise MalformedFrame("a ticker without its time")
        pair = pair_without_separator(data.symbol, _QUOTES)
        prev_close = number(data.prev_price24h)
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=message.ts,
            received_time=frame.received_time,
            price=spot_price(data.last_price),
            open=prev_close,
            high=number(data.high_price24h),
            low=number(data.low_price24h),
            prev_close=prev_close,
            volume_24h=number(data.volume24h),
            quote_volume_24h=number(data.turnover24h),
        )

    def simulate(self, ticker: Ticker) -> str:
        """The text frame of this ticker; its previous close is also its open."""
        symbol = ticker.symbol + ticker.quote
        data = sent(
            {
                "symbol": symbol,
                "lastPrice": decimal_text(ticker.price),
                "highPrice24h": decimal_text(ticker.high),
                "lowPrice24h": decimal_text(ticker.low),
                "prevPrice24h": decimal_text(ticker.prev_close),
                "volume24h": decimal_text(ticker.volume_24h),
                "turnover24h": decimal_text(ticker.quote_volume_24h),
            }
        )
        return msgspec.json.encode({"topic": f"tickers.{symbol}", "ts": ticker.event_time, "type": "snapshot", "data": data}).decode()


class _Ticker(msgspec.Struct, rename="camel"):
    symbol: str
    last_price: WireNumber = None
    # Spelled out: the rule for camel case would make highPrice24H of it.
    high_price24h: WireNumber = msgspec.field(name="highPrice24h", default=None)
    low_price24h: WireNumber = msgspec.field(name="lowPrice24h", default=None)
    prev_price24h: WireNumber = msgspec.field(name="prevPrice24h", default=None)
    volume24h: WireNumber = None
    turnover24h: WireNumber = None
    open_interest: WireNumber = None


class _Message(msgspec.Struct):
    topic: str | None = None
    ts: EventTime | None = None
    type: str | None = None
    data: _Ticker | None = None
    success: bool | None = None
    ret_msg: str | None = None
    op: str | None = None


_DECODER = FrameDecoder(_Message)
_TOPICS = {Channel.TICKER: "tickers"}
# A name is split at the first of these that ends it, so a currency stands before any that its own name ends with.
_QUOTES = ("USDT", "USDC", "USDE", "USD1", "USDQ", "USDR", "BTC", "ETH", "EUR", "DAI", "BRL", "BRZ", "TRY", "PLN", "MNT")
