"""Records as Coinone's messages, in DEFAULT format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from src.collect.exchanges.fields import decimal_text, sent
from src.collect.parsed import BookLevel, BookUpdate
from src.schema.records import Side, Ticker, Trade


def message_of(said: Ticker | Trade | BookUpdate) -> str:
    """The text frame that says this. A trade must have its id."""
    match said:
        case Ticker():
            return _message("TICKER", said, _ticker(said))
        case Trade():
            return _message("TRADE", said, _trade(said))
        case BookUpdate():
            return _message("ORDERBOOK", said, _book(said))


def _message(channel: str, said: Ticker | Trade | BookUpdate, fields: Mapping[str, object]) -> str:
    pair = {"quote_currency": said.quote, "target_currency": said.symbol, "timestamp": said.event_time}
    return msgspec.json.encode({"response_type": "DATA", "channel": channel, "data": pair | dict(fields)}).decode()


def _ticker(ticker: Ticker) -> Mapping[str, str | int]:
    return sent(
        {
            "quote_volume": decimal_text(ticker.quote_volume_24h),
            "target_volume": decimal_text(ticker.volume_24h),
            "high": decimal_text(ticker.high),
            "low": decimal_text(ticker.low),
            "first": decimal_text(ticker.open),
            "last": decimal_text(ticker.price),
            "ask_best_price": decimal_text(ticker.ask),
            "ask_best_qty": decimal_text(ticker.ask_size),
            "bid_best_price": decimal_text(ticker.bid),
            "bid_best_qty": decimal_text(ticker.bid_size),
            "id": f"{ticker.event_time}001",
            "yesterday_last": decimal_text(ticker.prev_close),
        }
    )


def _trade(trade: Trade) -> Mapping[str, object]:
    if trade.trade_id is None:
        raise ValueError("a mark of a gap is no trade that an exchange would send")
    return {
        "id": trade.trade_id,
        "price": decimal_text(trade.price),
        "qty": decimal_text(trade.size),
        "is_seller_maker": trade.side is Side.BUY,
    }


def _book(book: BookUpdate) -> Mapping[str, object]:
    number = f"{book.event_time}001" if book.last is None else str(book.last)
    return {"id": number, "asks": _levels(reversed(book.asks)), "bids": _levels(book.bids)}


def _levels(levels: Iterable[BookLevel]) -> list[Mapping[str, str | None]]:
    return [{"price": decimal_text(level[0]), "qty": decimal_text(level[1])} for level in levels]
