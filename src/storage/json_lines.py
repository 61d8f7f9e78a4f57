"""Rows as lines of JSON on a stream: what `--json` prints, for programs."""

from __future__ import annotations

from typing import ClassVar, TextIO

import msgspec
import pyarrow as pa

from src.storage.kafka import wire_row
from src.storage.sink import BatchSink, Guarantee


class JsonLinesSink(BatchSink):
    """One object a row, `{"table": ..., "batch": ..., "row": {...}}`; times are ms since 1970 UTC. A batch written again is printed again."""

    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE
    name: ClassVar[str] = "JSON lines"

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, batch: pa.Table, batch_id: int) -> None:
        table = self.table_of(batch).name
        for row in batch.to_pylist():
            self._out.write(msgspec.json.encode({"table": table, "batch": batch_id, "row": wire_row(row)}).decode() + "\n")
        self._out.flush()
