"""The frames in which Kraken's v2 socket would say a record: numbers are JSON numbers, and times RFC 3339."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from src.collect.exchanges.fields import decimal_text, rfc3339
from src.collect.exchanges.kraken_messages import EXACT, WireTicker
from src.collect.parsed import BookLevel, BookUpdate
from src.schema.records import Ticker, Trade


def ticker_message(ticker: Ticker, name: str) -> str:
    """The frame of a ticker of the pair with that name (BTC/USD); its previous close is also its open."""
    last, day_ago, volume, quote_volume = map(_exact, (ticker.price, ticker.prev_close, ticker.volume_24h, ticker.quote_volume_24h))
    data = WireTicker(
        symbol=name,
        bid=ticker.bid,
        bid_qty=ticker.bid_size,
        ask=ticker.ask,
        ask_qty=ticker.ask_size,
        last=last,
        volume=volume,
        vwap=EXACT.divide(quote_volume, volume or Decimal(1)) if volume is not None and quote_volume is not None else None,
        low=ticker.low,
        high=ticker.high,
        change=EXACT.subtract(last, day_ago) if last is not None and day_ago is not None else None,
        timestamp=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ticker.event_time),
    )
    return _message("ticker", "update", data)


def trade_message(trade: Trade, name: str) -> str:
    """The frame of a trade."""
    data = {
        "symbol": name,
        "side": trade.side,
        "price": _number(trade.price),
        "qty": _number(trade.size),
        "ord_type": "market",
        "trade_id": None if trade.trade_id is None else int(trade.trade_id),
        "timestamp": rfc3339(trade.event_time),
    }
    return _message("trade", "update", data)


def book_message(update: BookUpdate, name: str) -> str:
    """The frame of a book or of its changes, spelled as the levels say where they say it."""
    data: dict[str, Any] = {"symbol": name, "bids": _levels(update.bids), "asks": _levels(update.asks)}
    if update.checksum is not None:
        data["checksum"] = update.checksum
    if update.event_time is not None:
        data["timestamp"] = rfc3339(update.event_time)
    return _message("book", "snapshot" if update.snapshot else "update", data)


def _message(channel: str, kind: str, data: object) -> str:
    return _ENCODER.encode({"channel": channel, "type": kind, "data": [data]}).decode()


def _levels(levels: Sequence[BookLevel]) -> list[dict[str, msgspec.Raw]]:
    spelled = [(decimal_text(level[0]), decimal_text(level[1])) if len(level) == 2 else level[2:] for level in levels]  # noqa: PLR2004
    return [{"price": msgspec.Raw(price or "null"), "qty": msgspec.Raw(size or "null")} for price, size in spelled]


def _number(value: float | None) -> msgspec.Raw:
    return msgspec.Raw(decimal_text(value) or "null")


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(value))


_ENCODER = msgspec.json.Encoder(decimal_format="number")
