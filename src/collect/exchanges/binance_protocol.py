"""The public sockets of Binance, the same for spot and for USD-M contracts; what differs is in the venues' own files.

Peculiar: stream names are lower case, payloads upper case. A frame comes bare on `/ws` and inside {"stream", "data"} on `/stream`; both are read.
A subscription is acknowledged even for a stream that does not exist, and silence follows. The server pings and the websocket library answers, so
there is no keep-alive; its answers count among the messages that a client may send. A connection lives 24 hours. Books are changes only, which
a REST snapshot anchors. A REST answer does not name its pair: the address that was asked does.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import msgspec

from src.collect.exchange import Exchange, Parsed, RateLimit
from src.collect.exchanges.binance_messages import (
    ANSWERS,
    EVENTS,
    MESSAGES,
    RECENT_TRADES,
    AggregateTrade,
    AnyEvent,
    DepthEvent,
    Message,
    Shutdown,
    Symbol,
    TickerEvent,
    TradeEvent,
    WireLevel,
)
from src.collect.exchanges.binance_simulated import depth_message, snapshot_body, ticker_message, trade_message
from src.collect.exchanges.fields import coins, number, pair_of, per_coin, spot_price, traded_name
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Ticker, Trade


class BinanceProtocol(Exchange):
    """A Binance market. A subclass adds its name and addresses, and says which events are its own."""

    region: ClassVar[Region] = Region.NORTH_AMERICA_EUROPE
    # Three channels of 300 streams are below the 1024 that a connection takes.
    pairs_per_connection: ClassVar[int] = 300
    connects: ClassVar[RateLimit] = RateLimit(300, 300.0)
    connection_seconds: ClassVar[float | None] = 86_400
    rest_path: ClassVar[str]
    """What every path of the REST interface begins with."""
    snapshot_levels: ClassVar[int]
    """The most levels of each side that a REST snapshot has."""

    @abstractmethod
    def traded(self, name: str) -> tuple[Pair, Instrument]:
        """What a name like BTCUSDT stands for. Raises `MalformedFrame` where it is no name of this market."""

    @abstractmethod
    def owns(self, event: AnyEvent) -> bool:
        """Whether an event is of this market; the others' look alike."""

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One numbered request for each 200 pairs."""
        streams = [self._stream(channel, pair) for pair in pairs]
        starts = range(0, len(streams), _STREAMS_OF_REQUEST)
        return [_request("SUBSCRIBE", streams[start : start + _STREAMS_OF_REQUEST], request) for request, start in enumerate(starts, start=1)]

    def renew(self, channel: Channel, pair: Pair, pairs: Sequence[Pair]) -> Sequence[str]:
        del pairs
        streams = [self._stream(channel, pair)]
        return [_request("UNSUBSCRIBE", streams, 1), _request("SUBSCRIBE", streams, 2)]

    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """One record, or what the frame says instead; nothing for a trade of price zero, which stands for ids that were spent on no trade."""
        if frame.url is not None:
            return self._answer(frame, frame.url)
        message = MESSAGES.decode(frame)
        event = message.data
        if event is None:
            if message.event is None:
                return (_control(message),)
            event = EVENTS.decode(frame)
        if not self.owns(event):
            raise MalformedFrame("an event of another Binance market, or of a channel that nobody subscribes to")
        match event:
            case DepthEvent():
                if message.stream is not None and message.stream.partition("@depth")[2][:1].isdigit():
                    raise MalformedFrame("the best levels of a book, which nobody subscribes to")
                return (self._changes(event, frame),)
            case TradeEvent():
                return (self._trade(event, event.symbol, frame),) if event.price else ()
            case TickerEvent():
                return (self._ticker(event, frame),)
            case Shutdown():
                return (Control(ControlKind.CLOSING, "the server is about to close the connection"),)

    def book_path(self, pair: Pair) -> str:
        return f"{self.rest_path}/depth?symbol={self.name_of(pair)}&limit={self.snapshot_levels}"

    def trades_path(self, pair: Pair, after: Trade | None) -> str:
        """From `after` on, itself among them: that it comes again proves that nothing between is missing."""
        start = "" if after is None or after.trade_id is None else f"&fromId={after.trade_id}"
        return f"{self.rest_path}/aggTrades?symbol={self.name_of(pair)}{start}&limit=1000"

    def simulate(self, said: Ticker | Trade | BookUpdate) -> str:
        """The text frame of this record, or the body of the REST answer for the snapshot of a book."""
        name = self.name_of(Pair(said.symbol, said.quote))
        match said:
            case Ticker():
                return ticker_message(said, name)
            case Trade():
                return trade_message(said, name)
            case BookUpdate():
                return snapshot_body(said) if said.snapshot else depth_message(said, name)

    def name_of(self, pair: Pair) -> str:
        """The market's own name of a pair: BTCUSDT."""
        coin = f"1M{pair.symbol}" if pair.multiple == _MILLION and pair.symbol in _MILLION_IS_1M else traded_name(pair)
        return coin + pair.quote

    def _stream(self, channel: Channel, pair: Pair) -> str:
        return f"{self.name_of(pair).lower()}@{STREAMS[channel]}"

    def _answer(self, frame: Frame, url: str) -> Sequence[Parsed]:
        path, _, query = url.partition("?")
        name = next((part.removeprefix("symbol=") for part in query.split("&") if part.startswith("symbol=")), "")
        if frame.message[:1] in ("[", b"[") and path.endswith("/aggTrades"):
            return [self._trade(trade, name, frame, backfilled=True) for trade in RECENT_TRADES.decode(frame) if trade.price]
        answer = ANSWERS.decode(frame)
        if answer.code is not None:
            return (Control(ControlKind.REFUSED, f"{answer.code}: {answer.msg}"),)
        if path.endswith("/exchangeInfo") and answer.symbols is not None:
            return [listing for symbol in answer.symbols if (listing := _listing(symbol)) is not None]
        if path.endswith("/depth") and answer.last_update_id is not None and answer.bids is not None and answer.asks is not None:
            return (self._book(name, frame, answer.time, answer.bids, answer.asks, snapshot=True, last=answer.last_update_id),)
        raise MalformedFrame("the answer to a request that nobody makes, or one without what was asked for")

    def _ticker(self, event: TickerEvent, frame: Frame) -> Ticker:
        pair, instrument = self.traded(event.symbol)
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            source=frame.source,
            event_time=event.event_time,
            received_time=frame.received_time,
            price=per_coin(spot_price(event.last), pair),
            open=per_coin(number(event.open), pair),
            high=per_coin(number(event.high), pair),
            low=per_coin(number(event.low), pair),
            prev_close=per_coin(number(event.prev_close), pair),
            volume_24h=coins(number(event.volume), pair),
            quote_volume_24h=number(event.quote_volume),
            bid=per_coin(number(event.bid), pair),
            bid_size=coins(number(event.bid_size), pair),
            ask=per_coin(number(event.ask), pair),
            ask_size=coins(number(event.ask_size), pair),
        )

    def _trade(self, trade: TradeEvent | AggregateTrade, name: str, frame: Frame, *, backfilled: bool = False) -> Trade:
        pair, instrument = self.traded(name)
        return Trade(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            source=frame.source,
            event_time=trade.time,
            received_time=frame.received_time,
            backfilled=backfilled,
            trade_id=str(trade.trade_id),
            price=per_coin(trade.price, pair),
            size=coins(trade.size, pair),
            side=Side.SELL if trade.buyer_is_maker else Side.BUY,
        )

    def _changes(self, event: DepthEvent, frame: Frame) -> BookUpdate:
        time = event.event_time if event.time is None else event.time
        return self._book(
            event.symbol, frame, time, event.bids, event.asks, snapshot=False, first=event.first, last=event.last, previous=event.previous
        )

    def _book(
        self,
        name: str,
        frame: Frame,
        time: int | None,
        bids: list[WireLevel],
        asks: list[WireLevel],
        *,
        snapshot: bool,
        last: int,
        first: int | None = None,
        previous: int | None = None,
    ) -> BookUpdate:
        pair, instrument = self.traded(name)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            source=frame.source,
            event_time=time,
            received_time=frame.received_time,
            snapshot=snapshot,
            bids=_levels(bids, pair),
            asks=_levels(asks, pair),
            first=first,
            last=last,
            previous=previous,
        )


