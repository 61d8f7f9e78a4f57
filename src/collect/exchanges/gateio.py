"""Gate.io spot, v4.

Peculiar: a request says its time, which must be within a minute of the server's. The ticker has no open (only a rounded change), no sizes of the best
bid and ask, and no time but the envelope's, which in 2021 was in whole seconds. `create_time_ms` of a trade is text with a fraction. A trade's
`id` was counted over all pairs and today is its `id_market`; a message may stand for a range of them, so a jump is no gap.

Books: `spot.obu` is subscribed to: a full book, then changes numbered without a gap, which may have a number and no levels; the server keeps
50 levels and takes away what leaves them. It acknowledges an unknown pair and then is silent, where the other channels refuse it. Captures hold
`spot.order_book_update` too, whose changes need a snapshot by REST, and the documents `spot.order_book`, a whole book each time.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

import msgspec

from src.collect.book_rule import BookRule, Consecutive
from src.collect.exchange import Exchange, KeepAlive, Parsed, RateLimit
from src.collect.exchanges.fields import END_OF_TIME, coins, number, pair_of, per_coin, spot_price, traded_name
from src.collect.exchanges.gateio_messages import (
    BOOK_CHANGES,
    FULL_BOOKS,
    LISTINGS,
    MESSAGES,
    REFUSALS,
    TICKERS,
    TRADE_LISTS,
    TRADES,
    BookChange,
    FullBook,
    Message,
    TradeMessage,
    control,
    listings,
)
from src.collect.exchanges.gateio_simulated import book_message, ticker_message, trade_message
from src.collect.parsed import BookLevel, BookUpdate, Channel, Control, ControlKind, Frame, Pair, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Region, Ticker, Trade


class Gateio(Exchange):
    """Gate.io's public v4 spot socket."""

    name: ClassVar[str] = "gateio"
    region: ClassVar[Region] = Region.ASIA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(Channel, ("wss://api.gateio.ws/ws/v4/",))
    quotes: ClassVar[tuple[str, ...]] = ("USDT", "USDC", "BTC", "ETH")
    # A socket that was silent for 30 s was closed; pings of the protocol every 10 s kept it open.
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=10)
    book_rule: ClassVar[BookRule] = Consecutive()
    trade_ids: ClassVar[TradeIds] = TradeIds.RISING
    rest_urls: ClassVar[tuple[str, ...]] = ("https://api.gateio.ws", "https://api.gate.io")
    rest_requests: ClassVar[RateLimit] = RateLimit(200, 10.0)
    listings_path: ClassVar[str | None] = "/api/v4/spot/currency_pairs"

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One request for each twenty pairs."""
        return [_request(channel, "subscribe", pairs[start : start + _PAIRS_OF_REQUEST]) for start in range(0, len(pairs), _PAIRS_OF_REQUEST)]

    def renew(self, channel: Channel, pair: Pair, pairs: Sequence[Pair]) -> Sequence[str]:
        del pairs
        return [_request(channel, "unsubscribe", [pair]), _request(channel, "subscribe", [pair])]

    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """One record, or what the frame says instead."""
        if frame.url is not None:
            return self._answer(frame, frame.url)
        message = MESSAGES.decode(frame)
        if message.event not in (None, "update") or message.channel is None or not message.result:
            return (control(message),)
        match message.channel:
            case "spot.obu" | "spot.order_book_update":
                return (self._book_change(BOOK_CHANGES.decode_part(message.result), frame),)
            case "spot.trades":
                trade = TRADES.decode_part(message.result)
                return (self._trade(trade, trade.currency_pair, frame),)
            case "spot.tickers":
                return (self._ticker(message, frame),)
            case "spot.order_book":
                book = FULL_BOOKS.decode_part(message.result)
                return (self._full_book(book, book.s, book.t, frame),)
        raise MalformedFrame("market data of a channel that nobody subscribes to")

    def trades_path(self, pair: Pair, after: Trade | None) -> str:
        """From `after` on, itself among them, though `last_id` is left out of the answer: that it comes proves that nothing between is missing."""
        known = None if after is None else after.trade_id
        start = f"&last_id={int(known) - 1}" if known and known.isdecimal() else ""
        return f"/api/v4/spot/trades?currency_pair={_name(pair)}&limit=1000{start}"

    def book_path(self, pair: Pair) -> str:
        return f"/api/v4/spot/order_book?currency_pair={_name(pair)}&limit=100&with_id=true"

    def simulate(self, said: Ticker | Trade | BookUpdate) -> str:
        """The text frame of this record; a book is that of `spot.obu`."""
        name = f"{said.symbol}_{said.quote}"
        match said:
            case Ticker():
                return ticker_message(said, name)
            case Trade():
                return trade_message(said, name)
            case BookUpdate():
                return book_message(said, name)

    def _answer(self, frame: Frame, url: str) -> Sequence[Parsed]:
        if frame.message[:1] in ("{", b"{") and (refusal := REFUSALS.decode(frame)).label:
            return (Control(ControlKind.REFUSED, f"{refusal.label}: {refusal.message}"),)
        if "/spot/currency_pairs" in url:
            return listings(LISTINGS.decode(frame))
        asked = _ASKED_PAIR.search(url)
        name = asked[1] if asked else ""
        if "/spot/trades" in url:
            trades = sorted(TRADE_LISTS.decode(frame), key=lambda trade: trade.id)
            return [self._trade(trade, name, frame, backfilled=True) for trade in trades]
        if "/spot/order_book" in url:
            book = FULL_BOOKS.decode(frame)
            return (self._full_book(book, name, book.update, frame),)
        raise MalformedFrame("the answer to a request that nobody makes")

    def _ticker(self, message: Message, frame: Frame) -> Ticker:
        ticker = TICKERS.decode_part(message.result)
        pair = _pair(ticker.currency_pair)
        if message.time_ms is None and message.time is None:
            raise MalformedFrame("a ticker without its time")
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=(message.time or 0) * 1000 if message.time_ms is None else message.time_ms,
            received_time=frame.received_time,
            price=per_coin(spot_price(ticker.last), pair),
            high=per_coin(number(ticker.high_24h), pair),
            low=per_coin(number(ticker.low_24h), pair),
            volume_24h=coins(number(ticker.base_volume), pair),
            quote_volume_24h=number(ticker.quote_volume),
            bid=per_coin(number(ticker.highest_bid), pair),
            ask=per_coin(number(ticker.lowest_ask), pair),
        )

    def _trade(self, trade: TradeMessage, name: str, frame: Frame, *, backfilled: bool = False) -> Trade:
        pair = _pair(name)
        return Trade(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=_whole_milliseconds(trade.create_time_ms),
            received_time=frame.received_time,
            backfilled=backfilled,
            trade_id=str(trade.id),
            price=per_coin(trade.price, pair),
            size=coins(trade.amount, pair),
            side=trade.side,
        )

    def _book_change(self, change: BookChange, frame: Frame) -> BookUpdate:
        pair = _pair(change.s)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=change.t,
            received_time=frame.received_time,
            snapshot=change.full,
            bids=_levels(change.b, pair),
            asks=_levels(change.a, pair),
            first=change.first,
            last=change.last,
        )

    def _full_book(self, book: FullBook, name: str, event_time: int | None, frame: Frame) -> BookUpdate:
        pair = _pair(name)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=event_time,
            received_time=frame.received_time,
            snapshot=True,
            bids=_levels(book.bids, pair),
            asks=_levels(book.asks, pair),
            last=book.id if book.last_update_id is None else book.last_update_id,
        )


def _request(channel: Channel, event: str, pairs: Sequence[Pair]) -> str:
    payload = [f"ob.{_name(pair)}.50" if channel is Channel.ORDERBOOK else _name(pair) for pair in pairs]
    # The server refuses a request whose time is not its own, so the clock is read here and by no parser.
    request = {"time": int(time.time()), "channel": _CHANNELS[channel], "event": event, "payload": payload}
    return msgspec.json.encode(request).decode()


def _name(pair: Pair) -> str:
    return f"{traded_name(pair)}_{pair.quote}"


@lru_cache(maxsize=8192)
def _pair(name: str) -> Pair:
    """The pair of a name, or of a stream of books (ob.BTC_USDT.50)."""
    if name.startswith("ob."):
        name = name[3:].partition(".")[0]
    base, _, quote = name.partition("_")
    return pair_of(base, quote)


def _whole_milliseconds(text: str) -> int:
    whole, _, fraction = text.partition(".")
    if not (whole and len(whole) <= _LONGEST_TIME and text.isascii() and (whole + fraction).isdecimal()):
        raise MalformedFrame("a time is no number of milliseconds")
    if (milliseconds := int(whole)) >= END_OF_TIME:
        raise MalformedFrame("a time is after 9999")
    return milliseconds


def _levels(levels: list[tuple[float, float]], pair: Pair) -> Sequence[BookLevel]:
    return levels if pair.multiple == 1 else [(price / pair.multiple, size * pair.multiple) for price, size in levels]


_CHANNELS = {Channel.TICKER: "spot.tickers", Channel.TRADE: "spot.trades", Channel.ORDERBOOK: "spot.obu"}
_PAIRS_OF_REQUEST = 20
_LONGEST_TIME = len(str(END_OF_TIME))
_ASKED_PAIR = re.compile(r"[?&]currency_pair=([^&]*)")
