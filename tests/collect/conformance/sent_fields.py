"""What each exchange sends, field by field: of a record everything else is null, and all of this comes back from a simulated frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from src.collect.parsed import BookUpdate
from src.schema.records import Side

_LAST_DAY = frozenset({"price", "open", "high", "low", "prev_close", "volume_24h", "quote_volume_24h"})
_BEST = frozenset({"bid", "bid_size", "ask", "ask_size"})
_SINCE_MIDNIGHT = frozenset({"acc_volume", "acc_since"})

TICKER_FIELDS = _LAST_DAY | _BEST | _SINCE_MIDNIGHT | {"traded_volume"}

TICKER: Mapping[str, frozenset[str]] = {
    "binance": _LAST_DAY | _BEST,
    "bithumb": _LAST_DAY | _SINCE_MIDNIGHT,
    "bybit": _LAST_DAY,
    "bybit_linear": _LAST_DAY | _BEST,
    "coinone": _LAST_DAY | _BEST,
    "gateio": (_LAST_DAY - {"open", "prev_close"}) | {"bid", "ask"},
    "korbit": _LAST_DAY | {"bid", "ask"},
    "kraken": _LAST_DAY | _BEST,
    "okx": (_LAST_DAY - {"prev_close"}) | _BEST,
    "upbit": _LAST_DAY | _SINCE_MIDNIGHT,
}
"""Markets that are not named here have no ticker channel."""

OPEN_IS_PREV_CLOSE = frozenset({"bybit", "bybit_linear", "kraken"})
"""They send the price of 24 hours ago, which is both."""

TRADE = frozenset({"trade_id", "price", "size", "side"})
"""Of every market."""

BOOK_FIELDS = frozenset({"event_time", "first", "last", "previous", "checksum"})

SNAPSHOT, CHANGE, REST = "snapshot", "change", "rest snapshot"

BOOK: Mapping[str, Mapping[str, frozenset[str]]] = {
    "binance": {CHANGE: frozenset({"event_time", "first", "last"}), REST: frozenset({"last"})},
    "binance_futures": {CHANGE: frozenset({"event_time", "first", "last", "previous"}), REST: frozenset({"event_time", "last"})},
    "bithumb": {SNAPSHOT: frozenset({"event_time"})},
    "bybit": dict.fromkeys((SNAPSHOT, CHANGE), frozenset({"event_time", "first", "last"})),
    "bybit_linear": dict.fromkeys((SNAPSHOT, CHANGE), frozenset({"event_time", "first", "last"})),
    "coinone": {SNAPSHOT: frozenset({"event_time", "last"})},
    "gateio": {**dict.fromkeys((SNAPSHOT, CHANGE), frozenset({"event_time", "first", "last"})), REST: frozenset({"last"})},
    "korbit": {SNAPSHOT: frozenset({"event_time"})},
    "kraken": dict.fromkeys((SNAPSHOT, CHANGE), frozenset({"event_time", "checksum"})),
    "okx": dict.fromkeys((SNAPSHOT, CHANGE), frozenset({"event_time", "last", "previous", "checksum"})),
    "upbit": {SNAPSHOT: frozenset({"event_time"})},
}
"""By what kind of message it is; a market has no message of a kind that is not named."""

TRADE_KEYS: Mapping[str, frozenset[str]] = {
    "binance": frozenset({"a"}),
    "binance_futures": frozenset({"a"}),
    "bithumb": frozenset({"sequential_id", "sid"}),
    "bybit": frozenset({"i"}),
    "bybit_linear": frozenset({"i"}),
    "coinone": frozenset({"id", "i"}),
    "gateio": frozenset({"id"}),
    "korbit": frozenset({"tradeId"}),
    "kraken": frozenset({"trade_id"}),
    "okx": frozenset({"tradeId"}),
    "upbit": frozenset({"sequential_id", "sid"}),
}
"""The keys of a trade's id on the wire."""

_BY_NAME = {"buy": Side.BUY, "sell": Side.SELL}
_BY_WORD = {"Buy": Side.BUY, "Sell": Side.SELL}
_BY_RESTING_SIDE = {"BID": Side.BUY, "ASK": Side.SELL}
_BUYER_IS_MAKER = {True: Side.SELL, False: Side.BUY}
_SELLER_IS_MAKER = {True: Side.BUY, False: Side.SELL}
_BUYER_IS_TAKER = {True: Side.BUY, False: Side.SELL}

TAKER_SIDE: Mapping[str, tuple[frozenset[str], Mapping[Any, Side]]] = {
    "binance": (frozenset({"m"}), _BUYER_IS_MAKER),
    "binance_futures": (frozenset({"m"}), _BUYER_IS_MAKER),
    "bithumb": (frozenset({"ask_bid", "ab"}), _BY_RESTING_SIDE),
    "bybit": (frozenset({"S"}), _BY_WORD),
    "bybit_linear": (frozenset({"S"}), _BY_WORD),
    "coinone": (frozenset({"is_seller_maker", "sm"}), _SELLER_IS_MAKER),
    "gateio": (frozenset({"side"}), _BY_NAME),
    "korbit": (frozenset({"isBuyerTaker"}), _BUYER_IS_TAKER),
    "kraken": (frozenset({"side"}), _BY_NAME),
    "okx": (frozenset({"side"}), _BY_NAME),
    "upbit": (frozenset({"ask_bid", "ab"}), _BY_RESTING_SIDE),
}
"""The keys of a trade's side on the wire, and which side of the taker each value means."""


def book_kind(update: BookUpdate, *, from_rest: bool) -> str:
    """What kind of message said it."""
    if from_rest:
        return REST
    return SNAPSHOT if update.snapshot else CHANGE
