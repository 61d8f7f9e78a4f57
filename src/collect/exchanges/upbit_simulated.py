"""Records as messages of Upbit's protocol, in DEFAULT format."""

from __future__ import annotations

from itertools import zip_longest

import msgspec

from src.collect.exchanges.upbit_messages import BookMessage, TickerMessage, TradeMessage, Unit
from src.collect.parsed import BookUpdate
from src.schema.records import Side, Ticker, Trade

_NONE = (0.0, 0.0)


def message_of(said: Ticker | Trade | BookUpdate) -> bytes:
    """The binary frame that says this. A trade must have its id, price and size."""
    code = f"{said.quote}-{said.symbol}"
    match said:
        case Ticker():
            return msgspec.json.encode(_ticker(said, code))
        case Trade():
            return msgspec.json.encode(_trade(said, code))
        case BookUpdate():
            return msgspec.json.encode(_book(said, code))


def _ticker(ticker: Ticker, code: str) -> TickerMessage:
    return TickerMessage(
        code=code,
        opening_price=ticker.open,
        high_price=ticker.high,
        low_price=ticker.low,
        trade_price=ticker.price,
        prev_closing_price=ticker.prev_close,
        acc_trade_volume=ticker.acc_volume,
        timestamp=ticker.event_time,
        acc_trade_price_24h=ticker.quote_volume_24h,
        acc_trade_volume_24h=ticker.volume_24h,
        stream_type="REALTIME",
    )


def _trade(trade: Trade, code: str) -> TradeMessage:
    if trade.trade_id is None or trade.price is None or trade.size is None:
        raise ValueError("a mark of a gap is no trade that an exchange would send")
    return TradeMessage(
        code=code,
        timestamp=trade.event_time,
        trade_timestamp=trade.event_time,
        trade_price=trade.price,
        trade_volume=trade.size,
        ask_bid="BID" if trade.side is Side.BUY else "ASK",
        sequential_id=int(trade.trade_id),
        stream_type="REALTIME",
    )


def _book(book: BookUpdate, code: str) -> BookMessage:
    units = [Unit(ask[0], bid[0], ask[1], bid[1]) for ask, bid in zip_longest(book.asks, book.bids, fillvalue=_NONE)]
    return BookMessage(
        code=code,
        timestamp=book.event_time,
        total_ask_size=sum(ask[1] for ask in book.asks),
        total_bid_size=sum(bid[1] for bid in book.bids),
        orderbook_units=units,
        stream_type="REALTIME",
        level=0,
    )
