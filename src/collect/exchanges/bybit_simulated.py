"""The messages in which Bybit says a record."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from src.collect.exchanges.fields import decimal_text, sent
from src.collect.parsed import BookLevel, BookUpdate
from src.schema.records import Instrument, Side, Ticker, Trade


def ticker_message(ticker: Ticker, name: str) -> str:
    """All of a ticker; the price of 24 hours ago is its previous close. Spot tickers have no bid and no ask."""
    spot = ticker.instrument is Instrument.SPOT
    data = sent(
        {
            "symbol": name,
            "lastPrice": decimal_text(ticker.price),
            "highPrice24h": decimal_text(ticker.high),
            "lowPrice24h": decimal_text(ticker.low),
            "prevPrice24h": decimal_text(ticker.prev_close),
            "volume24h": decimal_text(ticker.volume_24h),
            "turnover24h": decimal_text(ticker.quote_volume_24h),
            "bid1Price": None if spot else decimal_text(ticker.bid),
            "bid1Size": None if spot else decimal_text(ticker.bid_size),
            "ask1Price": None if spot else decimal_text(ticker.ask),
            "ask1Size": None if spot else decimal_text(ticker.ask_size),
        }
    )
    return _message({"topic": f"tickers.{name}", "ts": ticker.event_time, "type": "snapshot", "data": data})


def trade_message(trade: Trade, name: str) -> str:
    """A list of one trade."""
    said = {
        "i": trade.trade_id,
        "T": trade.event_time,
        "p": decimal_text(trade.price),
        "v": decimal_text(trade.size),
        "S": "Buy" if trade.side is Side.BUY else "Sell",
        "s": name,
        "BT": False,
        "RPI": False,
    }
    return _message({"topic": f"publicTrade.{name}", "ts": trade.event_time, "type": "snapshot", "data": [said]})


def book_message(update: BookUpdate, name: str) -> str:
    """A snapshot or a change of a book."""
    data = {"s": name, "b": _written(update.bids), "a": _written(update.asks), "u": update.last, "seq": update.last}
    kind = "snapshot" if update.snapshot else "delta"
    return _message({"topic": f"orderbook.50.{name}", "ts": update.event_time, "type": kind, "data": data, "cts": update.event_time})


def _written(levels: Sequence[BookLevel]) -> list[tuple[str | None, str | None]]:
    return [(decimal_text(level[0]), decimal_text(level[1])) for level in levels]


def _message(said: object) -> str:
    return msgspec.json.encode(said).decode()
