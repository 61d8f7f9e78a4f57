"""How the sinks of a job fare: what each write takes, and how often one fails."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from src.monitoring.family import Distribution
from src.monitoring.names import SINK_SECONDS
from src.storage.sink import Batch


class SinkFigures:
    """Counts by the sinks' names since the job began. Each sink is written to by one thread at a time; any may look."""

    def __init__(self) -> None:
        self.seconds: dict[str, Distribution] = {}
        self.rows: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()

    def measured(self, sink: str, write: Callable[[Batch], None]) -> Callable[[Batch], None]:
        """The same write, which is counted."""
        seconds = self.seconds.setdefault(sink, Distribution(SINK_SECONDS.bounds))
        # What has never failed is known to have failed no time.
        self.rows[sink] += 0
        self.failures[sink] += 0

        def counted(batch: Batch) -> None:
            began = time.monotonic()
            try:
                write(batch)
            except BaseException:
                self.failures[sink] += 1
                raise
            seconds.add(time.monotonic() - began)
            self.rows[sink] += batch.rows

        return counted
