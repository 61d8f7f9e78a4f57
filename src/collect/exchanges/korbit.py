"""Korbit, Korea (KRW), which calls itself Digital X since 2026.

Peculiar: its former hosts still answer, and are tried after the new ones. Names are lower case, and case matters. A ticker says the prices of the
best bid and ask, no sizes; for a pair that is stopped they are 0, which stands for none. Every message of a book is the whole book, 30 levels a
side; a pair that is stopped sends one empty book that is days old. The first trades after a request are old ones. A refusal tells which request
it is about; only a request with a number is acknowledged. The server pings; nothing has to be sent. An answer with trades does not say their pair:
the request does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from src.collect.book_rule import BookRule, FullReplace
from src.collect.exchange import Exchange, Parsed, RateLimit
from src.collect.exchanges.fields import coins, number, pair_of, per_coin, spot_price, traded_name
from src.collect.exchanges.korbit_messages import (
    CONTROLS,
    LISTINGS,
    MARKET_DATA,
    TRADES,
    BookMessage,
    ListingMessage,
    OneTrade,
    Quantity,
    RestMessage,
    TickerMessage,
    TradeMessage,
)
from src.collect.exchanges.korbit_simulated import message_of
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Instrument, Level, Region, Side, Ticker, Trade


class Korbit(Exchange):
    """The public v2 socket of Korbit, today Digital X."""

    name: ClassVar[str] = "korbit"
    region: ClassVar[Region] = Region.KOREA
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(
        Channel, ("wss://ws-api.digitalx.miraeasset.com/v2/public", "wss://ws-api.korbit.co.kr/v2/public")
    )
    quotes: ClassVar[tuple[str, ...]] = ("KRW",)
    rate_pair: ClassVar[Pair | None] = Pair("USDT", "KRW")
    # No limit is published; one request for all of its 193 pairs was served.
    pairs_per_connection: ClassVar[int] = 193
    book_rule: ClassVar[BookRule] = FullReplace()
    trade_ids: ClassVar[TradeIds] = TradeIds.RISING
    rest_urls: ClassVar[tuple[str, ...]] = ("https://api.digitalx.miraeasset.com", "https://api.korbit.co.kr")
    rest_requests: ClassVar[RateLimit] = RateLimit(50, 1.0)
    listings_path: ClassVar[str | None] = "/v2/currencyPairs"

    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """One request for everything."""
        return (_request("subscribe", channel, pairs, 1),) if pairs else ()

    def renew(self, channel: Channel, pair: Pair, pairs: Sequence[Pair]) -> Sequence[str]:
        del pairs
        return (_request("unsubscribe", channel, [pair], 2), _request("subscribe", channel, [pair], 3))

    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """A ticker, a book or all trades of the frame, or what it says instead."""
        if frame.url is not None:
            return self._answer(frame, frame.url)
        try:
            message = MARKET_DATA.decode(frame)
        except MalformedFrame as refused:
            return (_control(frame, refused),)
        match message:
            case TradeMessage():
                pair = _pair(message.symbol)
                return [self._trade(trade, pair, frame) for trade in message.data]
            case BookMessage():
                return (self._book(message, frame),)
            case TickerMessage():
                return (self._ticker(message, frame),)

    def trades_path(self, pair: Pair, after: Trade | None) -> str | None:
        """The latest 500; no request leads on from a trade."""
        del after
        return f"/v2/trades?symbol={_name(pair)}&limit=500"

    def simulate(self, said: Ticker | Trade | BookUpdate) -> str:
        """The text frame that says this."""
        return message_of(said)

    def _answer(self, frame: Frame, url: str) -> Sequence[Parsed]:
        asked = urlsplit(url)
        if asked.path.endswith("/v2/trades"):
            trades = TRADES.decode(frame)
            if not trades.success:
                return (_refused(trades),)
            pair = _pair(parse_qs(asked.query).get("symbol", [""])[0])
            newest_first = [self._trade(trade, pair, frame, backfilled=True) for trade in trades.data]
            return sorted(newest_first, key=lambda trade: int(trade.trade_id or 0))
        if asked.path.endswith("/v2/currencyPairs"):
            pairs = LISTINGS.decode(frame)
            if not pairs.success:
                return (_refused(pairs),)
            return [listing for line in pairs.data if (listing := _listing(line)) is not None]
        raise MalformedFrame("the answer to a request that nobody makes")

    def _ticker(self, message: TickerMessage, frame: Frame) -> Ticker:
        pair = _pair(message.symbol)
        said = message.data
        return Ticker(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=message.timestamp,
            received_time=frame.received_time,
            price=per_coin(spot_price(said.close), pair),
            open=per_coin(number(said.open), pair),
            high=per_coin(number(said.high), pair),
            low=per_coin(number(said.low), pair),
            prev_close=per_coin(number(said.prev_close), pair),
            volume_24h=coins(number(said.volume), pair),
            quote_volume_24h=number(said.quote_volume),
            bid=per_coin(number(said.best_bid_price) or None, pair),
            ask=per_coin(number(said.best_ask_price) or None, pair),
        )

    def _trade(self, trade: OneTrade, pair: Pair, frame: Frame, *, backfilled: bool = False) -> Trade:
        return Trade(
            region=self.region,
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=trade.timestamp,
            received_time=frame.received_time,
            backfilled=backfilled,
            trade_id=str(trade.trade_id),
            price=per_coin(trade.price, pair),
            size=coins(trade.qty, pair),
            side=Side.BUY if trade.is_buyer_taker else Side.SELL,
        )

    def _book(self, message: BookMessage, frame: Frame) -> BookUpdate:
        pair = _pair(message.symbol)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            source=frame.source,
            event_time=message.data.timestamp,
            received_time=frame.received_time,
            snapshot=True,
            bids=_levels(message.data.bids, pair.multiple),
            asks=_levels(message.data.asks, pair.multiple),
        )


def _request(method: str, channel: Channel, pairs: Sequence[Pair], request_id: int) -> str:
    request = {"requestId": request_id, "method": method, "type": channel.value, "symbols": [_name(pair) for pair in pairs]}
    return msgspec.json.encode([request]).decode()


def _control(frame: Frame, refused: MalformedFrame) -> Control:
    """What a frame without market data says; where it says nothing known, what was wrong with it as market data."""
    message = CONTROLS.decode(frame)
    match message.status:
        case "success":
            return Control(ControlKind.ACKNOWLEDGED, f"request {message.request_id}")
        case "fail":
            return Control(ControlKind.REFUSED, ": ".join(text for text in (message.code, message.message) if text) or "fail")
    raise refused


def _refused(message: RestMessage) -> Control:
    return Control(ControlKind.REFUSED, f"{message.error.code}: {message.error.message}")


def _name(pair: Pair) -> str:
    return f"{traded_name(pair)}_{pair.quote}".lower()


@lru_cache(maxsize=8192)
def _pair(name: str) -> Pair:
    if name != name.lower():
        raise MalformedFrame("a symbol is not in lower case")
    symbol, _, quote = name.partition("_")
    return pair_of(symbol.upper(), quote.upper())


def _listing(line: ListingMessage) -> Listing | None:
    """A pair whose name no request could hold is left out, so that it does not hide all others."""
    try:
        return Listing(_pair(line.symbol), Instrument.SPOT, trading=line.status == "launched")
    except MalformedFrame:
        return None


def _levels(levels: Sequence[Quantity], multiple: int) -> list[Level]:
    if multiple == 1:
        return [(level.price, level.qty) for level in levels]
    return [(level.price / multiple, level.qty * multiple) for level in levels]
