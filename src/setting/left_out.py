"""Counts of input that was not used, summed up while a job runs, out of the rows of `input_quality`."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from src.schema.tables import TableSchema
from src.storage.sink import Batch, Guarantee, Sink

_COUNTS = ("late", "without_usd_rate", "not_comparable", "malformed")
_OPEN_ROWS = 5_000
"""Rows that may still change; of older ones only the sum is kept."""


class LeftOut(Sink):
    """Takes every batch. A row's newest counts replace its former ones, so a batch written twice counts once."""

    guarantee: ClassVar[Guarantee] = Guarantee.EXACTLY_ONCE
    name: ClassVar[str] = "counts"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[Any, ...], Mapping[str, int]] = OrderedDict()
        self._closed: Counter[str] = Counter()
        self._newest: int | None = None

    def open(self, tables: Sequence[TableSchema]) -> None:
        del tables

    def write(self, batch: Batch) -> None:
        with self._lock:
            for table, rows in batch.tables.items():
                if table.name == "input_quality":
                    for row in rows.to_pylist():
                        self._take(tuple(row[name] for name in table.key), row)

    def counts(self) -> dict[str, int]:
        """Sums since the job began, by the columns' names."""
        with self._lock:
            total = Counter(self._closed)
            for row in self._open.values():
                total.update(row)
            return {name: total[name] for name in _COUNTS}

    @property
    def newest_event_time(self) -> int | None:
        """Of all records, ms since 1970 UTC."""
        return self._newest

    def _take(self, key: tuple[Any, ...], row: Mapping[str, Any]) -> None:
        self._open[key] = {name: row[name] for name in _COUNTS}
        self._open.move_to_end(key)
        if row["newest_event_time"] is not None:
            self._newest = max(self._newest or 0, row["newest_event_time"])
        while len(self._open) > _OPEN_ROWS:
            self._closed.update(self._open.popitem(last=False)[1])
