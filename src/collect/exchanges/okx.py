"""OKX (USDT), spot and derivatives on one public socket.

Peculiar: every number is a string, and an empty string means none. `instType` tells spot, swap, future and option apart; where it is not sent,
the shape of the id does. For derivatives `vol24h` and all sizes count contracts, so the base volume is `volCcy24h` and the other
figures stay null; an option's price is in the coin where it settles in the coin. A message of `trades` may stand for several fills of one taker
order at one price. Books are numbered in a chain (`prevSeqId` to `seqId`); their checksum is 0 since June 2026, which means none, and captures from
before 2023 have checksums and no numbers. The answer to the keep-alive is the bare text `pong`, not JSON. An unknown pair is refused by
an `error` event; a `notice` event comes about a minute before the server closes for an upgrade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from src.collect.book_rule import BookRule, Chained, unsigned
from src.collect.exchange import Exchange, KeepAlive, Parsed, RateLimit
from src.collect.exchanges.decoding import FrameDecoder
from src.collect.exchanges.fields import EventTime, Price, WireNumber, decimal_text, number, pair_of, sent, spot_price
from src.collect.parsed import BookLevel, BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair, TradeIds, WrittenLevel
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Ticker, Trade


class Okx(Exchange):
    """OKX's public v5 socket."""

    name: ClassVar[str] = "okx"
    region: ClassVar[Region] = Region.ASIA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(Channel, ("wss://ws.okx.com:8443/ws/v5/public",))
    quotes: ClassVar[tuple[str, ...]] = ("USDT", "USDC", "BTC")
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=20, message="ping")
    connects: ClassVar[RateLimit] = RateLimit(3, 1.0)
    requests: ClassVar[RateLimit] = RateLimit(3, 1.0)
    book_rule: ClassVar[BookRule] = Chained()
    trade_ids: ClassVar[TradeIds] = TradeIds.RISING
    rest_urls: ClassVar[tuple[str, ...]] = ("https://www.okx.com",)
    listings_path: ClassVar[str | None] = "/api/v5/public/instruments?instType=SPOT"

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One frame for each hundred pairs: far below the 64 KB of arguments that a connection may ask for."""
        return [_request("subscribe", channel, pairs[start : start + 100]) for start in range(0, len(pairs), 100)]

    def renew(self, channel: Channel, pair: Pair, pairs: Sequence[Pair]) -> Sequence[str]:
        del pairs
        return [_request("unsubscribe", channel, [pair]), _request("subscribe", channel, [pair])]

    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """A record for each element of `data`, or what the frame says instead."""
        if frame.message in ("pong", b"pong"):
            return (Control(ControlKind.HEARTBEAT, "pong"),)
        if frame.url is not None:
            return self._answer(frame, frame.url)
        message = _DECODER.decode(frame)
        if message.event is not None:
            return (_control(message),)
        if message.arg is None or not message.data:
            raise MalformedFrame("neither market data nor a known control frame")
        match message.arg.channel:
            case "tickers":
                return [self._ticker(ticker, frame) for ticker in _TICKERS.decode_part(message.data)]
            case "trades":
                return [self._trade(trade, frame) for trade in _TRADES.decode_part(message.data)]
            case "books" | "books5" | "bbo-tbt" | "books-l2-tbt" | "books50-l2-tbt":
                snapshot = message.action != "update"
                return [self._book(book, message.arg.inst_id or "", snapshot, frame) for book in _BOOKS.decode_part(message.data)]
        raise MalformedFrame("market data of a channel that nobody subscribes to")

    def trades_path(self, pair: Pair, after: Trade | None) -> str:
        del after
        return f"/api/v5/market/trades?instId={pair.symbol}-{pair.quote}&limit=500"

    def _answer(self, frame: Frame, url: str) -> Sequence[Parsed]:
        message = _DECODER.decode(frame)
        if not message.data:
            return (Control(ControlKind.REFUSED, f"{message.code}: {message.msg}"),)
        if "/market/trades" in url:
            return [self._trade(trade, frame, backfilled=True) for trade in reversed(_TRADES.decode_part(message.data))]
        if "/public/instruments" in url:
            return [listing for instrument in _INSTRUMENT_LIST.decode_part(message.data) if (listing := _listing(instrument)) is not None]
        raise MalformedFrame("the answer to a request that nobody makes")

    def _ticker(self, ticker: _Ticker, frame: Frame) -> Ticker:
        instrument = _INSTRUMENTS.get(ticker.inst_type)
        pair = _pair(ticker.inst_id, instrument)
        spot = instrument is Instrument.SPOT
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument or Instrument.SPOT,
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

    def _trade(self, trade: _Trade, frame: Frame, *, backfilled: bool = False) -> Trade:
        instrument = _instrument(trade.inst_id)
        pair = _pair(trade.inst_id, instrument)
        return Trade(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            source=frame.source,
            event_time=trade.ts,
            received_time=frame.received_time,
            backfilled=backfilled,
            trade_id=trade.trade_id,
            price=trade.px,
            size=trade.sz if instrument is Instrument.SPOT else None,
            side=trade.side,
        )

    def _book(self, book: _Book, inst_id: str, snapshot: bool, frame: Frame) -> BookUpdate:
        instrument = _instrument(inst_id)
        pair = _pair(inst_id, instrument)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            contract=inst_id if instrument in _DATED else "",
            source=frame.source,
            event_time=book.ts,
            received_time=frame.received_time,
            snapshot=snapshot,
            bids=_levels(book.bids),
            asks=_levels(book.asks),
            last=book.seq_id,
            previous=book.prev_seq_id,
            checksum=unsigned(book.checksum) if book.checksum else None,
        )

    def simulate(self, said: Ticker | Trade | BookUpdate) -> str:
        """The text frame of this spot record."""
        inst_id = f"{said.symbol}-{said.quote}"
        match said:
            case Ticker():
                return _said("tickers", inst_id, _ticker_fields(said, inst_id))
            case Trade():
                trade = {"instId": inst_id, "tradeId": said.trade_id, "px": decimal_text(said.price), "sz": decimal_text(said.size)}
                return _said("trades", inst_id, trade | {"side": said.side, "ts": str(said.event_time)})
            case BookUpdate():
                book = {"asks": _written(said.asks), "bids": _written(said.bids), "ts": str(said.event_time), "checksum": said.checksum or 0}
                numbers = {"seqId": said.last, "prevSeqId": -1 if said.snapshot else said.previous}
                return _said("books", inst_id, book | numbers, action="snapshot" if said.snapshot else "update")


_WireLevel = tuple[str, str, str, str]
"""Price, size, a field out of use, number of orders."""


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


class _Trade(msgspec.Struct, rename="camel"):
    inst_id: str
    trade_id: str
    px: Price
    sz: Price
    side: Side
    ts: EventTime


class _Book(msgspec.Struct, rename="camel"):
    bids: list[_WireLevel]
    asks: list[_WireLevel]
    ts: EventTime
    checksum: int | None = None
    seq_id: int | None = None
    prev_seq_id: int | None = None


class _Instrument(msgspec.Struct, rename="camel"):
    inst_type: str
    inst_id: str
    state: str = "live"


class _Message(msgspec.Struct):
    arg: _Argument | None = None
    action: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    event: str | None = None
    code: str | int | None = None
    msg: str | None = None


def _request(operation: str, channel: Channel, pairs: Sequence[Pair]) -> str:
    args = [{"channel": _CHANNELS[channel], "instId": f"{pair.symbol}-{pair.quote}"} for pair in pairs]
    return msgspec.json.encode({"op": operation, "args": args}).decode()


def _control(message: _Message) -> Control:
    kind = _EVENTS.get(message.event or "")
    if kind is None:
        raise MalformedFrame("an event of an unknown name")
    if kind is ControlKind.ACKNOWLEDGED and message.arg is not None:
        return Control(kind, f"{message.event} {message.arg.channel} {message.arg.inst_id or ''}".rstrip())
    return Control(kind, ": ".join(str(text) for text in (message.code, message.msg) if text) or str(message.event))


def _listing(instrument: _Instrument) -> Listing | None:
    """None for a name that no record could have: some coins are named in Chinese."""
    kind = _INSTRUMENTS.get(instrument.inst_type)
    try:
        return Listing(_pair(instrument.inst_id, kind), kind or Instrument.SPOT, trading=instrument.state == "live")
    except MalformedFrame:
        return None


def _instrument(inst_id: str) -> Instrument:
    match inst_id.count("-"):
        case 1:
            return Instrument.SPOT
        case 2:
            return Instrument.PERPETUAL if inst_id.endswith("-SWAP") else Instrument.FUTURE
        case _:
            return Instrument.OPTION


def _pair(inst_id: str, instrument: Instrument | None) -> Pair:
    names = inst_id.split("-")
    if instrument is None or len(names) != _NAMES_IN_ID[instrument]:
        raise MalformedFrame("an instrument of an unknown type, or whose id does not fit its type")
    return pair_of(names[0], names[1])


def _levels(levels: Sequence[_WireLevel]) -> list[WrittenLevel]:
    try:
        return [(float(price), float(size), price, size) for price, size, *_ in levels]
    except ValueError:
        raise MalformedFrame("a level of a book is no number") from None


def _written(levels: Sequence[BookLevel]) -> list[tuple[str | None, str | None, str, str]]:
    return [(*_spelled(level), "0", "1") for level in levels]


def _spelled(level: BookLevel) -> tuple[str | None, str | None]:
    return (decimal_text(level[0]), decimal_text(level[1])) if len(level) == 2 else (level[2], level[3])  # noqa: PLR2004


def _said(channel: str, inst_id: str, data: Mapping[str, object], action: str | None = None) -> str:
    message = {"arg": {"channel": channel, "instId": inst_id}, **({"action": action} if action else {}), "data": [data]}
    return msgspec.json.encode(message).decode()


def _ticker_fields(ticker: Ticker, inst_id: str) -> Mapping[str, str | int]:
    return sent(
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


_DECODER = FrameDecoder(_Message)
_TICKERS = FrameDecoder(list[_Ticker])
_TRADES = FrameDecoder(list[_Trade])
_BOOKS = FrameDecoder(list[_Book])
_INSTRUMENT_LIST = FrameDecoder(list[_Instrument])
_CHANNELS = {Channel.TICKER: "tickers", Channel.TRADE: "trades", Channel.ORDERBOOK: "books"}
_INSTRUMENTS = {
    "SPOT": Instrument.SPOT,
    "SWAP": Instrument.PERPETUAL,
    "FUTURES": Instrument.FUTURE,
    "OPTION": Instrument.OPTION,
}
# BTC-USDT; BTC-USDT-SWAP; BTC-USD-210924; BTC-USD-210924-66000-C
_NAMES_IN_ID = {Instrument.SPOT: 2, Instrument.PERPETUAL: 3, Instrument.FUTURE: 3, Instrument.OPTION: 5}
_DATED = frozenset({Instrument.FUTURE, Instrument.OPTION})
_EVENTS = {
    "subscribe": ControlKind.ACKNOWLEDGED,
    "unsubscribe": ControlKind.ACKNOWLEDGED,
    "channel-conn-count": ControlKind.NOTICE,
    "channel-conn-count-error": ControlKind.REFUSED,
    "notice": ControlKind.CLOSING,
    "error": ControlKind.REFUSED,
}
