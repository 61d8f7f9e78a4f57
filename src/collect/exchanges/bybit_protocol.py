"""The v5 public socket of Bybit, the same for spot and for linear contracts; what differs is in the venues' own files.

Peculiar: the envelope has the time of sending (`ts`), and of a book also when the engine made it (`cts`). A message of trades holds up to 1,024,
and its type is always `snapshot`. A book is a snapshot, then changes whose numbers `u` have no gaps; a snapshot that comes later replaces it, and one
with `u` 1 says that the service was started again. A level that leaves the depth subscribed to is taken away by a size of 0. There is no open of
24 hours: the price of 24 hours ago stands for it and for the previous close. The spot socket refuses more than 10 topics in one request, and no
socket takes more than 21,000 characters of topics.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from src.collect.book_rule import BookRule, Consecutive
from src.collect.exchange import Exchange, KeepAlive, Parsed, RateLimit
from src.collect.exchanges.bybit_messages import (
    ANSWERS,
    BOOKS,
    INSTRUMENTS,
    MESSAGES,
    RECENT_TRADES,
    TICKERS,
    TRADES,
    BybitTicker,
    Message,
    TakerSide,
    control,
    listings,
)
from src.collect.exchanges.bybit_simulated import book_message, ticker_message, trade_message
from src.collect.exchanges.fields import coins, number, per_coin, spot_price
from src.collect.parsed import BookLevel, BookUpdate, Channel, Control, ControlKind, Frame, Pair, TickerChange
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Ticker, Trade


class BybitProtocol(Exchange):
    """A Bybit market. A subclass adds its name, address and category, and says how its contracts are named."""

    region: ClassVar[Region] = Region.ASIA
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=20, message='{"op":"ping"}')
    # Three channels of 180 topics, each at most 37 characters with its quotes and comma, are below the 21,000 that a connection may ask for.
    pairs_per_connection: ClassVar[int] = 180
    # 500 connections in 5 minutes and 600 REST requests in 5 seconds: half of it for each of the two markets on the same hosts.
    connects: ClassVar[RateLimit] = RateLimit(250, 300.0)
    rest_requests: ClassVar[RateLimit] = RateLimit(300, 5.0)
    book_rule: ClassVar[BookRule] = Consecutive()
    rest_urls: ClassVar[tuple[str, ...]] = ("https://api.bybit.com", "https://api.bytick.com")
    category: ClassVar[str]
    """What the REST interface calls this market."""
    trades_limit: ClassVar[int]
    """The most trades that one REST request gives."""

    @abstractmethod
    def traded(self, name: str) -> tuple[Pair, Instrument]:
        """What a name like BTCUSDT stands for. Raises `MalformedFrame` where it is no name of this market."""

    @abstractmethod
    def name_of(self, pair: Pair) -> str:
        """The market's own name of a pair: BTCUSDT."""

    @abstractmethod
    def ticker(self, ticker: Ticker, data: BybitTicker, kind: str) -> Ticker | TickerChange:
        """What a ticker of a message of that type means on this market."""

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One numbered request for each ten pairs."""
        topics = [f"{_TOPICS[channel]}.{self.name_of(pair)}" for pair in pairs]
        return [
            _request("subscribe", topics[start : start + _TOPICS_OF_REQUEST], request)
            for request, start in enumerate(range(0, len(topics), _TOPICS_OF_REQUEST), start=1)
        ]

    def renew(self, channel: Channel, pair: Pair, pairs: Sequence[Pair]) -> Sequence[str]:
        del pairs
        topics = [f"{_TOPICS[channel]}.{self.name_of(pair)}"]
        return [_request("unsubscribe", topics, 1), _request("subscribe", topics, 2)]

    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """A record for a ticker or a book, one for each trade of a list, or what the frame says instead."""
        if frame.url is not None:
            return self._answer(frame, frame.url)
        message = MESSAGES.decode(frame)
        if message.topic is None:
            return (control(message),)
        if message.ts is None or not message.data:
            raise MalformedFrame("market data without its time or its data")
        match message.topic.partition(".")[0]:
            case "orderbook":
                return (self._book(message, message.ts, frame),)
            case "publicTrade":
                trades = TRADES.decode_part(message.data)
                return [self._trade(trade.s, trade.t, trade.i, trade.p, trade.v, trade.side, frame) for trade in trades]
            case "tickers":
                return (self._ticker(message, message.ts, frame),)
        raise MalformedFrame("market data of a channel that nobody subscribes to")

    def trades_path(self, pair: Pair, after: Trade | None) -> str:
        del after
        return f"/v5/market/recent-trade?category={self.category}&symbol={self.name_of(pair)}&limit={self.trades_limit}"

    def simulate(self, said: Ticker | Trade | BookUpdate) -> str:
        """The text frame of this record; the previous close of a ticker is also its open."""
        name = self.name_of(Pair(said.symbol, said.quote))
        match said:
            case Ticker():
                return ticker_message(said, name)
            case Trade():
                return trade_message(said, name)
            case BookUpdate():
                return book_message(said, name)

    def _answer(self, frame: Frame, url: str) -> Sequence[Parsed]:
        answer = ANSWERS.decode(frame)
        if answer.ret_code != 0 or not answer.result:
            return (Control(ControlKind.REFUSED, f"{answer.ret_code}: {answer.ret_msg}"),)
        if "/market/recent-trade" in url:
            newest_first = RECENT_TRADES.decode_part(answer.result).rows
            return [
                self._trade(trade.symbol, trade.time, trade.exec_id, trade.price, trade.size, trade.side, frame, backfilled=True)
                for trade in reversed(newest_first)
            ]
        if "/market/instruments-info" in url:
            return listings(INSTRUMENTS.decode_part(answer.result).rows)
        raise MalformedFrame("the answer to a request that nobody makes")

    def _ticker(self, message: Message, time: int, frame: Frame) -> Ticker | TickerChange:
        data = TICKERS.decode_part(message.data)
        pair, instrument = self.traded(data.symbol)
        prev_close = per_coin(number(data.prev_price24h), pair)
        ticker = Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            source=frame.source,
            event_time=time,
            received_time=frame.received_time,
            price=per_coin(spot_price(data.last_price), pair),
            open=prev_close,
            high=per_coin(number(data.high_price24h), pair),
            low=per_coin(number(data.low_price24h), pair),
            prev_close=prev_close,
            volume_24h=coins(number(data.volume24h), pair),
            quote_volume_24h=number(data.turnover24h),
            bid=per_coin(number(data.bid1_price), pair),
            bid_size=coins(number(data.bid1_size), pair),
            ask=per_coin(number(data.ask1_price), pair),
            ask_size=coins(number(data.ask1_size), pair),
        )
        return self.ticker(ticker, data, message.type or "")

    def _trade(
        self, name: str, time: int, trade_id: str, price: float, size: float, side: TakerSide, frame: Frame, *, backfilled: bool = False
    ) -> Trade:
        pair, instrument = self.traded(name)
        return Trade(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            source=frame.source,
            event_time=time,
            received_time=frame.received_time,
            backfilled=backfilled,
            trade_id=trade_id,
            price=per_coin(price, pair),
            size=coins(size, pair),
            side=_SIDES[side],
        )

    def _book(self, message: Message, sent_time: int, frame: Frame) -> BookUpdate:
        if message.type not in ("snapshot", "delta"):
            raise MalformedFrame("a book that is neither a snapshot nor a change")
        book = BOOKS.decode_part(message.data)
        pair, instrument = self.traded(book.s)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            source=frame.source,
            event_time=sent_time if message.cts is None else message.cts,
            received_time=frame.received_time,
            snapshot=message.type == "snapshot",
            bids=_levels(book.b, pair),
            asks=_levels(book.a, pair),
            first=book.u,
            last=book.u,
        )


def _request(operation: str, topics: Sequence[str], request_id: int) -> str:
    return msgspec.json.encode({"req_id": str(request_id), "op": operation, "args": topics}).decode()


def _levels(levels: list[tuple[float, float]], pair: Pair) -> Sequence[BookLevel]:
    return levels if pair.multiple == 1 else [(price / pair.multiple, size * pair.multiple) for price, size in levels]


_TOPICS = {Channel.TICKER: "tickers", Channel.TRADE: "publicTrade", Channel.ORDERBOOK: "orderbook.50"}
_TOPICS_OF_REQUEST = 10
_SIDES: Mapping[TakerSide, Side] = {"Buy": Side.BUY, "Sell": Side.SELL}
