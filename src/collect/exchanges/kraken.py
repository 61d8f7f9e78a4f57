"""Kraken (USD, USDT and others), by its v2 socket.

Peculiar: numbers are JSON numbers and times RFC 3339. Bitcoin is BTC here, XBT in v1 and by REST; recorded frames of v1 are read by `kraken_v1`.
There is no open: `change` is the last price less the price of 24 hours ago, and the quote volume is volume times the volume-weighted mean
price; both are found in decimal, so that no binary remainder shows. A book has no numbers, but a checksum over its digits as they were spelled, which
holds only where the book is cut to the depth that was subscribed to. Trade ids rise; whether they leave none out is not documented, and Kraken's own
example of a REST answer leaves two out. A heartbeat comes in every second without data. USDT/USD gives the dollar's rate against the USDT
of other venues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

import msgspec

from src.collect.book_rule import BookRule, Checksummed
from src.collect.exchange import Exchange, KeepAlive, Parsed, RateLimit
from src.collect.exchanges.fields import coins, number, pair_of, pair_without_separator, per_coin, spot_price, traded_name
from src.collect.exchanges.kraken_messages import (
    ANSWERS,
    BOOKS,
    EXACT,
    MESSAGES,
    RECENT_TRADES,
    STATUSES,
    TICKERS,
    TRADES,
    Message,
    WireBook,
    WireLevel,
    WireTicker,
    control,
    listings,
    milliseconds_of,
    milliseconds_of_seconds,
    old_pair,
    plain,
    written,
)
from src.collect.exchanges.kraken_simulated import book_message, ticker_message, trade_message
from src.collect.exchanges.kraken_v1 import KrakenV1
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Pair, TradeIds, WrittenLevel
from src.errors import MalformedFrame
from src.schema.records import Region, Side, Ticker, Trade

DEPTH = 25
"""Levels of each side of a book that are subscribed to."""


class Kraken(Exchange):
    """Kraken's public v2 socket."""

    name: ClassVar[str] = "kraken"
    region: ClassVar[Region] = Region.NORTH_AMERICA_EUROPE
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(Channel, ("wss://ws.kraken.com/v2",))
    quotes: ClassVar[tuple[str, ...]] = ("USD", "USDT", "USDC", "EUR", "GBP", "BTC")
    rate_pair: ClassVar[Pair | None] = Pair("USDT", "USD")
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=20, message='{"method":"ping"}')
    connects: ClassVar[RateLimit] = RateLimit(150, 600.0)
    book_rule: ClassVar[BookRule] = Checksummed(DEPTH)
    trade_ids: ClassVar[TradeIds] = TradeIds.RISING
    rest_urls: ClassVar[tuple[str, ...]] = ("https://api.kraken.com",)
    rest_requests: ClassVar[RateLimit] = RateLimit(1, 1.0)
    listings_path: ClassVar[str | None] = "/0/public/AssetPairs"

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One request for everything, each pair acknowledged or refused by itself."""
        return (_request("subscribe", channel, pairs, 1),) if pairs else ()

    def renew(self, channel: Channel, pair: Pair, pairs: Sequence[Pair]) -> Sequence[str]:
        del pairs
        return (_request("unsubscribe", channel, (pair,), 1), _request("subscribe", channel, (pair,), 2))

    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """A record for each element of `data`, or what the frame says instead."""
        if frame.url is not None:
            return self._answer(frame, frame.url)
        if frame.message[:1] in ("[", b"["):
            return _V1.parse(frame)
        message = MESSAGES.decode(frame)
        if message.data:
            return self._data(message, frame)
        return (_V1.control(frame) if message.event is not None else control(message),)

    def trades_path(self, pair: Pair, after: Trade | None) -> str:
        """From `after` on, whose time was cut to whole milliseconds, so that it comes again: the proof that nothing between is missing."""
        since = "" if after is None else f"&since={after.event_time * 1_000_000 - 1}"
        return f"/0/public/Trades?pair={_REST_COINS.get(pair.symbol, traded_name(pair))}{_REST_COINS.get(pair.quote, pair.quote)}{since}"

    def simulate(self, said: Ticker | Trade | BookUpdate) -> str:
        """The text frame of this record; the previous close of a ticker is also its open."""
        name = _name(Pair(said.symbol, said.quote))
        match said:
            case Ticker():
                return ticker_message(said, name)
            case Trade():
                return trade_message(said, name)
            case BookUpdate():
                return book_message(said, name)

    def _data(self, message: Message, frame: Frame) -> Sequence[Parsed]:
        match message.channel:
            case "ticker":
                return [self._ticker(ticker, frame) for ticker in TICKERS.decode_part(message.data)]
            case "trade":
                return [
                    self._trade(_pair(trade.symbol), str(trade.trade_id), trade.price, trade.qty, trade.side, milliseconds_of(trade.timestamp), frame)
                    for trade in TRADES.decode_part(message.data)
                ]
            case "book" if message.type in ("snapshot", "update"):
                return [self._book(book, message.type == "snapshot", frame) for book in BOOKS.decode_part(message.data)]
            case "status":
                return (Control(ControlKind.NOTICE, " ".join(f"system {status.system}" for status in STATUSES.decode_part(message.data))),)
        raise MalformedFrame("market data of a channel that nobody subscribes to")

    def _answer(self, frame: Frame, url: str) -> Sequence[Parsed]:
        answer = ANSWERS.decode(frame)
        if answer.error:
            return (Control(ControlKind.REFUSED, "; ".join(answer.error)),)
        if "/public/AssetPairs" in url:
            return listings(answer)
        if "/public/Trades" not in url:
            raise MalformedFrame("the answer to a request that nobody makes")
        name = url.partition("pair=")[2].partition("&")[0]
        pair = pair_without_separator(name, _REST_QUOTES)
        pair = old_pair(f"{traded_name(pair)}/{pair.quote}")
        return [
            self._trade(
                pair,
                None if trade.trade_id is None else str(trade.trade_id),
                trade.price,
                trade.size,
                Side.BUY if trade.side == "b" else Side.SELL,
                milliseconds_of_seconds(trade.time),
                frame,
                backfilled=True,
            )
            for key, part in answer.result.items()
            if key != "last"
            for trade in RECENT_TRADES.decode_part(part)
        ]

    def _ticker(self, ticker: WireTicker, frame: Frame) -> Ticker:
        pair = _pair(ticker.symbol)
        day_ago = None if ticker.last is None or ticker.change is None else plain(EXACT.subtract(ticker.last, ticker.change))
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=milliseconds_of(ticker.timestamp),
            received_time=frame.received_time,
            price=per_coin(spot_price(plain(ticker.last)), pair),
            open=per_coin(day_ago, pair),
            high=per_coin(number(ticker.high), pair),
            low=per_coin(number(ticker.low), pair),
            prev_close=per_coin(day_ago, pair),
            volume_24h=coins(plain(ticker.volume), pair),
            quote_volume_24h=None if ticker.volume is None or ticker.vwap is None else plain(EXACT.multiply(ticker.volume, ticker.vwap)),
            bid=per_coin(number(ticker.bid), pair),
            bid_size=coins(number(ticker.bid_qty), pair),
            ask=per_coin(number(ticker.ask), pair),
            ask_size=coins(number(ticker.ask_qty), pair),
        )

    def _trade(
        self, pair: Pair, trade_id: str | None, price: float, size: float, side: Side, time: int, frame: Frame, *, backfilled: bool = False
    ) -> Trade:
        return Trade(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=time,
            received_time=frame.received_time,
            backfilled=backfilled,
            trade_id=trade_id,
            price=per_coin(price, pair),
            size=coins(size, pair),
            side=side,
        )

    def _book(self, book: WireBook, snapshot: bool, frame: Frame) -> BookUpdate:
        pair = _pair(book.symbol)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=None if book.timestamp is None else milliseconds_of(book.timestamp),
            received_time=frame.received_time,
            snapshot=snapshot,
            bids=_levels(book.bids, pair),
            asks=_levels(book.asks, pair),
            checksum=book.checksum,
        )


def _request(method: str, channel: Channel, pairs: Sequence[Pair], request_id: int) -> str:
    params = {"channel": _CHANNELS[channel], "symbol": [_name(pair) for pair in pairs], **_PARAMETERS[channel]}
    if method == "subscribe":
        params["snapshot"] = channel is not Channel.TRADE
    return msgspec.json.encode({"method": method, "params": params, "req_id": request_id}).decode()


@lru_cache(maxsize=8192)
def _pair(name: str) -> Pair:
    symbol, _, quote = name.partition("/")
    return pair_of(symbol, quote)


def _name(pair: Pair) -> str:
    return f"{traded_name(pair)}/{pair.quote}"


def _levels(levels: list[WireLevel], pair: Pair) -> list[WrittenLevel]:
    try:
        return [written(bytes(level.price).decode("ascii"), bytes(level.qty).decode("ascii"), pair) for level in levels]
    except UnicodeDecodeError:
        raise MalformedFrame("a level of a book is no number") from None


_V1 = KrakenV1(Kraken.name, Kraken.region)
_CHANNELS = {Channel.TICKER: "ticker", Channel.TRADE: "trade", Channel.ORDERBOOK: "book"}
_PARAMETERS: Mapping[Channel, Mapping[str, object]] = {
    Channel.TICKER: {"event_trigger": "bbo"},
    Channel.TRADE: {},
    Channel.ORDERBOOK: {"depth": DEPTH},
}
_REST_COINS = {"BTC": "XBT", "DOGE": "XDG"}
# A name is split at the first of these that ends it, so a currency stands before any that its own name ends with.
_REST_QUOTES = ("USDT", "USDC", "USDG", "RLUSD", "PYUSD", "USD", "EUR", "GBP", "CAD", "AUD", "CHF", "JPY", "XBT", "ETH", "SOL", "DAI")
