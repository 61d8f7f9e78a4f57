"""A job's messages and progress as JSON lines; the rows themselves come from `JsonLinesSink`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import msgspec

from src.logs import LogLevel
from src.schema.tables import TableSchema
from src.setting.plain_view import left_out
from src.setting.progress import Progress


class JsonView:
    """One object a line: `{"message": ...}` or `{"progress": {...}}`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._batch: int | None = None

    def began(self, job: str, tables: Sequence[TableSchema], lines: Sequence[str]) -> None:
        del tables
        self.say(f"{job}: {'; '.join(lines)}")

    def say(self, message: str, level: LogLevel = "info") -> None:
        del level
        self._line({"message": message})

    def show(self, progress: Progress, newest: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        del newest
        if progress.batch_id != self._batch:
            self._batch = progress.batch_id
            figures = {
                name: getattr(progress, name)
                for name in ("batch_id", "batch_seconds", "records", "rows", "lag_records", "newest_event_time", "old_rows_deleted")
            }
            source = progress.collector.source.value if progress.collector else None
            self._line({"progress": {**figures, "source": source, "left_out": left_out(progress)}})

    def ended(self, message: str) -> None:
        self.say(message)

    def _line(self, content: Mapping[str, Any]) -> None:
        self._out.write(msgspec.json.encode(content).decode() + "\n")
        self._out.flush()
