"""The parts of a running system as one table: what `up` redraws, and what `status` prints once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

from rich import box
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from src.config.settings import Settings
from src.parts.look import PartStatus, look
from src.parts.record import UpRecord
from src.printable import printable

_STYLES = dict.fromkeys(("running", "finished", "answers"), "green") | dict.fromkeys(("waiting", "starting", "restarting", "stopping"), "yellow")
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_EVERY_SECONDS = 1.0


def parts_table(parts: Sequence[PartStatus], now: float, title: str = "") -> Table:
    """A row for each part. now: seconds since 1970 UTC."""
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("part", overflow="fold", min_width=9)
    table.add_column("state", no_wrap=True)
    for heading in ("pid", "uptime", "rate\nrecords/s", "lag\nrecords", "lag\ns"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("what is to know", overflow="fold", min_width=12)
    for part in parts:
        style = _STYLES.get(part.state, "bold red")
        table.add_row(
            part.name,
            Text(part.state, style=style),
            "" if part.pid is None else str(part.pid),
            "" if part.started_time is None else span(now - part.started_time / 1000),
            _number(part.records_per_second, 1),
            _number(part.lag_records),
            _number(part.lag_seconds, 1),
            _remark(part),
        )
    return table


def span(seconds: float) -> str:
    """How long, in the largest unit that it fills, and the next below that from an hour on."""
    left = max(0, round(seconds))
    for size, unit in _UNITS:
        if left >= size:
            return f"{left // size} {unit}" + (f" {left % size // 3_600} h" if unit == "d" else f" {left % size // 60} min" if unit == "h" else "")
    return f"{left} s"


class PartsScreen:
    """On a terminal a table that redraws itself once a second, elsewhere a line whenever a part's state changes."""

    def __init__(self, settings: Settings, console: Console, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None
        self._write = say
        self._next = 0.0
        self._states: dict[str, tuple[str, int]] = {}

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            # It may have been closed; everything has been stopped by then.
            with suppress(OSError):
                self._live.stop()

    def say(self, message: str) -> None:
        """A line that stays, above the table."""
        if self._live is not None:
            self._console.print(Text(message))
        else:
            self._write(message)

    def show(self, record: UpRecord) -> None:
        """How things stand now."""
        self._tell_changes(record)
        if self._live is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_SECONDS
        self._live.update(self._screen(record), refresh=True)

    def _tell_changes(self, record: UpRecord) -> None:
        for part in record.parts:
            pid = 0 if part.process is None else part.process.pid
            known, known_pid = self._states.get(part.name, ("waiting", 0))
            self._states[part.name] = (part.state, pid)
            if (part.state, pid) == (known, known_pid):
                continue
            if part.state == "failed":
                self.say(f"{part.name} failed: {printable(part.message)} (all of it in {part.log})")
            elif part.state in {"restarting", "finished"} or self._live is None:
                self.say(" ".join(filter(None, [part.name, part.state, f"(pid {pid})" if pid else "", printable(part.message)])))

    def _screen(self, record: UpRecord) -> RenderableType:
        hint = "stopping in order; Ctrl-C again ends it by force" if record.state == "stopping" else "Ctrl-C stops everything in order"
        where = f"   dashboard {record.dashboard}" if record.dashboard else ""
        table = parts_table(look(self._settings, record), time.time(), f"CoinSpark {record.state}, source {record.source}{where}")
        table.caption, table.caption_justify = hint, "left"
        return table


def _remark(part: PartStatus) -> Text:
    """What is wrong, else where the part is: an address. A log's path is said of what went wrong alone."""
    is_file = part.place.startswith("/")
    problem = printable(part.problem)
    if problem and is_file and part.state in {"failed", "restarting", "gone"}:
        return Text(f"{problem} (all of it in {part.place})", style="red")
    return Text(problem or ("" if is_file else part.place), style="" if part.well else "red")


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
