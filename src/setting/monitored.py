"""A running job as others see it: its Prometheus endpoint, its status file, and its consumer groups in Kafka. A debug run has none of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from src.background import in_background
from src.broker.group_commits import GroupCommits
from src.collect.prometheus import CollectorFamilies
from src.collect.status import CollectorStatus, read_status_of
from src.config.settings import environment_name
from src.errors import CoinSparkError
from src.monitoring.endpoint import metrics_served
from src.monitoring.job_families import JobFamilies
from src.monitoring.job_figures import JobLook
from src.monitoring.job_status import JobStatus, write_job_status
from src.monitoring.listening import QueryListener, listening
from src.monitoring.query_report import QueryReport
from src.setting.raw_query import raw_sink_name

if TYPE_CHECKING:
    from src.setting.streaming import SparkStreamingCoinAverage

_EVERY_SECONDS = 1.0
_JOIN_SECONDS = 3.0


@contextmanager
def served(job: SparkStreamingCoinAverage) -> Iterator[None]:
    """Serve the job's metrics, and those of its collector, for the length of the block, where the settings name a port for that.

    Raises ConfigurationError when the port cannot be had.
    """
    setting = f"{job.name}_metrics_port"
    port = getattr(job.settings, setting)
    if port is None:
        yield
        return
    families = JobFamilies(job.figures, lambda: look(job), job.settings.home), CollectorFamilies(lambda: _collector(job))
    with metrics_served(job.settings.metrics_address, port, environment_name(setting), *families):
        yield


@contextmanager
def monitored(job: SparkStreamingCoinAverage, session: SparkSession, *, debug: bool) -> Iterator[None]:
    """Hear what the job's queries do for the length of the block, and keep its status and consumer groups: for who holds its checkpoint."""
    groups = "" if debug else job.settings.consumer_group
    figures = job.figures

    def counted(group: str, error: Exception | None) -> None:
        figures.commits[group] += error is None
        figures.commit_failures[group] += error is not None

    with ExitStack() as stack:
        if not debug:
            stack.enter_context(_status_kept(job))
        commits = GroupCommits(job.cluster.bootstrap_servers, counted, partial(job.view.say, level="warning"))
        if groups:
            stack.enter_context(commits.working())

        def finished(report: QueryReport) -> None:
            if groups:
                commits.put(f"{groups}-{report.query}", report.offsets)

        stack.enter_context(listening(session, QueryListener(figures.queries, finished)))
        yield


def look(job: SparkStreamingCoinAverage) -> JobLook:
    """What the job itself knows now."""
    parked: Counter[str] = Counter()
    for outlet in job._outlets or ():  # noqa: SLF001  (asked for by their property, they would be settled before the sinks are there)
        if outlet.sink not in {job.newest, job.left_out}:
            parked[outlet.sink.name] += outlet.waiting
    newest = {job.name: job.frontier.newest}
    if job.raw is not None:
        parked[raw_sink_name(job.raw.outlet.sink)] = job.raw.outlet.waiting
        newest[job.raw.name] = job.raw.newest_event_time.copy()
    return JobLook(job.left_out.by_market(), newest, parked, job.note)


def job_status(job: SparkStreamingCoinAverage, state: str, message: str = "") -> JobStatus:
    """How the job fares now."""
    now, seen, figures = round(time.time() * 1000), look(job), job.figures
    reports = {name: query.last for name, query in figures.queries.all().items() if query.last is not None}
    status = JobStatus(
        kind=job.name,
        state=state,
        started_time=figures.started_time,
        updated_time=now,
        sink_failures=dict(figures.sinks.failures),
        parked_batches=dict(seen.parked),
        message=message or seen.message,
    )
    last, newest = reports.get(job.name), seen.newest_event_time[job.name].values()
    if newest:
        status.lag_seconds = (now - max(newest)) / 1000
    if last is not None:
        status.batch_id, status.batch_seconds = last.batch_id, last.seconds
        status.input_records_per_second, status.processed_records_per_second = last.input_records_per_second, last.processed_records_per_second
        status.lag_records = sum(last.lag.values())
        status.state_rows = sum(report.state_rows for report in reports.values())
        status.late_records, status.dead_letters = seen.left_out_for("late"), sum(seen.left_out_for("malformed").values())
    return status


@contextmanager
def _status_kept(job: SparkStreamingCoinAverage) -> Iterator[None]:
    """Write the status once a second for the length of the block, and how it ended."""

    def write(state: str, message: str = "") -> None:
        # A disk that is full now is no reason to stop.
        with suppress(OSError):
            write_job_status(job.settings.home, job_status(job, state, message))

    def work(done: threading.Event) -> None:
        while not done.is_set():
            write("starting" if job.figures.queries.of(job.name) is None else "running")
            done.wait(_EVERY_SECONDS)

    try:
        with in_background("job status", work, _JOIN_SECONDS):
            yield
    except CoinSparkError as error:
        write("failed", str(error))
        raise
    except Exception as error:
        # What others raise may hold anything.
        write("failed", type(error).__name__)
        raise
    write("stopped" if job.stopping.is_set() else "finished")


def _collector(job: SparkStreamingCoinAverage) -> CollectorStatus | None:
    """What the collector says that the job runs; one that runs by itself has an endpoint of its own."""
    pid = None if job.collector is None else job.collector.pid
    return None if pid is None else read_status_of(job.settings.home, pid)