def _request(method: str, streams: Sequence[str], request_id: int) -> str:
    return msgspec.json.encode({"method": method, "params": streams, "id": request_id}).decode()


def _control(message: Message) -> Control:
    error = message.error or message
    if error.msg is not None:
        return Control(ControlKind.REFUSED, f"{error.code}: {error.msg}")
    if message.id is not msgspec.UNSET and message.error is None and message.result is None:
        return Control(ControlKind.ACKNOWLEDGED, f"request {message.id}")
    raise MalformedFrame("neither market data nor a known control frame")


def _listing(symbol: Symbol) -> Listing | None:
    """None for a coin whose name is no plain one: no record could carry it."""
    try:
        pair = pair_of(symbol.base_asset, symbol.quote_asset)
    except MalformedFrame:
        return None
    instrument = Instrument.SPOT
    if symbol.contract_type is not None:
        instrument = Instrument.PERPETUAL if symbol.contract_type.endswith("PERPETUAL") else Instrument.FUTURE
    return Listing(pair, instrument, trading=symbol.status == "TRADING" and symbol.is_spot_trading_allowed)


def _levels(levels: list[WireLevel], pair: Pair) -> list[WireLevel]:
    return levels if pair.multiple == 1 else [(price / pair.multiple, size * pair.multiple) for price, size in levels]


STREAMS = {Channel.TICKER: "ticker", Channel.TRADE: "aggTrade", Channel.ORDERBOOK: "depth@100ms"}
_STREAMS_OF_REQUEST = 200
_MILLION = 1_000_000
# 1MBABYDOGE, but 1000000MOG
_MILLION_IS_1M = frozenset({"BABYDOGE"})
