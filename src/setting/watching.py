"""Looks after a running job once a second: its broker, its collector, and what its view shows."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from pyspark.sql.streaming.query import StreamingQuery

from src.collect.status import read_status, status_path
from src.errors import CoinSparkError
from src.setting.collecting import CollectorProcess
from src.setting.progress import Progress, View

if TYPE_CHECKING:
    from src.setting.organization import _SparkSettingOrganization

_EVERY_SECONDS = 1.0
_LEFT_OUT = ("late", "without_usd_rate", "not_comparable", "malformed")


class Watch:
    """The watch over one job. A fault that ends the job is kept in `failure`, and the job is asked to stop."""

    def __init__(self, job: _SparkSettingOrganization, collector: CollectorProcess, view: View) -> None:
        self._job = job
        self._collector = collector
        self._view = view
        self._dropped: dict[int, int] = {}
        self.query: StreamingQuery | None = None
        self.failure: CoinSparkError | None = None

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look after the job for the length of the block; the view is shown a last time at its end."""
        done = threading.Event()
        thread = threading.Thread(target=self._look, args=(done,), name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self._show()

    def _look(self, done: threading.Event) -> None:
        while not done.wait(_EVERY_SECONDS):
            try:
                if self._job.cluster.ensure_running():
                    self._view.say("the embedded Kafka broker was gone and has been started again")
                self._collector.watch()
            except CoinSparkError as error:
                self.failure = error
                self._job.stopping.set()
                return
            self._show()

    def _show(self) -> None:
        tables = self._job.plan.tables
        newest = {table.name: self._job.newest.rows(table.name) for table in tables}
        self._view.show(self._progress(newest), newest)

    def _progress(self, newest: Mapping[str, Sequence[Mapping[str, Any]]]) -> Progress:
        quality = newest.get("input_quality", ())
        times = [row["newest_event_time"] for row in quality if row["newest_event_time"] is not None]
        known = Progress(
            collector=read_status(status_path(self._job.settings.home, self._job.channel.value)),
            newest_event_time=max(times, default=None),
            quality={name: sum(row[name] for row in quality) for name in _LEFT_OUT},
            message=self._job.note,
        )
        last = self._last_batch()
        return known if last is None else _with_batch(known, last, self._dropped)

    def _last_batch(self) -> Mapping[str, Any] | None:
        """Spark's report of the last batch; None before the first, and while Spark goes down."""
        try:
            report = self.query.lastProgress if self.query is not None else None
            return None if report is None else msgspec.json.decode(report.json)
        except Exception:  # noqa: BLE001  (a view must not fail for want of a number)
            return None


def _with_batch(known: Progress, report: Mapping[str, Any], dropped: dict[int, int]) -> Progress:
    """`known` with what Spark reports of a batch; `dropped` keeps the counts of earlier batches."""
    seconds = report["durationMs"].get("triggerExecution", 0) / 1000
    records = report["numInputRows"]
    dropped[report["batchId"]] = sum(state["numRowsDroppedByWatermark"] for state in report["stateOperators"])
    return replace(
        known,
        batch_id=report["batchId"],
        batch_seconds=seconds,
        records=records,
        records_per_second=records / seconds if seconds else None,
        rows=sum(state["numRowsUpdated"] for state in report["stateOperators"]),
        lag_records=sum(_behind(source) for source in report["sources"]),
        dropped_by_watermark=sum(dropped.values()),
    )


def _behind(source: Mapping[str, Any]) -> int:
    ends, latest = source.get("endOffset") or {}, source.get("latestOffset") or {}
    return sum(offset - ends.get(topic, {}).get(partition, 0) for topic, partitions in latest.items() for partition, offset in partitions.items())
