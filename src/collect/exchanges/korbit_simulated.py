"""Records as Korbit's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from src.collect.exchanges.fields import decimal_text, sent
from src.collect.parsed import BookLevel, BookUpdate
from src.schema.records import Side, Ticker, Trade


def message_of(said: Ticker | Trade | BookUpdate) -> str:
    """The text frame that says this. A trade must have its id."""
    symbol = f"{said.symbol}_{said.quote}".lower()
    match said:
        case Ticker():
            return _message("ticker", symbol, said.event_time, _ticker(said))
        case Trade():
            return _message("trade", symbol, said.event_time, [_trade(said)])
        case BookUpdate():
            book = {"timestamp": said.event_time, "asks": _levels(said.asks), "bids": _levels(said.bids)}
            return _message("orderbook", symbol, said.received_time, book)


def _message(kind: str, symbol: str, time: int, data: object) -> str:
    return msgspec.json.encode({"symbol": symbol, "timestamp": time, "type": kind, "data": data}).decode()


def _ticker(ticker: Ticker) -> Mapping[str, str | int]:
    return sent(
        {
            "open": decimal_text(ticker.open),
            "high": decimal_text(ticker.high),
            "low": decimal_text(ticker.low),
            "close": decimal_text(ticker.price),
            "prevClose": decimal_text(ticker.prev_close),
            "volume": decimal_text(ticker.volume_24h),
            "quoteVolume": decimal_text(ticker.quote_volume_24h),
            "bestAskPrice": decimal_text(ticker.ask),
            "bestBidPrice": decimal_text(ticker.bid),
            "lastTradedAt": ticker.event_time,
        }
    )


def _trade(trade: Trade) -> Mapping[str, object]:
    if trade.trade_id is None:
        raise ValueError("a mark of a gap is no trade that an exchange would send")
    return {
        "timestamp": trade.event_time,
        "price": decimal_text(trade.price),
        "qty": decimal_text(trade.size),
        "isBuyerTaker": trade.side is Side.BUY,
        "tradeId": int(trade.trade_id),
    }


def _levels(levels: Sequence[BookLevel]) -> list[Mapping[str, str | None]]:
    return [{"price": decimal_text(level[0]), "qty": decimal_text(level[1])} for level in levels]
