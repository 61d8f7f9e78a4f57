"""The messages in which Gate.io says a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from src.collect.exchanges.fields import decimal_text, sent
from src.collect.parsed import BookLevel, BookUpdate
from src.schema.records import Ticker, Trade


def ticker_message(ticker: Ticker, name: str) -> str:
    """A ticker of `spot.tickers`."""
    result = sent(
        {
            "currency_pair": name,
            "last": decimal_text(ticker.price),
            "lowest_ask": decimal_text(ticker.ask),
            "highest_bid": decimal_text(ticker.bid),
            "base_volume": decimal_text(ticker.volume_24h),
            "quote_volume": decimal_text(ticker.quote_volume_24h),
            "high_24h": decimal_text(ticker.high),
            "low_24h": decimal_text(ticker.low),
        }
    )
    return _update("spot.tickers", ticker.event_time, result)


def trade_message(trade: Trade, name: str) -> str:
    """A trade of `spot.trades`."""
    result = {
        "id": int(trade.trade_id or 0),
        "id_market": int(trade.trade_id or 0),
        "create_time": trade.event_time // 1000,
        "create_time_ms": f"{trade.event_time}.000000",
        "side": trade.side,
        "currency_pair": name,
        "amount": decimal_text(trade.size),
        "price": decimal_text(trade.price),
        "range": f"{trade.trade_id}-{trade.trade_id}",
    }
    return _update("spot.trades", trade.event_time, result)


def book_message(update: BookUpdate, name: str) -> str:
    """A full book or a change of `spot.obu`."""
    numbers = {"u": update.last} if update.first is None else {"U": update.first, "u": update.last}
    full = {"full": True} if update.snapshot else {}
    levels = {"b": _written(update.bids), "a": _written(update.asks)}
    result = {"t": update.event_time, **full, "s": f"ob.{name}.50", **numbers, **levels}
    return msgspec.json.encode({"channel": "spot.obu", "result": result, "time_ms": update.event_time}).decode()


def _update(channel: str, time: int, result: Mapping[str, object]) -> str:
    return msgspec.json.encode({"time": time // 1000, "time_ms": time, "channel": channel, "event": "update", "result": result}).decode()


def _written(levels: Sequence[BookLevel]) -> list[tuple[str | None, str | None]]:
    return [(decimal_text(level[0]), decimal_text(level[1])) for level in levels]
