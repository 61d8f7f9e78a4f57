"""What a column means and its unit, for the database's own column comments: read out of the description of its table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema

LONGEST = 255
_NAME = r"[a-z*][\w<>*]*"
_NOTE = re.compile(rf"(?<![\w`])({_NAME}(?:(?:, | and ){_NAME})*): ")
_END = re.compile(r";|\.(?: |$)")
_WINDOW = {"window_start": "UTC: the window holds times from here on", "window_end": "UTC: the window holds times before this"}
_BY_PREFIX = ("mean_", "last_", "first_")
"""A description may speak of a value once for all of these."""
_BY_NAME = (
    ("percent", "percent"),
    ("usd", "USD"),
    ("bp", "basis points"),
    ("seconds", "seconds"),
    ("ms", "milliseconds"),
)


def column_comments(table: TableSchema) -> dict[str, str]:
    """By column its meaning and unit; a column of which nothing is known has none.

    A description says them as `name, other_name: meaning, unit;`, where `<...>` and `*` in a name stand for anything. Where it says
    nothing of a column, the unit is that of the name: `_usd`, `_percent`.
    """
    notes = _notes(" ".join(table.description.split()))
    found = {column.name: (_said(notes, column.name) or _by_name(column))[:LONGEST] for column in table.columns}
    return {name: comment for name, comment in found.items() if comment}


@lru_cache(maxsize=100)
def _notes(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    heads = [*_NOTE.finditer(text)]
    for place, head in enumerate(heads):
        rest = text[head.end() : heads[place + 1].start() if place + 1 < len(heads) else len(text)]
        end = _END.search(rest)
        meaning = (rest[: end.start()] if end else rest).strip(" ,.")
        for name in re.split(r", | and ", head[1]):
            found.setdefault(name, meaning)
    return found


def _said(notes: Mapping[str, str], column: str) -> str:
    for name in (column, *(column.removeprefix(prefix) for prefix in _BY_PREFIX)):
        if name in notes:
            return notes[name]
        for said, meaning in notes.items():
            pattern = re.sub(r"<\w+>|\\\*", ".+", re.escape(said).replace("\\<", "<").replace("\\>", ">"))
            if pattern != re.escape(said) and re.fullmatch(pattern, name):
                return meaning
    return ""


def _by_name(column: TableColumn) -> str:
    if column.name in _WINDOW:
        return _WINDOW[column.name]
    if column.kind is Kind.TIMESTAMP:
        return "UTC"
    if column.kind is Kind.LONG and column.name.endswith("_time"):
        return "ms since 1970 UTC"
    parts = column.name.split("_")
    return next((unit for part, unit in _BY_NAME if part in parts), "") if column.kind is Kind.DOUBLE else ""
