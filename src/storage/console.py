"""Rows to the terminal, a table for each metric and batch: what `--debug` shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import pyarrow as pa
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from src.schema.tables import TableSchema
from src.storage.sink import BatchSink, Guarantee

SHOWN_ROWS = 20
_FRAME = 3
"""Cells of the terminal that a column takes besides its text."""


class ConsoleSink(BatchSink):
    """Prints the newest rows of every batch, all metrics in one go. What is wider than the terminal goes below, the keys again beside it."""

    guarantee: ClassVar[Guarantee] = Guarantee.BEST_EFFORT
    name: ClassVar[str] = "console"

    def __init__(self, console: Console | None = None, rows: int = SHOWN_ROWS) -> None:
        self._console = console or Console()
        self._rows = rows

    def write(self, batch: pa.Table, batch_id: int) -> None:
        schema = self.table_of(batch)
        newest = batch.sort_by([("window_start", "descending"), *((name, "ascending") for name in schema.key if name != "window_start")])
        shown = newest.slice(0, self._rows).to_pylist()
        more = f", first {len(shown)} shown" if batch.num_rows > len(shown) else ""
        title = f"{schema.name}: batch {batch_id}, {batch.num_rows} rows{more}"
        for names in _fitting(schema, shown, self._console.width):
            self._console.print(row_table(schema, names, shown, title))
            title = ""


def row_table(schema: TableSchema, names: list[str], rows: list[dict[str, Any]], title: str) -> Table:
    """These columns of rows as a rich table: numbers right, times in UTC."""
    kinds = {column.name: column.kind for column in schema.columns}
    table = Table(title=title, title_justify="left", expand=False)
    for name in names:
        table.add_column(name, justify="left" if kinds[name] in {"string", "timestamp"} else "right", overflow="fold")
    for row in rows:
        # As Text: a cell that holds [ and ] is no markup.
        table.add_row(*(Text(shown_value(row[name])) for name in names))
    return table


def _fitting(schema: TableSchema, rows: list[dict[str, Any]], width: int) -> list[list[str]]:
    """The columns of one table after another, keys first in each, so that none is wider than `width` where that can be."""

    def needed(names: list[str]) -> int:
        return 1 + sum(_FRAME + max(cell_len(text) for text in (name, *(shown_value(row[name]) for row in rows))) for name in names)

    keys = [*schema.key]
    tables = [keys]
    for column in schema.columns:
        if column.name in {*keys, "window_end"}:
            continue
        if tables[-1] != keys and needed([*tables[-1], column.name]) > width:
            tables.append(keys)
        tables[-1] = [*tables[-1], column.name]
    return tables


def shown_value(value: Any) -> str:
    """A value for a person: thousands separated, seven significant digits below and far above that, an empty cell for null."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%H:%M:%S")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}" if 1e3 <= abs(value) < 1e15 else f"{value:.7g}"  # noqa: PLR2004
    return f"{value:,}" if isinstance(value, int) and abs(value) < 10**12 else str(value)
