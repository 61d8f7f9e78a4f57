"""A job as plain lines: for a pipe, a log, and scripts that give no view of their own."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from src.schema.tables import TableSchema
from src.setting.progress import Progress

_EVERY_SECONDS = 5.0


class PlainView:
    """One line each few seconds, the first rows of each metric when they appear, and every message at once. Rows with `--json` are another view."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._tables: Sequence[TableSchema] = ()
        self._seen: set[str] = set()
        self._next = 0.0
        self._message = ""
        self._notes: dict[str, str] = {}

    def began(self, job: str, tables: Sequence[TableSchema], lines: Sequence[str]) -> None:
        self._tables = tables
        self.say(f"{job}: {'; '.join(lines)}")

    def say(self, message: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S} {message}", file=self._out, flush=True)

    def show(self, progress: Progress, newest: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        message = progress.message or (progress.collector.message if progress.collector else "")
        if message and message != self._message:
            self.say(message)
        self._message = message
        for market, note in notes(progress).items():
            if self._notes.get(market) != note:
                self.say(f"{market}: {note}")
            self._notes[market] = note
        for table in self._tables:
            rows = newest.get(table.name, ())
            if rows and table.name not in self._seen:
                self._seen.add(table.name)
                self.say(f"first row of {table.name}: {_text(rows[-1])}")
        if time.monotonic() >= self._next and progress.batch_id is not None:
            self._next = time.monotonic() + _EVERY_SECONDS
            self.say(progress_line(progress))

    def ended(self, message: str) -> None:
        self.say(message)


def progress_line(progress: Progress) -> str:
    """A look at a job in one line."""
    parts = []
    if progress.collector is not None:
        parts.append(f"source {progress.collector.source.value} ({progress.collector.state})")
        if progress.collector.left is not None:
            parts.append(f"{progress.collector.left:,} frames left")
    if progress.batch_id is not None:
        parts.append(f"batch {progress.batch_id}: {progress.records:,} records, {progress.rows:,} window rows in {progress.batch_seconds:.1f} s")
    if progress.records_per_second is not None:
        parts.append(f"{progress.records_per_second:,.0f} records/s")
    if progress.lag_records is not None:
        parts.append(f"lag {progress.lag_records:,} records{lag_seconds(progress)}")
    if progress.old_rows_deleted:
        parts.append(f"{progress.old_rows_deleted:,} old rows deleted")
    parts += [f"{name.replace('_', ' ')} {count:,}" for name, count in left_out(progress).items()]
    return "; ".join(parts)


def notes(progress: Progress) -> dict[str, str]:
    """What went wrong last at each market, in one line."""
    markets = progress.collector.markets if progress.collector is not None else {}
    return {name: market.note for name, market in markets.items() if market.note}


def lag_seconds(progress: Progress) -> str:
    """How long ago, by this machine's clock, the newest event in the metrics happened."""
    if progress.newest_event_time is None:
        return ""
    return f", {max(0.0, time.time() - progress.newest_event_time / 1000):.1f} s"


def left_out(progress: Progress) -> dict[str, int]:
    """What was counted and not used, without the zeros."""
    counts = dict(progress.quality) | {"dropped_by_watermark": progress.dropped_by_watermark}
    return {name: count for name, count in counts.items() if count}


def _text(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {f'{value:%H:%M:%S}' if isinstance(value, datetime) else value}" for name, value in row.items() if value is not None)
