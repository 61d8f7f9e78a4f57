"""Coinone, Korea (KRW).

Peculiar: a request asks for one topic, and is acknowledged even when there is no such pair; the refusal that follows does not say which pair.
`is_seller_maker` true means that the buyer took (documents of its REST interface, and clients made by them, have it the other way round: the
book of the same moment proves them wrong). Every message of a book is the whole book, 16 levels a side, and its asks come worst first. Its `id`
rises, but not by one; the first book after a request has a time that is 10 s old. An idle socket is closed 30 minutes after the last ping, and one
that never asked for anything after a minute. REST refusals come with status 200.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

import msgspec

from src.collect.book_rule import BookRule, FullReplace
from src.collect.exchange import Exchange, KeepAlive, Parsed, RateLimit
from src.collect.exchanges.coinone_messages import (
    CONTROLS,
    LISTINGS,
    TRADES,
    BookFields,
    BookMessage,
    ListingMessage,
    OneTrade,
    Quantity,
    RestMessage,
    ShortBookFields,
    ShortBookMessage,
    ShortQuantity,
    ShortTradeFields,
    ShortTradeMessage,
    TickerFields,
    TickerMessage,
    TradeMessage,
    market_data,
)
from src.collect.exchanges.coinone_simulated import message_of
from src.collect.exchanges.fields import coins, number, pair_of, per_coin, spot_price, traded_name
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Instrument, Level, Region, Side, Ticker, Trade


class Coinone(Exchange):
    """Coinone's public socket."""

    name: ClassVar[str] = "coinone"
    region: ClassVar[Region] = Region.KOREA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(Channel, ("wss://stream.coinone.co.kr",))
    quotes: ClassVar[tuple[str, ...]] = ("KRW",)
    rate_pair: ClassVar[Pair | None] = Pair("USDT", "KRW")
    keep_alive: ClassVar[KeepAlive | None] = KeepAlive(every_seconds=20, message='{"request_type":"PING"}')
    # 20 connections of one address; no limit of topics is published, and all of its 363 pairs were served on one socket.
    pairs_per_connection: ClassVar[int] = 363
    # No limit is published either; 363 requests at once were served.
    requests: ClassVar[RateLimit] = RateLimit(50, 1.0)
    book_rule: ClassVar[BookRule] = FullReplace()
    # That a newer book has a greater id is documented; of trades it is not.
    trade_ids: ClassVar[TradeIds] = TradeIds.UNIQUE
    rest_urls: ClassVar[tuple[str, ...]] = ("https://api.coinone.co.kr",)
    rest_requests: ClassVar[RateLimit] = RateLimit(20, 1.0)
    listings_path: ClassVar[str | None] = "/public/v2/markets/KRW"

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One frame for each pair."""
        return [_request("SUBSCRIBE", channel, pair) for pair in pairs]

    def renew(self, channel: Channel, pair: Pair, pairs: Sequence[Pair]) -> Sequence[str]:
        del pairs
        return (_request("UNSUBSCRIBE", channel, pair), _request("SUBSCRIBE", channel, pair))

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
                said = message.data
                return (self._trade(said, pair_of(said.target_currency, said.quote_currency), frame),)
            case BookMessage() | ShortBookMessage():
                return (self._book(message.data, frame),)
            case TickerMessage():
                return (self._ticker(message.data, frame),)

    def trades_path(self, pair: Pair, after: Trade | None) -> str | None:
        """The latest 200, which is the most that it gives."""
        del after
        return f"/public/v2/trades/{pair.quote}/{traded_name(pair)}?size=200"

    def simulate(self, said: Ticker | Trade | BookUpdate) -> str:
        """The text frame that says this."""
        return message_of(said)

    def _answer(self, frame: Frame, url: str) -> Sequence[Parsed]:
        path = urlsplit(url).path
        if "/public/v2/trades/" in path:
            trades = TRADES.decode(frame)
            if trades.result != "success":
                return (_refused(trades),)
            pair = pair_of(trades.target_currency, trades.quote_currency)
            newest_first = [self._trade(trade, pair, frame, backfilled=True) for trade in trades.transactions]
            newest_first.reverse()  # trades of one moment stay in that order
            return sorted(newest_first, key=lambda trade: trade.event_time)
        if "/public/v2/markets/" in path:
            markets = LISTINGS.decode(frame)
            if markets.result != "success":
                return (_refused(markets),)
            return [listing for line in markets.markets if (listing := _listing(line)) is not None]
        raise MalformedFrame("the answer to a request that nobody makes")

    def _ticker(self, said: TickerFields, frame: Frame) -> Ticker:
        pair = pair_of(said.target_currency, said.quote_currency)
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=said.timestamp,
            received_time=frame.received_time,
            price=per_coin(spot_price(said.last), pair),
            open=per_coin(number(said.first), pair),
            high=per_coin(number(said.high), pair),
            low=per_coin(number(said.low), pair),
            prev_close=per_coin(number(said.yesterday_last), pair),
            volume_24h=coins(number(said.target_volume), pair),
            quote_volume_24h=number(said.quote_volume),
            bid=per_coin(number(said.bid_best_price), pair),
            bid_size=coins(number(said.bid_best_qty), pair),
            ask=per_coin(number(said.ask_best_price), pair),
            ask_size=coins(number(said.ask_best_qty), pair),
        )

    def _trade(self, trade: OneTrade | ShortTradeFields, pair: Pair, frame: Frame, *, backfilled: bool = False) -> Trade:
        return Trade(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=trade.timestamp,
            received_time=frame.received_time,
            backfilled=backfilled,
            trade_id=trade.id,
            price=per_coin(trade.price, pair),
            size=coins(trade.qty, pair),
            side=Side.BUY if trade.is_seller_maker else Side.SELL,
        )

    def _book(self, said: BookFields | ShortBookFields, frame: Frame) -> BookUpdate:
        pair = pair_of(said.target_currency, said.quote_currency)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=said.timestamp,
            received_time=frame.received_time,
            snapshot=True,
            bids=_levels(said.bids, pair.multiple),
            asks=_levels(said.asks[::-1], pair.multiple),
            last=said.id,
        )


def _request(request_type: str, channel: Channel, pair: Pair) -> str:
    topic = {"quote_currency": pair.quote, "target_currency": traded_name(pair)}
    return msgspec.json.encode({"request_type": request_type, "channel": channel.value.upper(), "topic": topic}).decode()


def _control(frame: Frame, refused: MalformedFrame) -> Control:
    """What a frame without market data says; where it says nothing known, what was wrong with it as market data."""
    message = CONTROLS.decode(frame)
    match message.response_type:
        case "SUBSCRIBED" | "UNSUBSCRIBED":
            topic = message.data
            return Control(ControlKind.ACKNOWLEDGED, f"{message.response_type} {message.channel} {topic.quote_currency}-{topic.target_currency}")
        case "PONG":
            return Control(ControlKind.HEARTBEAT, "PONG")
        case "CONNECTED":
            return Control(ControlKind.ACKNOWLEDGED, f"CONNECTED {message.data.session_id}".rstrip())
        case "ERROR":
            return Control(ControlKind.REFUSED, f"{message.error_code}: {message.message}")
    raise refused


def _refused(message: RestMessage) -> Control:
    return Control(ControlKind.REFUSED, f"{message.error_code}: {message.error_msg}")


def _listing(line: ListingMessage) -> Listing | None:
    """A pair whose name no request could hold is left out, so that it does not hide all others."""
    try:
        pair = pair_of(line.target_currency, line.quote_currency)
    except MalformedFrame:
        return None
    return Listing(pair, Instrument.SPOT, trading=line.trade_status == 1 and line.maintenance_status == 0)


def _levels(levels: Sequence[Quantity] | Sequence[ShortQuantity], multiple: int) -> list[Level]:
    if multiple == 1:
        return [(level.price, level.qty) for level in levels]
    return [(level.price / multiple, level.qty * multiple) for level in levels]
