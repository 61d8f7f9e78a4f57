"""A job as lines of the log: where there is no terminal, and for programs that give no view of their own."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from src.logs import LogLevel, logger
from src.schema.tables import TableSchema
from src.setting.long_works import LongWorks
from src.setting.progress import Progress

_EVERY_SECONDS = 10.0


class PlainView:
    """One line each few seconds, the first rows of each metric when they appear, and every message at once. Rows with `--json` are another view."""

    def __init__(self) -> None:
        self._tables: Sequence[TableSchema] = ()
        self._seen: set[str] = set()
        self._next = 0.0
        self._works = LongWorks()
        self._message = ""
        self._notes: dict[str, str] = {}

    def began(self, job: str, tables: Sequence[TableSchema], lines: Sequence[str]) -> None:
        self._tables = tables
        self.say(f"{job}: {'; '.join(lines)}")

    def say(self, message: str, level: LogLevel = "info") -> None:
        logger().log(logging.getLevelNamesMapping()[level.upper()], message)

    def show(self, progress: Progress, newest: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        message = progress.message or (progress.collector.message if progress.collector else "")
        if message and message != self._message:
            logger().warning(message)
        self._message = message
        for market, note in notes(progress).items():
            if self._notes.get(market) != note:
                logger().warning(note, market=market)
            self._notes[market] = note
        for table in self._tables:
            rows = newest.get(table.name, ())
            if rows and table.name not in self._seen:
                self._seen.add(table.name)
                logger().info(f"first row of {table.name}: {_text(rows[-1])}", table=table.name)
        works = self._works.look(progress)
        if time.monotonic() >= self._next and (works or progress.batch_id is not None):
            self._next = time.monotonic() + _EVERY_SECONDS
            line = "; ".join([progress_line(progress), *(f"{name}: {work.text()}" for name, work in works.items())])
            logger().info(line, **_figures(progress), works={name: work.fields() for name, work in works.items()})

    def ended(self, message: str) -> None:
        self.say(message)


def _figures(progress: Progress) -> dict[str, Any]:
    """The same for programs; what is not known is left out."""
    names = ("batch_id", "batch_seconds", "records", "records_per_second", "rows", "lag_records", "newest_event_time", "old_rows_deleted")
    figures = {name: getattr(progress, name) for name in names} | {"left_out": left_out(progress) or None}
    if progress.collector is not None:
        figures |= {"source": progress.collector.source.value, "frames_left": progress.collector.left}
    return {name: value for name, value in figures.items() if value is not None}


def progress_line(progress: Progress) -> str:
    """A look at a job in one line."""
    parts = []
    if progress.collector is not None:
        parts.append(f"source {progress.collector.source.value} ({progress.collector.state})")
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
