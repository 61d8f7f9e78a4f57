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
from src.collect.exchanges.fields import (
    coins,
    number,
    per_coin,
    spot_price,
    traded_name,
)
from src.collect.exchanges.okx_messages import (
    BOOKS,
    DATED,
    INSTRUMENTS,
    KINDS,
    MESSAGES,
    TICKERS,
    TRADES,
    WRITTEN_BOOKS,
    WireBook,
    WireTicker,
    WireTrade,
    WrittenWireBook,
    control_of,
    instrument_of,
    levels_of,
    listing_of,
    pair_named,
)
from src.collect.exchanges.okx_simulated import message_of
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Pair, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Ticker, Trade


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
    merges_fills: ClassVar[bool] = True
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
        message = MESSAGES.decode(frame)
        if message.event is not None:
            return (control_of(message),)
        if message.arg is None or not message.data:
            raise MalformedFrame("neither market data nor a known control frame")
        match message.arg.channel:
            case "tickers":
                return [self._ticker(ticker, frame) for ticker in TICKERS.decode_part(message.data)]
            case "trades":
                return [self._trade(trade, frame) for trade in TRADES.decode_part(message.data)]
            case "books" | "books5" | "bbo-tbt" | "books-l2-tbt" | "books50-l2-tbt":
                books = BOOKS.decode_part(message.data)
                # Only a checksum asks for the digits as they were written, and there has been none since June 2026.
                written: Sequence[WireBook | WrittenWireBook] = (
                    WRITTEN_BOOKS.decode_part(message.data) if any(book.checksum for book in books) else books
                )
                names = (message.arg.inst_id or "", message.action != "update")
                return [self._book(book, texts, *names, frame) for book, texts in zip(books, written, strict=True)]
        raise MalformedFrame("market data of a channel that nobody subscribes to")

    def trades_path(self, pair: Pair, after: Trade | None) -> str:
        del after
        return f"/api/v5/market/trades?instId={traded_name(pair)}-{pair.quote}&limit=500"

    def _answer(self, frame: Frame, url: str) -> Sequence[Parsed]:
        message = MESSAGES.decode(frame)
        if not message.data or str(message.code) != "0":
            return (Control(ControlKind.REFUSED, f"{message.code}: {message.msg}"),)
        if "/market/trades" in url:
            return [self._trade(trade, frame, backfilled=True) for trade in reversed(TRADES.decode_part(message.data))]
        if "/public/instruments" in url:
            return [listing for instrument in INSTRUMENTS.decode_part(message.data) if (listing := listing_of(instrument)) is not None]
        raise MalformedFrame("the answer to a request that nobody makes")

    def _ticker(self, ticker: WireTicker, frame: Frame) -> Ticker:
        instrument = KINDS.get(ticker.inst_type)
        pair = pair_named(ticker.inst_id, instrument)
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
            price=per_coin(spot_price(ticker.last) if spot else number(ticker.last), pair),
            open=per_coin(number(ticker.open24h), pair),
            high=per_coin(number(ticker.high24h), pair),
            low=per_coin(number(ticker.low24h), pair),
            volume_24h=coins(number(ticker.vol24h if spot else ticker.vol_ccy24h), pair),
            quote_volume_24h=number(ticker.vol_ccy24h) if spot else None,
            bid=per_coin(number(ticker.bid_px), pair),
            bid_size=coins(number(ticker.bid_sz), pair) if spot else None,
            ask=per_coin(number(ticker.ask_px), pair),
            ask_size=coins(number(ticker.ask_sz), pair) if spot else None,
        )

    def _trade(self, trade: WireTrade, frame: Frame, *, backfilled: bool = False) -> Trade:
        instrument = instrument_of(trade.inst_id)
        pair = pair_named(trade.inst_id, instrument)
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
            price=per_coin(trade.px, pair),
            size=coins(trade.sz, pair) if instrument is Instrument.SPOT else None,
            side=trade.side,
        )

    def _book(self, book: WireBook, written: WireBook | WrittenWireBook, inst_id: str, snapshot: bool, frame: Frame) -> BookUpdate:
        instrument = instrument_of(inst_id)
        pair = pair_named(inst_id, instrument)
        return BookUpdate(
            market=self.name,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            contract=inst_id if instrument in DATED else "",
            source=frame.source,
            event_time=book.ts,
            received_time=frame.received_time,
            snapshot=snapshot,
            bids=levels_of(book.bids, written.bids, pair),
            asks=levels_of(book.asks, written.asks, pair),
            last=book.seq_id,
            previous=book.prev_seq_id,
            checksum=unsigned(book.checksum) if book.checksum else None,
        )

    def simulate(self, said: Ticker | Trade | BookUpdate) -> str:
        return message_of(said)


def _request(operation: str, channel: Channel, pairs: Sequence[Pair]) -> str:
    args = [{"channel": _CHANNELS[channel], "instId": f"{traded_name(pair)}-{pair.quote}"} for pair in pairs]
    return msgspec.json.encode({"op": operation, "args": args}).decode()


_CHANNELS = {Channel.TICKER: "tickers", Channel.TRADE: "trades", Channel.ORDERBOOK: "books"}
