"""A job as a table that redraws itself on the terminal: the last rows of each metric, rate, lag, batch time, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from src.collect.status import CollectorStatus
from src.logs import LogLevel
from src.long_work.advance import Advance
from src.printable import printable
from src.schema.kinds import Kind
from src.schema.records import Source
from src.schema.tables import TableSchema
from src.setting.long_works import LongWorks
from src.setting.plain_view import lag_seconds, left_out, notes
from src.setting.progress import Progress
from src.storage.console import shown_value

_LINES_A_TABLE = 4
"""Lines of a table besides its rows: title, heading, rule, an empty one."""
_LINES_OF_STATUS = 9
_COLUMNS = 8
_BAR_COLUMNS = 30


class LiveView:
    """Redraws once a second; messages scroll above it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop", transient=False)
        self._tables: Sequence[TableSchema] = ()
        self._title = ""
        self._lines: Sequence[str] = ()
        self._last_message = ""
        self._works = LongWorks()

    def began(self, job: str, tables: Sequence[TableSchema], lines: Sequence[str]) -> None:
        self._title, self._tables, self._lines = job, tables, lines
        self._live.start()

    def say(self, message: str, level: LogLevel = "info") -> None:
        self._console.print(Text(printable(message), style="" if level == "info" else "yellow"))

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
        # A metric that says what matters of it comes before one that does not.
        shown = sorted((table for table in self._tables if newest.get(table.name)), key=lambda table: not table.headline)
        room = self._console.height - _LINES_OF_STATUS - len(self._lines)
        rows_each = max(1, room // max(1, len(shown)) - _LINES_A_TABLE)
        parts: list[RenderableType] = [self._status(progress), *(_metric(table, latest(table, newest[table.name]), rows_each) for table in shown)]
        if not shown:
            parts.append(Text("waiting for the first rows ...", style="dim"))
        return Group(*parts)

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
        for name, work in self._works.look(progress).items():
            grid.add_row(name, _bar(work))
        for market, note in notes(progress).items():
            grid.add_row(market, Text(printable(note), style="yellow"))
        if progress.message:
            grid.add_row("", Text(printable(progress.message), style="bold red"))
        return Panel(grid, title=f"CoinSpark {self._title}", title_align="left")


def _bar(work: Advance) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(work.total, work.done, width=_BAR_COLUMNS), work.text())
    return row


def latest(table: TableSchema, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The newest window of each key, in the order of the keys."""
    keys = [name for name in table.key if name != "window_start"]
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["window_start"]):
        found[tuple(row[name] for name in keys)] = row
    return [found[key] for key in sorted(found)]


def _metric(table: TableSchema, rows: Sequence[Mapping[str, Any]], limit: int) -> Table:
    """The rows that fit, with the columns that matter. The source is a column only where rows of several are shown."""
    keys = [name for name in table.key if name != "source" or len({row["source"] for row in rows}) > 1]
    others = table.headline or tuple(column.name for column in table.columns if column.name not in {*table.key, "window_end"})
    kinds = {column.name: column.kind for column in table.columns}
    title = table.name if len(rows) <= limit else f"{table.name} ({limit} of {len(rows)})"
    shown = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in [*keys, *others[:_COLUMNS]]:
        is_text = kinds[name] in {Kind.STRING, Kind.TIMESTAMP}
        shown.add_column(name.replace("_", " "), justify="left" if is_text else "right")
    for row in rows[:limit]:
        shown.add_row(*(shown_value(row[name]) for name in [*keys, *others[:_COLUMNS]]))
    return shown


def _source(collector: CollectorStatus) -> Text:
    markets = ", ".join(
        f"{name} {market.records:,}{'' if market.connected or collector.source is not Source.LIVE else ' (not connected)'}"
        for name, market in collector.markets.items()
    )
    style = "bold yellow" if collector.source is Source.SIMULATED else "bold"
    text = Text(f"{collector.source.value} ({collector.state})", style=style)
    malformed = sum(market.malformed for market in collector.markets.values())
    text.append(f"  records: {markets}; malformed frames {malformed:,}", style="default")
    if collector.message:
        text.append(f"\n{printable(collector.message)}", style="bold yellow")
    return text
