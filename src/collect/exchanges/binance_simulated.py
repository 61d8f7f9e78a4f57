"""The messages in which Binance would say a record, in the envelope of a combined stream, or as the body of a REST answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from src.collect.exchanges.fields import decimal_text, sent
from src.collect.parsed import BookLevel, BookUpdate
from src.schema.records import Side, Ticker, Trade


def ticker_message(ticker: Ticker, name: str) -> str:
    """The frame of a ticker of the pair with that name (BTCUSDT)."""
    fields: Mapping[str, str | int | None] = {
        "e": "24hrTicker",
        "E": ticker.event_time,
        "s": name,
        "x": decimal_text(ticker.prev_close),
        "c": decimal_text(ticker.price),
        "b": decimal_text(ticker.bid),
        "B": decimal_text(ticker.bid_size),
        "a": decimal_text(ticker.ask),
        "A": decimal_text(ticker.ask_size),
        "o": decimal_text(ticker.open),
        "h": decimal_text(ticker.high),
        "l": decimal_text(ticker.low),
        "v": decimal_text(ticker.volume_24h),
        "q": decimal_text(ticker.quote_volume_24h),
    }
    return _combined(f"{name.lower()}@ticker", sent(fields))


def trade_message(trade: Trade, name: str) -> str:
    """The frame of an aggregate trade; `m` says that the buyer was there before, so that the taker sold."""
    fields: Mapping[str, str | int | None] = {
        "e": "aggTrade",
        "E": trade.event_time,
        "s": name,
        "a": None if trade.trade_id is None else int(trade.trade_id),
        "p": decimal_text(trade.price),
        "q": decimal_text(trade.size),
        "T": trade.event_time,
        "m": trade.side is Side.SELL,
    }
    return _combined(f"{name.lower()}@aggTrade", sent(fields))


def depth_message(update: BookUpdate, name: str) -> str:
    """The frame of changes of a book. A `previous` makes it one of a contract, which also says when it was made."""
    time = update.received_time if update.event_time is None else update.event_time
    numbers = {"U": update.first, "u": update.last, "pu": update.previous, "T": None if update.previous is None else time}
    data = {"e": "depthUpdate", "E": time, "s": name, **sent(numbers), "b": _levels(update.bids), "a": _levels(update.asks)}
    return _combined(f"{name.lower()}@depth@100ms", data)


def snapshot_body(update: BookUpdate) -> str:
    """The body of the REST answer that holds a whole book; spot says no time in it."""
    times = {} if update.event_time is None else {"E": update.event_time, "T": update.event_time}
    body = {"lastUpdateId": update.last, **times, "bids": _levels(update.bids), "asks": _levels(update.asks)}
    return msgspec.json.encode(body).decode()


def _combined(stream: str, data: Mapping[str, object]) -> str:
    return msgspec.json.encode({"stream": stream, "data": data}).decode()


def _levels(levels: Sequence[BookLevel]) -> list[tuple[str | None, str | None]]:
    return [(decimal_text(level[0]), decimal_text(level[1])) for level in levels]
