"""Kraken (USD, and USDT), by its v2 socket.

Peculiar: numbers are JSON numbers and times RFC 3339. Bitcoin is BTC here, XBT only in v1, whose frames are not read. There is no open:
`change` is the last price less the price of 24 hours ago, and the quote volume is volume times the volume-weighted mean price; both
are found in decimal, so that no binary remainder shows. A heartbeat comes in every second without data. USDT/USD gives
the dollar's rate against the USDT of other venues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal
from typing import ClassVar

import msgspec

from src.collect.exchange import Channel, Control, ControlKind, Exchange, Frame, KeepAlive, Pair
from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import WireNumber, milliseconds, number, pair_of, rfc3339, spot_price
from src.errors import MalformedFrame
from src.schema.records import Region, Ticker


class Kraken(Exchange):
    """Kraken's public v2 socket."""

    name: ClassVar[str] = "kraken"
    region: ClassVar[Region] = Region.NORTH_AMERICA_EUROPE
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = {Channel.TICKER: ("wss://ws.kraken.com/v2",)}
    quotes: ClassVar[tuple[str, ...]] = ("USD", "USDT")
    rate_pair: ClassVar[Pair | None] = Pair("USDT", "USD")
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=20, message='{"method":"ping"}')

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One request for everything, each pair acknowledged or refused by itself; a frame for every change of best bid or ask."""
        if not pairs:
            return ()
        symbols = [f"{pair.symbol}/{pair.quote}" for pair in pairs]
        params = {"channel": channel.value, "symbol": symbols, "event_trigger": "bbo", "snapshot": True}
        return (msgspec.json.encode({"method": "subscribe", "params": params, "req_id": 1}).decode(),)

    def parse(self, frame: Frame) -> Sequence[Ticker | Control]:
        """A ticker for each element of `data`, or what the frame says instead."""
        message = _DECODER.decode(frame)
        if message.channel == "ticker" and message.data is not None:
            return [self._ticker(ticker, frame) for ticker in message.data]
        if message.channel == "heartbeat" or message.method == "pong":
            return (Control(ControlKind.HEARTBEAT, message.channel or "pong"),)
        if message.channel == "status" and message.data is not None:
            return (Control(ControlKind.NOTICE, " ".join(f"system {status.system}" for status in message.data)),)
        if message.error is not None or message.success is False:
            return (Control(ControlKind.REFUSED, message.error or "refused without a word"),)
        if message.method is not None and message.success is True:
            subscribed = message.result or _Subscribed()
            return (Control(ControlKind.ACKNOWLEDGED, " ".join(filter(None, (message.method, subscribed.channel, subscribed.symbol)))),)
        raise MalformedFrame("neither a ticker nor a known control frame")

    def _ticker(self, ticker: _Ticker, frame: Frame) -> Ticker:
        if ticker.symbol is None or ticker.timestamp is None:
            raise MalformedFrame("a ticker without its symbol or timestamp")
        symbol, _, quote = ticker.symbol.partition("/")
        pair = pair_of(symbol, quote)
        day_ago = None if ticker.last is None or ticker.change is None else _plain(_EXACT.subtract(ticker.last, ticker.change))
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=milliseconds(ticker.timestamp),
            received_time=frame.received_time,
            price=spot_price(_plain(ticker.last)),
            open=day_ago,
            high=number(ticker.high),
            low=number(ticker.low),
            prev_close=day_ago,
            volume_24h=_plain(ticker.volume),
            quote_volume_24h=None if ticker.volume is None or ticker.vwap is None else _plain(_EXACT.multiply(ticker.volume, ticker.vwap)),
            bid=number(ticker.bid),
            bid_size=number(ticker.bid_qty),
            ask=number(ticker.ask),
            ask_size=number(ticker.ask_qty),
        )

    def simulate(self, ticker: Ticker) -> str:
        """The text frame of this ticker; its previous close is also its open."""
        last, day_ago, volume, quote_volume = map(_exact, (ticker.price, ticker.prev_close, ticker.volume_24h, ticker.quote_volume_24h))
        data = _Ticker(
            symbol=f"{ticker.symbol}/{ticker.quote}",
            bid=ticker.bid,
            bid_qty=ticker.bid_size,
            ask=ticker.ask,
            ask_qty=ticker.ask_size,
            last=last,
            volume=volume,
            vwap=_EXACT.divide(quote_volume, volume or Decimal(1)) if volume is not None and quote_volume is not None else None,
            low=ticker.low,
            high=ticker.high,
            change=_EXACT.subtract(last, day_ago) if last is not None and day_ago is not None else None,
            timestamp=rfc3339(ticker.event_time),
        )
        return _ENCODER.encode(_Message(channel="ticker", type="update", data=[data])).decode()


class _Ticker(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An element of `data`: a ticker, or the only field of a status that a person reads."""

    symbol: str | None = None
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
    timestamp: str | None = None
    system: str | None = None


class _Subscribed(msgspec.Struct):
    channel: str | None = None
    symbol: str | None = None


class _Message(msgspec.Struct, omit_defaults=True):
    channel: str | None = None
    type: str | None = None
    data: list[_Ticker] | None = None
    method: str | None = None
    success: bool | None = None
    error: str | None = None
    result: _Subscribed | None = None


def _plain(value: Decimal | None) -> float | None:
    return None if value is None or not value.is_finite() else number(float(value))


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))


_DECODER = FrameDecoder(_Message)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_EXACT = Context(prec=40, traps=[])  # without traps, what overflows becomes infinite and then null
