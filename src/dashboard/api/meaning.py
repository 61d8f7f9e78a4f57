"""What a column means and its unit, for whoever reads JSON: out of the descriptions that the metrics have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema
from src.storage.column_comments import column_comments

TIME = "ms since 1970 UTC"
COUNT = "count"
_BY_NAME = (
    ("percent", "percent"),
    ("usd", "USD"),
    ("bp", "basis points"),
    ("seconds", "seconds"),
    ("second", "seconds"),
    ("ms", "milliseconds"),
)
_SAID = ("quote currency", "base coin per minute", "base coin", "percent", "basis points", "USD")


@dataclass(frozen=True)
class Meaning:
    """Of one column."""

    text: str
    unit: str | None
    """None for a text, a yes or no, and a plain ratio."""


def meanings(schema: TableSchema) -> dict[str, Meaning]:
    """By column what it means, and its unit; a column of which the metric says nothing is called by its name."""
    comments = column_comments(schema)
    found = {}
    for column in schema.columns:
        said = comments.get(column.name) or column.name.replace("_", " ")
        found[column.name] = Meaning(said, _unit(column, said))
    return found


def _unit(column: TableColumn, said: str) -> str | None:
    if column.kind is Kind.TIMESTAMP or (column.kind is Kind.LONG and column.name.endswith("_time")):
        return TIME
    if column.kind is Kind.LONG:
        return COUNT
    if column.kind is not Kind.DOUBLE:
        return None
    parts = column.name.split("_")
    # Per second: what is said first is the amount.
    rate = " per second" if column.name.endswith("_per_second") else ""
    named = None if rate else next((unit for part, unit in _BY_NAME if part in parts), None)
    places = {unit: found.start() for unit in _SAID if (found := re.search(rf"\b{unit}\b", said))}
    unit = named or min(places, key=lambda name: places[name], default="")
    return f"{unit}{rate}".strip() or None
