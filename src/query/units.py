"""The unit that stands above a column: out of its name, else out of what its table's description says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema
from src.storage.column_comments import column_comments, unit_by_name

_QUOTE, _BASE = "quote currency", "base coin"
_SAID = re.compile(rf"\b(?:{_QUOTE}|{_BASE}|USD|percent|basis points|milliseconds|ms since 1970 UTC|seconds|0 to 100|-1 to 1)\b")
_PRICES = re.compile(r"vwap|close|[se]ma_\d+|macd(_\w+)?|bollinger_\w+|atr_\d+")
"""Prices of which a description speaks all at once."""
_PLAIN = {_QUOTE: "quote", _BASE: "symbol"}
"""Where all rows are of one price, its currency and its coin are named."""


def units(schema: TableSchema, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """By column its unit, without those that have none: `KRW` rather than `quote currency` where the rows are of one quote."""
    comments = column_comments(schema)
    found = {column.name: _unit(column, comments.get(column.name, "")) for column in schema.columns if column.kind not in {Kind.STRING, Kind.BOOLEAN}}
    return {name: _named(unit, rows) for name, unit in found.items() if unit}


def unit_of_name(name: str, *, is_time: bool = False) -> str:
    """The unit of a column of which only the name is known."""
    return unit_by_name(TableColumn(name, Kind.TIMESTAMP if is_time else Kind.LONG if name.endswith("_time") else Kind.DOUBLE))


def _unit(column: TableColumn, comment: str) -> str:
    own = unit_by_name(column)
    if own or column.kind is not Kind.DOUBLE:
        return own
    said = _SAID.search(comment)
    if said is not None:
        return said[0]
    return _QUOTE if _PRICES.fullmatch(column.name) else ""


def _named(unit: str, rows: Sequence[Mapping[str, Any]]) -> str:
    values = {row.get(_PLAIN[unit]) for row in rows} if unit in _PLAIN else set()
    return str(values.pop()) if len(values) == 1 and None not in values else unit
