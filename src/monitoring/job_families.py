"""A job's figures as Prometheus metrics. What is not known has no sample."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client.registry import Collector

from src.broker.ranges import TopicPartition
from src.monitoring import names
from src.monitoring.disk import disk_families
from src.monitoring.family import Family, Labels, Shown
from src.monitoring.job_figures import JobFigures, JobLook
from src.monitoring.queries import QueryFigures
from src.monitoring.query_report import QueryReport


class JobFamilies(Collector):
    """Looks when it is scraped."""

    def __init__(self, figures: JobFigures, look: Callable[[], JobLook], home: Path) -> None:
        self._figures = figures
        self._look = look
        self._home = home

    def collect(self) -> Iterator[Shown]:
        """Each family with a sample for each of its labels."""
        look, now = self._look(), time.time()
        yield from self._job(look)
        yield from _of_queries(self._figures.queries.all(), look, now)
        yield from self._sinks(look)
        yield names.GROUP_COMMITS.shown(_single(self._figures.commits))
        yield names.GROUP_COMMIT_FAILURES.shown(_single(self._figures.commit_failures))
        yield from disk_families(self._home)

    def _job(self, look: JobLook) -> Iterator[Shown]:
        figures = self._figures
        mine = (figures.kind,)
        left_out: dict[Labels, float] = {
            (*mine, market, reason): count for market, counts in look.left_out.items() for reason, count in counts.items()
        }
        yield names.JOB_START.shown({mine: figures.started_time / 1000})
        yield names.JOB_RESTARTS.shown({mine: figures.restarts})
        yield names.JOB_LEFT_OUT.shown(left_out)
        yield names.JOB_DEAD_LETTERS.shown({mine: sum(look.left_out_for("malformed").values())})

    def _sinks(self, look: JobLook) -> Iterator[Shown]:
        kind, sinks = self._figures.kind, self._figures.sinks
        yield names.SINK_SECONDS.shown_distributions({(kind, sink): seconds for sink, seconds in list(sinks.seconds.items())})
        for family, counts in ((names.SINK_ROWS, sinks.rows), (names.SINK_FAILURES, sinks.failures), (names.SINK_PARKED, look.parked)):
            yield family.shown({(kind, sink): count for sink, count in list(counts.items())})


def _of_queries(queries: Mapping[str, QueryFigures], look: JobLook, now: float) -> Iterator[Shown]:
    yield names.QUERY_BATCH_SECONDS.shown_distributions({(query,): figures.seconds for query, figures in queries.items()})
    counted: Mapping[Family, Callable[[QueryFigures], float]] = {
        names.QUERY_RECORDS: lambda figures: figures.records,
        names.QUERY_DROPPED: lambda figures: figures.dropped_by_watermark,
        names.QUERY_LAST_SIGN: lambda figures: figures.last_sign,
    }
    for family, count in counted.items():
        yield family.shown({(query,): count(figures) for query, figures in queries.items()})
    reports = {query: figures.last for query, figures in queries.items() if figures.last is not None}
    reported: Mapping[Family, Callable[[QueryReport], float | None]] = {
        names.QUERY_INPUT_RATE: lambda report: report.input_records_per_second,
        names.QUERY_PROCESSED_RATE: lambda report: report.processed_records_per_second,
        names.QUERY_STATE_ROWS: lambda report: report.state_rows,
        names.QUERY_STATE_BYTES: lambda report: report.state_bytes,
        names.QUERY_WATERMARK_DELAY: lambda report: None if report.watermark is None else now - report.watermark / 1000,
    }
    for family, read in reported.items():
        yield family.shown({(query,): known for query, report in reports.items() if (known := read(report)) is not None})
    partitioned: Mapping[Family, Callable[[QueryReport], Mapping[TopicPartition, int]]] = {
        names.QUERY_LAG_RECORDS: lambda report: report.lag,
        names.QUERY_OFFSET: lambda report: report.offsets,
        names.QUERY_END_OFFSET: lambda report: report.ends,
    }
    for family, places in partitioned.items():
        found: dict[Labels, float] = {
            (query, place.topic, str(place.partition)): value for query, report in reports.items() for place, value in places(report).items()
        }
        yield family.shown(found)
    lags: dict[Labels, float] = {
        (query, source): now - newest / 1000 for query, sources in look.newest_event_time.items() for source, newest in sources.items()
    }
    yield names.QUERY_LAG_SECONDS.shown(lags)


def _single(counts: Mapping[str, int]) -> dict[Labels, float]:
    return {(name,): count for name, count in list(counts.items())}
