"""Whether two ways computed the same: rows of one number of records, compared in every column that both name."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
_KEYS = ("window_start", "source", "symbol", "market", "region")
_CANCELLING = {"price_deviation_usd": 1e-6, "volatility_percent": 1e-6}
"""Flink's deviation is made of sums of squares, which cancel: half of a double's digits are left."""
_RELATIVE = 1e-9
_ROUNDING = 1e-12
"""Differences of sums: of the row's largest price."""
_PERCENT = 1e-9
"""The same of a column in percent, absolute."""
_SHOWN = 5


@dataclass
class Comparison:
    """What a comparison found."""

    rows: int = 0
    values: int = 0
    different: list[str] = field(default_factory=list)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What was compared, by table."""

    def __str__(self) -> str:
        """Say it in a line, and the first differences in more."""
        shown = "".join(f"\n  {each}" for each in self.different[:_SHOWN])
        return f"{self.rows:,} rows, {self.values:,} values compared, {len(self.different)} differences{shown}"


def read_lines(file: Path) -> list[Row]:
    """Rows as lines of JSON, each with its table."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def read_folders(folder: Path) -> list[Row]:
    """Rows as Flink leaves them: a folder for each table, lines of JSON in its files."""
    return [{"table": file.parent.name, **json.loads(line)} for file in sorted(folder.glob("*/part-*")) for line in file.read_text().splitlines()]


def compare(ours: list[Row], theirs: list[Row]) -> Comparison:
    """Every row of `theirs`, and of the tables that they have every row of `ours`."""
    found = Comparison()
    their_rows = _by_key(theirs)
    tables = {key[0] for key in their_rows}
    our_rows = {key: row for key, row in _by_key(ours).items() if key[0] in tables}
    found.different += [f"ours alone: {key}" for key in our_rows.keys() - their_rows.keys()]
    found.different += [f"theirs alone: {key}" for key in their_rows.keys() - our_rows.keys()]
    for key in sorted(our_rows.keys() & their_rows.keys(), key=str):
        found.rows += 1
        mine, other = our_rows[key], their_rows[key]
        names = tuple(name for name in mine if name in other and name not in {*_KEYS, "table"})
        found.columns[key[0]] = tuple(dict.fromkeys([*found.columns.get(key[0], ()), *names]))
        scale = max((abs(value) for value in mine.values() if isinstance(value, float)), default=0.0)
        for name in names:
            found.values += 1
            if not _same(name, mine[name], other[name], scale):
                found.different.append(f"{key} {name}: ours {mine[name]!r}, theirs {other[name]!r}")
    if not found.rows:
        found.different.append("there are no rows to compare")
    return found


def _by_key(rows: list[Row]) -> dict[tuple[Any, ...], Row]:
    return dict(_keyed(rows))


def _keyed(rows: list[Row]) -> Iterator[tuple[tuple[Any, ...], Row]]:
    for row in rows:
        yield (row["table"], _time(row["window_start"]), *(row.get(name) for name in _KEYS[1:])), row


def _time(text: str) -> str:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


def _same(name: str, ours: object, theirs: object, scale: float) -> bool:
    """Counts, texts, and what is picked out of the records exactly; what is summed nearly."""
    if not isinstance(ours, float) or not isinstance(theirs, float | int):
        # A writer may leave out the null of a text.
        return ours == theirs
    if name in _CANCELLING:
        return math.isclose(ours, theirs, rel_tol=_CANCELLING[name], abs_tol=_PERCENT * scale)
    if name.startswith(("first_price", "last_price", "high_price", "low_price", "age_seconds")):
        return ours == theirs
    return math.isclose(ours, theirs, rel_tol=_RELATIVE, abs_tol=_PERCENT if "percent" in name else _ROUNDING * scale)
