"""Kraken's v1 socket, as it was captured on 2021-04-17: for recordings only, nothing subscribes to it.

Peculiar: a frame is an array, [channel number, payload, channel's name, pair], and the changes of both sides of a book come as two payloads in one
frame. Bitcoin is XBT and Dogecoin XDG. Numbers are strings, times seconds with a fraction. A trade has no id; a ticker has no time, so the time of
receiving stands for it. Figures of a ticker come for today and for 24 hours; the second is taken. The checksum `c` is in the last payload.
A level with "r" behind it is told again, not changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from src.collect.exchange import Parsed
from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import Price, WireNumber, number, spot_price
from src.collect.exchanges.kraken_messages import EXACT, Checksum, milliseconds_of_seconds, old_pair, plain, written
from src.collect.parsed import BookUpdate, Control, ControlKind, Frame, Pair
from src.errors import MalformedFrame
from src.schema.records import Region, Side, Ticker, Trade


class KrakenV1:
    """Reads the frames of that socket. It holds no state."""

    def __init__(self, market: str, region: Region) -> None:
        self._market = market
        self._region = region

    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """The records of a frame that is an array. Raises `MalformedFrame` for anything else."""
        parts = _PARTS.decode(frame)
        if len(parts) not in (4, 5):
            raise MalformedFrame("neither four nor five parts in a frame of v1")
        pair, channel = old_pair(_NAME.decode_part(parts[-1])), _NAME.decode_part(parts[-2])
        payloads = parts[1:-2]
        if channel.startswith("book-"):
            return (self._book([_BOOK.decode_part(payload) for payload in payloads], pair, frame),)
        if channel == "trade" and len(payloads) == 1:
            return [self._trade(trade, pair, frame) for trade in _TRADES.decode_part(payloads[0])]
        if channel == "ticker" and len(payloads) == 1:
            return (self._ticker(_TICKER.decode_part(payloads[0]), pair, frame),)
        raise MalformedFrame("market data of a channel of v1 that is not read")

    @staticmethod
    def control(frame: Frame) -> Control:
        """What a control frame says, which is an object with an `event`."""
        event = _EVENT.decode(frame)
        kind = _EVENTS.get(event.event)
        if kind is None:
            raise MalformedFrame("an event of an unknown name")
        if event.status == "error":
            return Control(ControlKind.REFUSED, event.error_message or "refused without a word")
        return Control(kind, " ".join(filter(None, (event.event, event.status, event.channel_name, event.pair))))

    def _ticker(self, ticker: _Ticker, pair: Pair, frame: Frame) -> Ticker:
        volume, mean = ticker.v[1], ticker.p[1]
        return Ticker(
            region=self._region,
            market=self._market,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=frame.received_time,
            received_time=frame.received_time,
            price=spot_price(ticker.c[0]),
            open=number(ticker.o[1]),
            high=number(ticker.h[1]),
            low=number(ticker.l[1]),
            volume_24h=plain(volume),
            quote_volume_24h=None if volume is None or mean is None else plain(EXACT.multiply(volume, mean)),
            bid=number(ticker.b[0]),
            bid_size=number(ticker.b[2]),
            ask=number(ticker.a[0]),
            ask_size=number(ticker.a[2]),
        )

    def _trade(self, trade: _Trade, pair: Pair, frame: Frame) -> Trade:
        return Trade(
            region=self._region,
            market=self._market,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=milliseconds_of_seconds(trade.time),
            received_time=frame.received_time,
            price=trade.price,
            size=trade.size,
            side=Side.BUY if trade.side == "b" else Side.SELL,
        )

    def _book(self, payloads: Sequence[_Book], pair: Pair, frame: Frame) -> BookUpdate:
        snapshot = payloads[0].all_asks is not None or payloads[0].all_bids is not None
        bids = [level for payload in payloads for level in (payload.all_bids if snapshot else payload.bids) or ()]
        asks = [level for payload in payloads for level in (payload.all_asks if snapshot else payload.asks) or ()]
        if not bids and not asks and not snapshot:
            raise MalformedFrame("a book without a level")
        return BookUpdate(
            market=self._market,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=max((milliseconds_of_seconds(level.time) for level in (*bids, *asks)), default=None),
            received_time=frame.received_time,
            snapshot=snapshot,
            bids=[written(level.price, level.size, pair) for level in bids],
            asks=[written(level.price, level.size, pair) for level in asks],
            checksum=payloads[-1].checksum,
        )


class _Ticker(msgspec.Struct):
    a: tuple[WireNumber, WireNumber, WireNumber]
    b: tuple[WireNumber, WireNumber, WireNumber]
    c: tuple[WireNumber, WireNumber]
    v: tuple[Decimal | None, Decimal | None]
    p: tuple[Decimal | None, Decimal | None]
    l: tuple[WireNumber, WireNumber]  # noqa: E741  # the exchange's own name
    h: tuple[WireNumber, WireNumber]
    o: tuple[WireNumber, WireNumber]


class _Trade(msgspec.Struct, array_like=True):
    price: Price
    size: Price
    time: Decimal
    side: Literal["b", "s"]


class _Level(msgspec.Struct, array_like=True):
    price: str
    size: str
    time: Decimal


class _Book(msgspec.Struct):
    all_asks: list[_Level] | None = msgspec.field(name="as", default=None)
    all_bids: list[_Level] | None = msgspec.field(name="bs", default=None)
    asks: list[_Level] | None = msgspec.field(name="a", default=None)
    bids: list[_Level] | None = msgspec.field(name="b", default=None)
    checksum: Checksum | None = msgspec.field(name="c", default=None)


class _Event(msgspec.Struct, rename="camel"):
    event: str
    status: str | None = None
    pair: str | None = None
    channel_name: str | None = None
    error_message: str | None = None


_PARTS = FrameDecoder(list[msgspec.Raw])
_NAME = FrameDecoder(str)
_TICKER = FrameDecoder(_Ticker)
_TRADES = FrameDecoder(list[_Trade])
_BOOK = FrameDecoder(_Book)
_EVENT = FrameDecoder(_Event)
_EVENTS = {
    "systemStatus": ControlKind.NOTICE,
    "subscriptionStatus": ControlKind.ACKNOWLEDGED,
    "heartbeat": ControlKind.HEARTBEAT,
    "pong": ControlKind.HEARTBEAT,
    "error": ControlKind.REFUSED,
}
