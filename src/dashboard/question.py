"""What a view asks the database: bounded by construction, and equal to another view's question when it asks the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from src.schema.tables import TableSchema
from src.storage.sql_tables import time_column

MOST_ROWS = 20_000
ANSWER_SECONDS = 5
"""That a database has for an answer."""
Row = Mapping[str, Any]
"""A row that was read: times are integer ms since 1970 UTC, as everywhere."""


@dataclass(frozen=True)
class Question:
    """The newest rows of a table.

    table, columns: by name; all columns where none is named. where: columns and the values they must have. since, until: only rows whose time
    (`window_start`, or the table's first time) is not before the one, and before the other, ms since 1970 UTC. limit: how many at most, the
    newest first. is_ordered: rows of one time are in the order of their key as well, so that a later question can go on `after` a row: the
    values of its `place`.
    """

    table: str
    columns: tuple[str, ...] = ()
    where: tuple[tuple[str, str | float], ...] = ()
    since: int | None = None
    limit: int = MOST_ROWS
    until: int | None = None
    is_ordered: bool = False
    after: tuple[str | float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.limit <= MOST_ROWS:
            raise ValueError(f"a question is for 1 to {MOST_ROWS} rows, not {self.limit}")
        if self.after and not self.is_ordered:
            raise ValueError("rows that are in no order have none that come after another")


def newest_by(rows: Iterable[Row], *columns: str) -> dict[tuple[Any, ...], Row]:
    """The newest row of each key, of rows that come newest first."""
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in columns), row)
    return found


def place(schema: TableSchema) -> tuple[str, ...]:
    """The columns that say where a row stands among the others: its time, then the rest of its key, as an index of the time has them."""
    moment = time_column(schema)
    return (*((moment,) if moment is not None else ()), *(name for name in schema.key if name != moment))
