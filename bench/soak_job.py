"""A job as `coin_spark.py` runs it, with a line of JSON in a file for each batch: `python -m bench.soak_job FILE ticker --source none`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from pyspark.sql import SparkSession

from src.command.app import run
from src.setting import jobs
from src.setting.streaming import SparkStreamingCoinAverage
from src.storage.sink import Batch


class BatchReport(msgspec.Struct, frozen=True):
    """What Spark says of one batch."""

    query: str
    batch_id: int
    batch_ms: float
    messages: int
    """Read from Kafka."""
    state_rows: int
    state_bytes: int
    """Of RocksDB: its files, and what is in memory of it."""


def main() -> None:
    """Run the command line with jobs that report."""
    path = Path(sys.argv.pop(1))
    # Commands look the classes up when they run.
    jobs.SparkStreamingTicker = reporting(jobs.SparkStreamingTicker, path)  # type: ignore[misc]
    jobs.SparkStreamingTrade = reporting(jobs.SparkStreamingTrade, path)  # type: ignore[misc]
    run()


def reporting(job: type[SparkStreamingCoinAverage], path: Path) -> Any:
    """A subclass of a job that writes down the last report of each of its queries whenever it stores a batch."""

    class Reporting(job):  # type: ignore[misc, valid-type]
        _told: Mapping[str, int] = {}

        def _deliver_everywhere(self, batch: Batch) -> None:
            super()._deliver_everywhere(batch)
            reports = [
                msgspec.json.decode(query.lastProgress.json) for query in SparkSession.active().streams.active if query.lastProgress is not None
            ]
            fresh = [report for report in reports if self._told.get(report["name"]) != report["batchId"]]
            self._told = {**self._told, **{report["name"]: report["batchId"] for report in fresh}}
            with path.open("ab") as file:
                file.writelines(msgspec.json.encode(_report(report)) + b"\n" for report in fresh)

    Reporting.__name__ = job.__name__
    return Reporting


def _report(report: Mapping[str, Any]) -> BatchReport:
    states = report["stateOperators"]
    return BatchReport(
        query=report["name"],
        batch_id=report["batchId"],
        batch_ms=report["durationMs"].get("triggerExecution", 0),
        messages=report["numInputRows"],
        state_rows=sum(state["numRowsTotal"] for state in states),
        state_bytes=sum(state["memoryUsedBytes"] + state["customMetrics"].get("rocksdbSstFileSize", 0) for state in states),
    )


if __name__ == "__main__":
    main()
