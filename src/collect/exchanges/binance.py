"""Binance spot (USDT).

Peculiar: stream names are lower case, payloads upper case. A frame comes bare on `/ws` and inside {"stream", "data"} on `/stream`; both
are read. A subscription is acknowledged even for a stream that does not exist, and silence follows. The server pings and the
websocket library answers, so there is no keep-alive. A connection lives 24 hours. Some regions get HTTP 451 from the
first address; the second, for market data only, answers there. Futures send a ticker of the same name: it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from src.collect.exchange import Channel, Control, ControlKind, Exchange, Frame, Pair
from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, WireNumber, decimal_text, number, pair_without_separator, sent, spot_price
from src.errors import MalformedFrame
from src.schema.records import Region, Ticker


class Binance(Exchange):
    """Binance's public spot streams."""

    name: ClassVar[str] = "binance"
    region: ClassVar[Region] = Region.NORTH_AMERICA_EUROPE
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = {
        Channel.TICKER: ("wss://stream.binance.com:9443/stream", "wss://data-stream.binance.vision/stream"),
    }
    quotes: ClassVar[tuple[str, ...]] = ("USDT",)

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One request for everything: a connection takes 1024 streams, but only five messages a second."""
        if not pairs:
            return ()
        params = [f"{(pair.symbol + pair.quote).lower()}@{_STREAMS[channel]}" for pair in pairs]
        return (msgspec.json.encode({"method": "SUBSCRIBE", "params": params, "id": 1}).decode(),)

    def parse(self, frame: Frame) -> Sequence[Ticker | Control]:
        """One ticker, or what the frame says instead."""
        message = _DECODER.decode(frame)
        event = message if message.data is None else message.data
        if event.event == "24hrTicker":
            return (self._ticker(event, frame),)
        if event.event == "serverShutdown":
            return (Control(ControlKind.NOTICE, "the server is about to close the connection"),)
        error = message.error or message
        if error.msg is not None:
            return (Control(ControlKind.REFUSED, f"{error.code}: {error.msg}"),)
        if message.id is not msgspec.UNSET and message.error is None and message.result is None:
            return (Control(ControlKind.ACKNOWLEDGED, f"request {message.id}"),)
        raise MalformedFrame("neither a ticker nor a known control frame")

    def _ticker(self, event: _Event, frame: Frame) -> Ticker:
        if event.futures_kind is not None:
            raise MalformedFrame("a ticker of a derivative on the spot socket")
        if event.symbol is None or event.event_time is None:
            raise MalformedFrame("a ticker without its symbol or time")
        pair = pair_without_separator(event.symbol, _QUOTES)
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=event.event_time,
            received_time=frame.received_time,
            price=spot_price(event.last),
            open=number(event.open),
            high=number(event.high),
            low=number(event.low),
            prev_close=number(event.prev_close),
            volume_24h=number(event.volume),
            quote_volume_24h=number(event.quote_volume),
            bid=number(event.bid),
            bid_size=number(event.bid_size),
            ask=number(event.ask),
            ask_size=number(event.ask_size),
        )

    def simulate(self, ticker: Ticker) -> str:
        """The text frame of this ticker, in the envelope of a combined stream."""
        symbol = ticker.symbol + ticker.quote
        data = sent(
            {
                "e": "24hrTicker",
                "E": ticker.event_time,
                "s": symbol,
                "x": decimal_text(ticker.prev_close),
                "c": decimal_text(ticker.price),
                "b": decimal_text(ticker.bid),
                "B": decimal_text(ticker.bid_size),
                "a": decimal_text(ticker.ask),
                "A": decimal_text(ticker.ask_size),
                "o": decimal_text(ticker.open),
                "h": decimal_text(ticker.high),
                "l": decimal_text(ticker.low),
                "v": decimal_text(ticker.volume_24h),
                "q": decimal_text(ticker.quote_volume_24h),
            }
        )
        return msgspec.json.encode({"stream": f"{symbol.lower()}@ticker", "data": data}).decode()


class _Event(msgspec.Struct):
    event: str | None = msgspec.field(name="e", default=None)
    event_time: EventTime | None = msgspec.field(name="E", default=None)
    symbol: str | None = msgspec.field(name="s", default=None)
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
    futures_kind: int | None = msgspec.field(name="st", default=None)


class _Error(msgspec.Struct):
    code: int | None = None
    msg: str | None = None


class _Message(_Event):
    data: _Event | None = None
    id: int | str | msgspec.UnsetType | None = msgspec.UNSET
    result: list[str] | None = None
    error: _Error | None = None
    code: int | None = None
    msg: str | None = None


_DECODER = FrameDecoder(_Message)
_STREAMS = {Channel.TICKER: "ticker"}
# A name is split at the first of these that ends it, so a currency stands before any that its own name ends with.
_QUOTES = (
    *("USDT", "FDUSD", "USDC", "TUSD", "BUSD", "USD1", "USDE", "USDP", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY", "DAI"),
    *("ARS", "COP", "CZK", "EURI", "MXN", "PLN", "RON", "UAH", "ZAR", "IDR", "GBP", "AUD", "RUB", "XRP", "TRX", "DOGE", "DOT", "SOL"),
)
