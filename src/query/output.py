"""An answer as a table for a terminal, as CSV, and as JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from src.errors import ConfigurationError
from src.printable import printable
from src.query.result import Heading, Result
from src.storage.console import shown_value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRAME = 3
"""Cells of the terminal that a column takes besides its text."""


def as_csv(result: Result) -> str:
    """A heading with units, then a line a row: all digits, times as 2026-01-31T09:00:00.000Z, nothing for null."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([heading.text for heading in result.headings])
    writer.writerows([_written(value) for value in row] for row in result.rows)
    return text.getvalue()


def as_json(result: Result) -> bytes:
    """One object: `columns` with name and unit, `rows` by column name, times as ms since 1970 UTC, and whether there were `more`.

    Raises ConfigurationError for two columns of one name, of which one would be lost.
    """
    columns = [{"name": heading.name, "unit": _ms_unit(heading)} for heading in result.headings]
    names = [heading.name for heading in result.headings]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigurationError(f"two columns of the answer are called {twice}: give one of them another name, by `as`")
    rows = [dict(zip(names, map(_json_value, row), strict=True)) for row in result.rows]
    return msgspec.json.encode({"columns": columns, "rows": rows, "more": result.more})


def as_table(result: Result, width: int, first: Sequence[str] = ()) -> tuple[Table, list[str]]:
    """A table that fits into so many cells of the terminal, and the names of the columns that found no room.

    first: the columns that are shown first; all the others stand behind them in their own order. One column is always shown.
    """
    order = [*first, *(heading.name for heading in result.headings if heading.name not in first)] if first else None
    arranged = result.only(order) if order else result
    cells = [[_shown(value) for value in row] for row in arranged.rows]
    table, left, out = Table(title_justify="left"), width - 1, list[str]()
    places: list[int] = []
    for place, heading in enumerate(arranged.headings):
        needed = _FRAME + max(cell_len(text) for text in (*_lines(heading), *(row[place] for row in cells)))
        if out or (places and needed > left) or (first and heading.name not in first):
            out.append(heading.name)
            continue
        left -= needed
        places.append(place)
    for place in places:
        heading = arranged.headings[place]
        is_number = any(isinstance(row[place], int | float) and not isinstance(row[place], bool) for row in arranged.rows)
        table.add_column(Text("\n".join(_lines(heading))), justify="right" if is_number else "left", overflow="fold")
    for row in cells:
        # As Text: a cell that holds [ and ] is no markup.
        table.add_row(*(Text(row[place]) for place in places))
    return table, out


def _lines(heading: Heading) -> list[str]:
    """The name, and the unit below it."""
    return [heading.name, *([heading.unit] if heading.unit else [])]


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        text = value.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds")
        return text.removesuffix("+00:00").removesuffix(".000")
    return printable(shown_value(value))


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return msgspec.json.encode(value).decode() if isinstance(value, list) else value


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return round((value - _EPOCH) / timedelta(milliseconds=1))
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _ms_unit(heading: Heading) -> str | None:
    return "ms since 1970 UTC" if heading.unit == "UTC" else heading.unit or None
