"""A job as JSON lines, for programs: every new row, and what must be known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import msgspec

from src.schema.tables import TableSchema
from src.setting.plain_view import left_out
from src.setting.progress import Progress
from src.storage.kafka import row_key, wire_row


class JsonView:
    """One object a line: {"table", "row"}, {"progress"} or {"message"}; times are ms since 1970 UTC."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._tables: Sequence[TableSchema] = ()
        self._shown: dict[bytes, Mapping[str, Any]] = {}
        self._batch: int | None = None

    def began(self, job: str, tables: Sequence[TableSchema], lines: Sequence[str]) -> None:
        self._tables = tables
        self.say(f"{job}: {'; '.join(lines)}")

    def say(self, message: str) -> None:
        self._line({"message": message})

    def show(self, progress: Progress, newest: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        if progress.batch_id == self._batch:
            return
        self._batch = progress.batch_id
        shown: dict[bytes, Mapping[str, Any]] = {}
        for table in self._tables:
            for row in newest.get(table.name, ()):
                key = table.name.encode() + b" " + row_key(table, row)
                shown[key] = row
                if self._shown.get(key) != row:
                    self._line({"table": table.name, "row": wire_row(row)})
        self._shown = shown
        source = progress.collector.source.value if progress.collector else None
        self._line(
            {
                "progress": {
                    "batch_id": progress.batch_id,
                    "batch_seconds": progress.batch_seconds,
                    "records": progress.records,
                    "lag_records": progress.lag_records,
                    "source": source,
                    "left_out": left_out(progress),
                }
            }
        )

    def ended(self, message: str) -> None:
        self.say(message)

    def _line(self, content: Mapping[str, Any]) -> None:
        self._out.write(msgspec.json.encode(content).decode() + "\n")
        self._out.flush()
