"""What a column means and its unit, for the database's own column comments: read out of the description of its table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema

LONGEST = 1024
"""Characters of a comment: what MySQL takes."""
_NAME = r"[a-z*][\w<>*]*"
_NOTE = re.compile(rf"(?:^|(?<=[;.,)] ))({_NAME}(?:(?:, | and ){_NAME})*): ")
_BETWEEN_NAMES = re.compile(r", | and ")
_END = re.compile(r"\.(?: |$)")
_PARENTHESES = re.compile(r"\([^()]*\)")
_EVERYWHERE = {
    "window_start": "UTC: the window holds times from here on",
    "window_end": "UTC: the window holds times before this",
    "source": "live, replay or simulated",
    "symbol": "base coin",
    "region": "korea, asia or ne",
    "market": "exchange",
    "quote": "currency of prices",
    "instrument": "spot, perpetual, future or option",
    "side": "the taker's: buy or sell",
}
"""Keys and times that mean the same in every table."""
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

    A description says them as `name, other_name: meaning, unit;`, where `<...>` and `*` in a name stand for anything. A meaning ends with its
    sentence, or where the next name is; what stands behind a `;` before that belongs to it. Where it says nothing of a column, the unit is
    that of the name: `_usd`, `_percent`.
    """
    names = frozenset(column.name for column in table.columns)
    notes = _notes(" ".join(table.description.split()), names)
    found = {column.name: _comment(_said(notes, column.name, names), unit_by_name(column)) for column in table.columns}
    return {name: comment[:LONGEST] for name, comment in found.items() if comment}


def _comment(said: str, unit: str) -> str:
    if not said or not unit or unit in said:
        return said or unit
    value, *more = _clauses(said)
    return "; ".join((f"{value}, {unit}", *more))


@lru_cache(maxsize=100)
def _notes(text: str, columns: frozenset[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    heads = [*_NOTE.finditer(text)]
    for place, head in enumerate(heads):
        rest = text[head.end() : heads[place + 1].start() if place + 1 < len(heads) else len(text)]
        end = _END.search(_outside_parentheses(rest))
        clauses = _clauses(rest[: end.start()] if end else rest)
        # Names of which nothing is said may stand between two of which something is.
        meaning = "; ".join(clause for clause in clauses if not columns.issuperset(_BETWEEN_NAMES.split(clause)))
        for name in _BETWEEN_NAMES.split(head[1]):
            found.setdefault(name, meaning)
    return found


def _clauses(text: str) -> list[str]:
    """What stands between the `;` that are in no parentheses."""
    ends = [place for place, character in enumerate(_outside_parentheses(text)) if character == ";"]
    parts = [text[begin:end].strip(" ,.") for begin, end in zip([0, *(end + 1 for end in ends)], [*ends, len(text)], strict=True)]
    return [part for part in parts if part]


def _outside_parentheses(text: str) -> str:
    """The text, as long as it was, with nothing to be found in parentheses."""
    return _PARENTHESES.sub(lambda found: " " * len(found[0]), text)


def _said(notes: Mapping[str, str], column: str, columns: frozenset[str]) -> str:
    if column in _EVERYWHERE:
        return notes.get(column, _EVERYWHERE[column])
    # What is said of a value that is a column itself is said of that one alone.
    values = (column.removeprefix(prefix) for prefix in _BY_PREFIX if column.startswith(prefix))
    for name in (column, *(value for value in values if value not in columns)):
        if name in notes:
            return notes[name]
        for said, meaning in notes.items():
            pattern = re.sub(r"<\w+>|\\\*", ".+", re.escape(said).replace("\\<", "<").replace("\\>", ">"))
            if pattern != re.escape(said) and re.fullmatch(pattern, name):
                return meaning
    return ""


def unit_by_name(column: TableColumn) -> str:
    """The unit that a column's name says: `_usd`, `_percent`; empty where it says none."""
    if column.kind is Kind.TIMESTAMP:
        return "UTC"
    if column.kind is Kind.LONG and column.name.endswith("_time"):
        return "ms since 1970 UTC"
    parts = column.name.split("_")
    return next((unit for part, unit in _BY_NAME if part in parts), "") if column.kind is Kind.DOUBLE else ""
