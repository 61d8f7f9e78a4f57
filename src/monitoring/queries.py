"""What is known of the queries of a job since it began, out of Spark's reports of their batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from src.monitoring.family import Distribution
from src.monitoring.names import QUERY_BATCH_SECONDS
from src.monitoring.query_report import QueryReport


@dataclass
class QueryFigures:
    """One query, over all its runs. Written by one thread."""

    seconds: Distribution = field(default_factory=lambda: Distribution(QUERY_BATCH_SECONDS.bounds))
    """Of its batches."""
    records: int = 0
    dropped_by_watermark: int = 0
    last: QueryReport | None = None
    """The newest batch that is done; its input rate is 0 once nothing has come after it."""
    last_sign: float = field(default_factory=time.time)
    """When it began, finished a batch or had nothing to read, seconds since 1970 UTC."""


class Queries:
    """Takes in what a listener hears, and is asked by any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._figures: dict[str, QueryFigures] = {}
        self._names: dict[str, str] = {}
        """Of the runs that go on."""
        self._ended: set[str] = set()

    def started(self, run: str, query: str) -> None:
        """A run of a query began."""
        with self._changed:
            self._names[run] = query
            self._figures.setdefault(query, QueryFigures()).last_sign = time.time()

    def finished_batch(self, report: QueryReport) -> None:
        """A batch is done."""
        with self._changed:
            figures = self._figures.setdefault(report.query, QueryFigures())
            figures.seconds.add(report.seconds)
            figures.records += report.records
            figures.dropped_by_watermark += report.dropped_by_watermark
            figures.last = report
            figures.last_sign = time.time()

    def idle(self, run: str) -> None:
        """There was nothing to read."""
        with self._changed:
            if run not in self._names:
                return
            figures = self._figures[self._names[run]]
            figures.last_sign = time.time()
            if figures.last is not None:
                figures.last = replace(figures.last, input_records_per_second=0.0)

    def ended(self, run: str) -> None:
        """A run is over, and nothing more comes of it."""
        with self._changed:
            self._names.pop(run, None)
            self._ended.add(run)
            self._changed.notify_all()

    def await_ended(self, runs: Collection[str], seconds: float) -> bool:
        """Wait until these runs are over and all their batches known; False when they are not after so long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended.issuperset(runs), seconds)

    def all(self) -> Mapping[str, QueryFigures]:
        """By name, those that were started, as they are now: numbers that belong together."""
        with self._changed:
            return {name: replace(figures) for name, figures in self._figures.items()}

    def of(self, query: str) -> QueryFigures | None:
        """One of them; None before it was started."""
        return self._figures.get(query)
