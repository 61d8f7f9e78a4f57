"""Counts of input that was not used, summed up while a job runs, out of the rows of `input_quality`."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

from src.schema.tables import TableSchema
from src.storage.sink import Batch, Guarantee, Sink

_COUNTS = ("late", "without_usd_rate", "not_comparable", "dated_contracts", "malformed")


class _Open(NamedTuple):
    """A row that may still change: its window's end, ms since 1970 UTC, its market and its counts."""

    end: int
    market: str
    counts: Mapping[str, int]


class LeftOut(Sink):
    """Takes every batch. A row's newest counts replace its former ones, so a batch written twice counts once.

    kept_ms: how far a window's end lies behind the newest reception when the query has forgotten it, so that its row never comes again. Of
    such rows only the sum is kept, and of all others those alone that count something.
    """

    guarantee: ClassVar[Guarantee] = Guarantee.EXACTLY_ONCE
    name: ClassVar[str] = "counts"

    def __init__(self, kept_ms: int) -> None:
        self._kept_ms = kept_ms
        self._lock = threading.Lock()
        self._open: dict[tuple[Any, ...], _Open] = {}
        self._closed: dict[str, Counter[str]] = {}
        """By market, with every market that there was a row of."""
        self._newest: int | None = None
        self._batch_id: int | None = None
        self._received = 0
        self._received_before = deque([0, 0], maxlen=2)
        """The newest reception before the last batch but one, and before the last. What was forgotten by the former comes in neither of them,
        whichever is written again: Spark drops late rows by the watermark that the batch before had."""

    def open(self, tables: Sequence[TableSchema]) -> None:
        del tables

    def write(self, batch: Batch) -> None:
        with self._lock:
            for table, rows in batch.tables.items():
                if table.name == "input_quality":
                    if batch.batch_id != self._batch_id:
                        self._batch_id = batch.batch_id
                        self._received_before.append(self._received)
                    self._take(table.key, rows)

    def counts(self) -> dict[str, int]:
        """Sums since the job began, by the columns' names."""
        markets = self.by_market().values()
        return {name: sum(counts[name] for counts in markets) for name in _COUNTS}

    def by_market(self) -> dict[str, dict[str, int]]:
        """The same for each market of which anything came."""
        with self._lock:
            totals = {market: Counter(counts) for market, counts in self._closed.items()}
            for row in self._open.values():
                totals[row.market].update(row.counts)
        return {market: {name: total[name] for name in _COUNTS} for market, total in totals.items()}

    @property
    def newest_event_time(self) -> int | None:
        """Of all records, ms since 1970 UTC."""
        return self._newest

    def _take(self, key: tuple[str, ...], rows: pa.Table) -> None:
        ends = rows["window_end"].cast(pa.int64()).to_pylist()
        for row, end in zip(rows.to_pylist(), ends, strict=True):
            name = tuple(row[column] for column in key)
            counts = {column: row[column] for column in _COUNTS if row[column]}
            self._open.pop(name, None)
            self._closed.setdefault(row["market"], Counter())
            if counts:
                self._open[name] = _Open(end, row["market"], counts)
            if row["newest_event_time"] is not None:
                self._newest = max(self._newest or 0, row["newest_event_time"])
            if row["newest_received_time"] is not None:
                self._received = max(self._received, row["newest_received_time"])
        forgotten = [name for name, row in self._open.items() if row.end <= self._received_before[0] - self._kept_ms]
        for name in forgotten:
            gone = self._open.pop(name)
            self._closed[gone.market].update(gone.counts)
