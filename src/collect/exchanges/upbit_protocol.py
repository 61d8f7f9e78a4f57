"""The socket protocol that Upbit designed and Bithumb's v1 socket took over; what differs is in the venues' own files.

- Frames are binary, holding UTF-8 JSON.
- A second request on a socket replaces the first, so every code goes into one frame. Nothing is acknowledged, and an unknown
  code is answered by silence; a refusal is followed by a close.
- A socket that nothing goes over is closed after 60 s, not after the 120 s of the documentation.
- `opening_price`, `high_price`, `low_price` and `acc_trade_volume` count from the venue's midnight. Only names in `_24h` are rolling.
- A ticker has no bid and no ask: they are on the order book channel.
- `ask_bid` is the taker's side: ASK took from the bids, so the taker sold. The first trade after a request is an old one, which may have been seen.
  `sequential_id` tells trades apart and says nothing about their order.
- Every message of a book is the whole book, in pairs of one ask and one bid. Zeros fill up the shorter side.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import ClassVar
from urllib.parse import urlsplit

import msgspec

from src.collect.book_rule import BookRule, FullReplace
from src.collect.exchange import Exchange, KeepAlive, Parsed, RateLimit
from src.collect.exchanges.fields import coins, number, pair_of, per_coin, spot_price, traded_name
from src.collect.exchanges.upbit_messages import (
    CONTROLS,
    MARKETS,
    TICKS,
    BookMessage,
    ShortBookMessage,
    ShortTickerMessage,
    ShortTradeMessage,
    ShortUnit,
    TickerMessage,
    TickMessage,
    TradeMessage,
    Unit,
    book_milliseconds,
    market_data,
)
from src.collect.exchanges.upbit_simulated import message_of
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Instrument, Level, Side, Ticker, Trade


class UpbitProtocol(Exchange):
    """A venue that speaks Upbit's protocol. A subclass adds its name, region, addresses, limits and midnight."""

    rate_pair: ClassVar[Pair | None] = Pair("USDT", "KRW")
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=15)
    # 5 a second and 100 a minute.
    requests: ClassVar[RateLimit] = RateLimit(5, 3.0)
    book_rule: ClassVar[BookRule] = FullReplace()
    trade_ids: ClassVar[TradeIds] = TradeIds.UNIQUE
    listings_path: ClassVar[str | None] = "/v1/market/all"
    utc_offset: ClassVar[timedelta]
    """The venue's day begins at 00:00 of this offset."""

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One request for everything, under a ticket of its own. Books come as deep as the venue has them."""
        if not pairs:
            return ()
        wanted = {"type": channel.value, "codes": [_code(pair) for pair in pairs]}
        return (msgspec.json.encode([{"ticket": str(uuid.uuid4())}, wanted, {"format": "DEFAULT"}]).decode(),)

    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """One record, or what the frame says instead; of a REST answer all that is in it."""
        if frame.url is not None:
            return self._answer(frame, frame.url)
        try:
            message = market_data(frame)
        except MalformedFrame as refused:
            return (_control(frame, refused),)
        match message:
            case TradeMessage() | ShortTradeMessage():
                return (self._trade(message, frame),)
            case BookMessage() | ShortBookMessage():
                return (self._book(message, frame),)
            case TickerMessage() | ShortTickerMessage():
                return (self._ticker(message, frame),)

    def trades_path(self, pair: Pair, after: Trade | None) -> str | None:
        """The latest 500: a cursor only leads back from a trade, not on from it."""
        del after
        return f"/v1/trades/ticks?market={_code(pair)}&count=500"

    def time_of_tick(self, tick: TickMessage) -> int:
        """When a trade of a REST answer was made, ms since 1970 UTC."""
        return tick.timestamp

    def midnight(self, time: int) -> int:
        """The beginning of the venue's day that `time` falls into; both ms since 1970 UTC."""
        return time - (time + self.utc_offset // timedelta(milliseconds=1)) % _DAY

    def simulate(self, said: Ticker | Trade | BookUpdate) -> bytes:
        """The binary frame that says this."""
        return message_of(said)

    def _answer(self, frame: Frame, url: str) -> Sequence[Parsed]:
        path = urlsplit(url).path
        try:
            if path.endswith("/trades/ticks"):
                ticks = [self._tick(tick, frame) for tick in TICKS.decode(frame)]
                ticks.reverse()  # newest first; trades of one moment stay in that order
                return sorted(ticks, key=lambda trade: trade.event_time)
            if path.endswith("/market/all"):
                return [listing for market in MARKETS.decode(frame) if (listing := _listing(market.market)) is not None]
        except MalformedFrame as refused:
            return (_control(frame, refused),)
        raise MalformedFrame("the answer to a request that nobody makes")

    def _ticker(self, message: TickerMessage | ShortTickerMessage, frame: Frame) -> Ticker:
        pair = _pair(message.code)
        acc_volume = coins(number(message.acc_trade_volume), pair)
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=message.timestamp,
            received_time=frame.received_time,
            price=per_coin(spot_price(message.trade_price), pair),
            open=per_coin(number(message.opening_price), pair),
            high=per_coin(number(message.high_price), pair),
            low=per_coin(number(message.low_price), pair),
            prev_close=per_coin(number(message.prev_closing_price), pair),
            volume_24h=coins(number(message.acc_trade_volume_24h), pair),
            quote_volume_24h=number(message.acc_trade_price_24h),
            acc_volume=acc_volume,
            acc_since=None if acc_volume is None else self.midnight(message.timestamp),
        )

    def _trade(self, message: TradeMessage | ShortTradeMessage, frame: Frame) -> Trade:
        pair = _pair(message.code)
        return Trade(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=message.trade_timestamp,
            received_time=frame.received_time,
            trade_id=str(message.sequential_id),
            price=per_coin(message.trade_price, pair),
            size=coins(message.trade_volume, pair),
            side=_taker(message.ask_bid),
        )

    def _tick(self, tick: TickMessage, frame: Frame) -> Trade:
        pair = _pair(tick.market)
        return Trade(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=self.time_of_tick(tick),
            received_time=frame.received_time,
            backfilled=True,
            trade_id=str(tick.sequential_id),
            price=per_coin(tick.trade_price, pair),
            size=coins(tick.trade_volume, pair),
            side=_taker(tick.ask_bid),
        )

    def _book(self, message: BookMessage | ShortBookMessage, frame: Frame) -> BookUpdate:
        pair = _pair(message.code)
        bids, asks = _levels(message.orderbook_units, pair.multiple)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=book_milliseconds(message.timestamp),
            received_time=frame.received_time,
            snapshot=True,
            bids=bids,
            asks=asks,
        )


