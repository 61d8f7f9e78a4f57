"""The newest rows in memory: what the live view shows, and what tests read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, ClassVar

from src.schema.tables import TableSchema
from src.storage.floats import without_non_finite
from src.storage.sink import Batch, Guarantee, Sink, check_widths


class MemorySink(Sink):
    """Keeps the last `rows_per_table` rows by key, the newest written last. Safe to read from another thread."""

    guarantee: ClassVar[Guarantee] = Guarantee.BEST_EFFORT
    name: ClassVar[str] = "memory"

    def __init__(self, rows_per_table: int = 100_000) -> None:
        self._limit = rows_per_table
        self._lock = threading.Lock()
        self._rows: dict[str, OrderedDict[tuple[Any, ...], dict[str, Any]]] = {}

    def open(self, tables: Sequence[TableSchema]) -> None:
        check_widths(tables)

    def write(self, batch: Batch) -> None:
        plain = [(table, without_non_finite(rows.slice(max(0, rows.num_rows - self._limit)))[0].to_pylist()) for table, rows in batch.tables.items()]
        with self._lock:
            for table, rows in plain:
                kept = self._rows.setdefault(table.name, OrderedDict())
                for row in rows:
                    key = _key(table, row)
                    kept[key] = row
                    kept.move_to_end(key)
                while len(kept) > self._limit:
                    kept.popitem(last=False)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table, the one written longest ago first."""
        with self._lock:
            return list(self._rows.get(table, {}).values())


def _key(table: TableSchema, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in table.key)
