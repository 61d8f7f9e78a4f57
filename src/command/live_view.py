"""A job as a table that redraws itself on the terminal: the last rows of each metric, rate, lag, batch time, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from src.collect.status import CollectorStatus
from src.schema.records import Source
from src.schema.tables import TableSchema
from src.setting.plain_view import lag_seconds, left_out
from src.setting.progress import Progress
from src.storage.console import row_table

_OTHER_LINES = 16
"""Lines of the screen that are not metric rows: headings, borders, the status."""
_SHOWN_COLUMNS = 9


class LiveView:
    """Redraws once a second; messages scroll above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop", transient=False)
        self._tables: Sequence[TableSchema] = ()
        self._title = ""
        self._lines: Sequence[str] = ()
        self._last_message = ""

    def began(self, job: str, tables: Sequence[TableSchema], lines: Sequence[str]) -> None:
        self._title, self._tables, self._lines = job, tables, lines
        self._live.start()

    def say(self, message: str) -> None:
        self._console.print(Text(message))

    def show(self, progress: Progress, newest: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        message = progress.collector.message if progress.collector else ""
        if message and message != self._last_message:
            self.say(message)
        self._last_message = message
        self._live.update(self._screen(progress, newest), refresh=True)

    def ended(self, message: str) -> None:
        self._live.stop()
        self.say(message)

    def _screen(self, progress: Progress, newest: Mapping[str, Sequence[Mapping[str, Any]]]) -> RenderableType:
        shown = [table for table in self._tables if newest.get(table.name)]
        rows_each = max(1, (self._console.height - _OTHER_LINES - 5 * len(shown)) // max(1, len(shown)))
        parts: list[RenderableType] = [self._status(progress)]
        for table in shown:
            rows = list(newest[table.name])[-rows_each:]
            parts.append(row_table(table, [dict(row) for row in reversed(rows)], table.name, keep=self._kept(table, rows)))
        if not shown:
            parts.append(Text("waiting for the first rows ...", style="dim"))
        return Group(*parts)

    def _kept(self, table: TableSchema, rows: Sequence[Mapping[str, Any]]) -> Any:
        """Columns that fit a screen: the key, then the first ones that have values."""
        filled = [column.name for column in table.columns if any(row[column.name] is not None for row in rows)]
        wide = _SHOWN_COLUMNS if self._console.width >= 120 else _SHOWN_COLUMNS // 2  # noqa: PLR2004
        others = [name for name in filled if name not in {*table.key, "window_end"}][:wide]
        return {*table.key, *others}.__contains__

    def _status(self, progress: Progress) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        collector = progress.collector
        if collector is not None:
            grid.add_row("source", _source(collector))
        if progress.batch_id is not None:
            rate = f"{progress.records_per_second:,.0f} records/s" if progress.records_per_second is not None else ""
            grid.add_row(
                "batch", f"{progress.batch_id}: {progress.records:,} records, {progress.rows:,} rows in {progress.batch_seconds:.1f} s; {rate}"
            )
            grid.add_row("lag", f"{progress.lag_records or 0:,} records{lag_seconds(progress)}")
        counts = left_out(progress)
        grid.add_row("left out", ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items()) or "nothing")
        for line in self._lines:
            grid.add_row("", Text(line, style="dim"))
        if progress.message:
            grid.add_row("", Text(progress.message, style="bold red"))
        return Panel(grid, title=f"CoinSpark {self._title}", title_align="left")


def _source(collector: CollectorStatus) -> Text:
    markets = ", ".join(
        f"{name} {market.records:,}{'' if market.connected or collector.source is not Source.LIVE else ' (not connected)'}"
        for name, market in collector.markets.items()
    )
    style = "bold yellow" if collector.source is Source.SIMULATED else "bold"
    text = Text(f"{collector.source.value} ({collector.state})", style=style)
    malformed = sum(market.malformed for market in collector.markets.values())
    left = f", {collector.left:,} frames left" if collector.left is not None else ""
    text.append(f"  records: {markets}; malformed frames {malformed:,}{left}", style="default")
    if collector.message:
        text.append(f"\n{collector.message}", style="bold yellow")
    return text