def _control(frame: Frame, refused: MalformedFrame) -> Control:
    """What a frame without market data says; where it says nothing known, what was wrong with it as market data."""
    message = CONTROLS.decode(frame)
    if message.error is not None:
        return Control(ControlKind.REFUSED, f"{message.error.name}: {message.error.message}")
    if message.status == "UP":
        return Control(ControlKind.HEARTBEAT, "UP")
    raise refused


def _code(pair: Pair) -> str:
    return f"{pair.quote}-{traded_name(pair)}"


@lru_cache(maxsize=8192)
def _pair(code: str) -> Pair:
    quote, _, symbol = code.partition("-")
    return pair_of(symbol, quote)


def _listing(code: str) -> Listing | None:
    """A market that is listed is traded. One whose name no request could hold is left out, so that it does not hide all others."""
    try:
        return Listing(_pair(code), Instrument.SPOT, trading=True)
    except MalformedFrame:
        return None


def _taker(ask_bid: str) -> Side:
    match ask_bid:
        case "BID":
            return Side.BUY
        case "ASK":
            return Side.SELL
    raise MalformedFrame("a trade of neither side")


def _levels(units: Sequence[Unit] | Sequence[ShortUnit], multiple: int) -> tuple[list[Level], list[Level]]:
    """Bids and asks without the zeros: filling, or at a live price an order too small for the digits that are sent."""
    bids = [(unit.bid_price, unit.bid_size) for unit in units if unit.bid_size and unit.bid_price]
    asks = [(unit.ask_price, unit.ask_size) for unit in units if unit.ask_size and unit.ask_price]
    if multiple == 1:
        return bids, asks
    return [(price / multiple, size * multiple) for price, size in bids], [(price / multiple, size * multiple) for price, size in asks]


_DAY = timedelta(days=1) // timedelta(milliseconds=1)
