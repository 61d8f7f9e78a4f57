"""One of our jobs over what waits on Kafka in small batches: prints what state and memory it has after each, a line of JSON a batch.

Rows go to no database, and to the metrics' topics where a second query reads them.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import psutil
from pyspark.sql import SparkSession
from pyspark.sql.streaming.listener import StreamingQueryProgress
from pyspark.sql.streaming.query import StreamingQuery

from bench.throughput_ours import _Quiet
from src.collect.options import CollectOptions, SourceChoice
from src.errors import CoinSparkError
from src.setting.streaming import SparkStreamingCoinAverage
from src.storage.sink import Batch

_FILES = "rocksdbSstFileSize"


class Sample(msgspec.Struct, frozen=True):
    """After one batch of a query."""

    query: str
    batch_ms: float
    event_time: int | None
    """Newest so far, ms since 1970 UTC; None where the query does not read records."""
    state_rows: int
    file_bytes: int
    memory_bytes: int
    """Of RocksDB: its files, and what is in memory of it."""
    jvm_bytes: int
    python_bytes: int
    """Resident."""


def decoded(line: str) -> Sample:
    """A sample that was printed."""
    return msgspec.json.decode(line, type=Sample)


def main() -> None:
    """Run to the end of what waits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", required=True, help="module:Class")
    parser.add_argument("--messages", type=int, required=True, help="in one batch")
    arguments = parser.parse_args()
    module, _, name = arguments.job.partition(":")
    job = sampling(getattr(importlib.import_module(module), name))(
        collect=CollectOptions(source=SourceChoice.NONE), view=_Quiet(), begin_at="earliest"
    )
    # No setting: a job that catches up has no reason to make its batches small.
    job.largest_batch = arguments.messages
    try:
        job.run()
    except CoinSparkError as error:
        sys.exit(f"error: {error}")
    for sample in job.samples.values():
        print(msgspec.json.encode(sample).decode())


def sampling(job: type[SparkStreamingCoinAverage]) -> Any:
    """A subclass of a job that keeps a `Sample` of each batch of its queries, and stores rows only where a second query reads them."""

    class Sampling(job):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.samples: dict[tuple[str, int], Sample] = {}
            self._seen: dict[tuple[str, int], tuple[int | None, int, int]] = {}
            self._newest = 0

        def _write_to_mysql(self, batch: Batch) -> None:
            self._newest = max([self._newest, *_event_times(batch)])
            self._seen[batch.query, batch.batch_id] = (self._newest if batch.query == self.name else None, *_resident())
            # Spark keeps the reports of the last hundred batches alone.
            self._take(query.lastProgress for query in SparkSession.active().streams.active)

        def _topic_to_kafka_sending(self, batch: Batch) -> None:
            if self.series.metrics and batch.query == self.name:
                super()._topic_to_kafka_sending(batch)

        def _await_all(self, queries: Sequence[StreamingQuery]) -> None:
            super()._await_all(queries)
            self._take(report for query in queries for report in query.recentProgress)

        def _take(self, reports: Iterable[StreamingQueryProgress | None]) -> None:
            for report in reports:
                told = {} if report is None else msgspec.json.decode(report.json)
                place = (told.get("name", ""), told.get("batchId", 0))
                if place in self._seen:
                    self.samples[place] = _sample(told, *self._seen[place])

    return Sampling


def _event_times(batch: Batch) -> list[int]:
    found = [rows["newest_event_time"].to_pylist() for table, rows in batch.tables.items() if table.name == "input_quality"]
    return [time for times in found for time in times if time is not None]


def _sample(report: Mapping[str, Any], event_time: int | None, jvm_bytes: int, python_bytes: int) -> Sample:
    states = report["stateOperators"]
    return Sample(
        query=report["name"],
        batch_ms=report["durationMs"]["triggerExecution"],
        event_time=event_time,
        state_rows=sum(state["numRowsTotal"] for state in states),
        file_bytes=sum(state["customMetrics"].get(_FILES, 0) for state in states),
        memory_bytes=sum(state["memoryUsedBytes"] for state in states),
        jvm_bytes=jvm_bytes,
        python_bytes=python_bytes,
    )


def _resident() -> tuple[int, int]:
    """Bytes of the JVM, and of the Python processes: this one, and Spark's workers."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    sizes = {"java": 0, "python": 0}
    for each in family:
        try:
            sizes["java" if "java" in each.name() else "python"] += each.memory_info().rss
        except psutil.Error:
            continue
    return sizes["java"], sizes["python"]


if __name__ == "__main__":
    main()
