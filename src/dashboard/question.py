"""What a view asks the database: bounded by construction, and equal to another view's question when it asks the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_ROWS = 20_000
Row = Mapping[str, Any]
"""A row that was read: times are integer ms since 1970 UTC, as everywhere."""


@dataclass(frozen=True)
class Question:
    """The newest rows of a table.

    table, columns: by name; all columns where none is named. where: columns and the values they must have. since: only rows whose time
    (`window_start`, or the table's first time) is not before it, ms since 1970 UTC. limit: how many at most, the newest first.
    """

    table: str
    columns: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    since: int | None = None
    limit: int = MOST_ROWS

    def __post_init__(self) -> None:
        if not 0 < self.limit <= MOST_ROWS:
            raise ValueError(f"a question is for 1 to {MOST_ROWS} rows, not {self.limit}")
