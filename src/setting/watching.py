"""Looks after a running job once a second: its broker, its ClickHouse, its collector, and what its view shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from pyspark.sql.streaming.query import StreamingQuery

from src.background import in_background
from src.broker.offset_source import messages_in
from src.broker.ranges import as_places
from src.collect.status import CollectorStatus, read_status
from src.setting.collecting import CollectorProcess
from src.setting.progress import Progress, View

if TYPE_CHECKING:
    from src.setting.organization import _SparkSettingOrganization

_EVERY_SECONDS = 1.0
_FRESH_SECONDS = 10.0
_JOIN_SECONDS = 5.0
"""A broker that is being started takes longer than a stop may."""


class Watch:
    """The watch over one job. A fault that ends the job is kept in `failure`, and the job is asked to stop."""

    def __init__(self, job: _SparkSettingOrganization, collector: CollectorProcess, view: View) -> None:
        self._job = job
        self._collector = collector
        self._view = view
        self._dropped = 0
        self._batch: _Report | None = None
        self.query: StreamingQuery | None = None
        self.failure: Exception | None = None
        self._began = time.time()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look after the job for the length of the block; the view is shown a last time at its end."""
        try:
            with in_background("watch", self._look, _JOIN_SECONDS):
                yield
        finally:
            if self.failure is None:
                self._show()

    def _look(self, done: threading.Event) -> None:
        while not done.wait(_EVERY_SECONDS):
            try:
                if self._job.stopping.is_set():
                    return None
                if self._job.cluster.ensure_running():
                    self._view.say("the embedded Kafka broker was gone and has been started again")
                if self._job.clickhouse is not None and self._job.clickhouse.ensure_running():
                    self._view.say("the embedded ClickHouse was gone and has been started again")
                self._collector.watch()
                self._show()
            except Exception as error:  # noqa: BLE001  (unwatched, a job would go on without its broker and collector: whatever it is, stop)
                return self.end(error)
        return None

    def end(self, error: Exception) -> None:
        """Ask the job to stop; it then ends with this error."""
        self.failure = self.failure or error
        self._job.stopping.set()

    def _show(self) -> None:
        self._view.show(self._progress(), {table.name: self._job.newest.rows(table.name) for table in self._job.tables})

    def _progress(self) -> Progress:
        for report in self._new_batches():
            self._batch = _Report(report)
            self._dropped += self._batch.dropped_by_watermark
        known = Progress(
            collector=self._collector_status(),
            newest_event_time=self._job.left_out.newest_event_time,
            quality=self._quality(),
            dropped_by_watermark=self._dropped,
            message=self._job.note,
            old_rows_deleted=0 if self._job.retention is None else self._job.retention.deleted,
        )
        return known if self._batch is None else self._batch.added_to(known)

    def _quality(self) -> dict[str, int]:
        job = self._job
        unfit = {f"unfit_for_{metric}": count for metric, count in job.unfit_for_series.copy().items()}
        return {**job.left_out.counts(), "not_finite": job.not_finite, "too_old_for_series": job.too_old_for_series, **unfit}

    def _collector_status(self) -> CollectorStatus | None:
        """What the collector says now; what one of an earlier run said last, or one that died, is none."""
        status = read_status(self._job.settings.home, self._job.channel.value)
        if status is None:
            return None
        is_fresh = time.time() - status.updated_time / 1000 < _FRESH_SECONDS
        return status if is_fresh or (status.updated_time / 1000 >= self._began and status.state == "finished") else None

    def _new_batches(self) -> list[Mapping[str, Any]]:
        """Spark's reports of the batches since the last look; none before the first batch, and while Spark goes down."""
        try:
            if self.query is None or self.query.lastProgress is None:
                return []
            last: Mapping[str, Any] = msgspec.json.decode(self.query.lastProgress.json)
            if self._batch is not None and (self._batch.run, last["batchId"]) == (last["runId"], self._batch.batch_id + 1):
                return [last]
            reports = [msgspec.json.decode(report.json) for report in self.query.recentProgress]
        except Exception:  # noqa: BLE001  (a view must not fail for want of a number)
            return []
        seen = self._batch
        return [report for report in reports if seen is None or report["runId"] != seen.run or report["batchId"] > seen.batch_id]


class _Report:
    """Spark's report of one batch, as far as it is shown."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        self._report = report
        self.run: str = report["runId"]
        self.batch_id: int = report["batchId"]
        self.dropped_by_watermark: int = sum(state["numRowsDroppedByWatermark"] for state in report["stateOperators"])

    def added_to(self, known: Progress) -> Progress:
        """`known` with the batch's figures."""
        report = self._report
        seconds = report["durationMs"].get("triggerExecution", 0) / 1000
        records = messages_in(report)
        return replace(
            known,
            batch_id=self.batch_id,
            batch_seconds=seconds,
            records=records,
            records_per_second=records / seconds if seconds else None,
            rows=sum(state["numRowsUpdated"] for state in report["stateOperators"]),
            lag_records=sum(_behind(source) for source in report["sources"]),
        )


def _behind(source: Mapping[str, Any]) -> int:
    ends, latest = as_places(source.get("endOffset") or {}), as_places(source.get("latestOffset") or {})
    return sum(offset - ends.get(place, 0) for place, offset in latest.items())
