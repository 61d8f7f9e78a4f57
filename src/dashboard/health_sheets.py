"""The tables of the view `health`: jobs, feeds, collectors, events of the last hour, and questions to the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from src.dashboard.costs import QuestionCost
from src.dashboard.question import Row
from src.dashboard.running import CollectorState, Feed, JobState, Running, total
from src.dashboard.view import Column, Sheet

MOST_EVENTS = 5_000
"""That are read. Where there are as many, the hour's gaps are not known."""
_SHOWN_EVENTS = 100
_FEEDS = (
    Column("market", "market"),
    Column("channels"),
    Column("condition", "condition"),
    Column("last_frame_seconds", "seconds"),
    Column("frames_per_second", "number"),
    Column("delay_ms", "whole"),
    *(Column(name, "whole") for name in ("gaps", "gaps_hour", "reconnects")),
    Column("note", "words"),
    *(Column(name, "whole") for name in ("filled", "renewed", "dropped", "malformed")),
    Column("source", "source"),
)
_COLLECTORS = (
    Column("channels"),
    Column("pid"),
    Column("condition", "condition"),
    Column("report_seconds", "seconds"),
    Column("started", "time"),
    *(Column(name, "whole") for name in ("sent", "queued", "waiting", "left")),
    Column("source", "source"),
    Column("message", "words"),
)
_JOBS = (
    Column("job", "job"),
    Column("condition", "condition"),
    Column("report_seconds", "seconds"),
    Column("started", "time"),
    Column("batch", "whole"),
    *(Column(name, "number") for name in ("batch_seconds", "input_rate", "processed_rate")),
    Column("lag_records", "whole"),
    Column("lag_seconds", "number"),
    *(Column(name, "whole") for name in ("state_rows", "late", "dead_letters", "sink_failures", "parked")),
    Column("message", "words"),
)
_EVENTS = (
    Column("time", "time"),
    Column("event", "event"),
    Column("market", "market"),
    Column("channel"),
    Column("symbol"),
    Column("length_seconds", "seconds"),
    Column("count", "whole"),
    Column("detail", "words"),
)
_QUESTIONS = (
    Column("table"),
    Column("where", "words"),
    Column("since", "time"),
    Column("milliseconds", "number"),
    Column("rows", "whole"),
    Column("answer_seconds", "seconds"),
    Column("pages", "whole"),
)


class Health(NamedTuple):
    """What the view shows."""

    running: Running
    events: tuple[Row, ...] | None
    """The ledger's lines of the last hour, the newest first; None where the database does not answer."""
    away: tuple[str, int] | None
    """What is wrong with the database and since when, ms since 1970 UTC."""
    questions: tuple[QuestionCost, ...]
    now: int


def health_sheets(health: Health | None) -> tuple[Sheet, ...]:
    """Jobs, feeds, collectors, events, questions; without rows where nothing has run."""
    if health is None:
        rows: tuple[Sequence[Sequence[Any]], ...] = ((), (), (), (), ())
    else:
        hour = _gaps(health.events)
        rows = (
            [_job(job) for job in health.running.jobs],
            [_feed(feed, hour) for feed in health.running.feeds],
            [_collector(collector) for collector in health.running.collectors],
            [_event(row) for row in (health.events or ())[:_SHOWN_EVENTS]],
            [_question(cost, health.now) for cost in health.questions],
        )
    names = {"jobs": _JOBS, "feeds": _FEEDS, "collectors": _COLLECTORS, "events": _EVENTS, "questions": _QUESTIONS}
    return tuple(Sheet(name, columns, found) for (name, columns), found in zip(names.items(), rows, strict=True))


def _gaps(events: Sequence[Row] | None) -> Mapping[tuple[str, str], int] | None:
    """Gaps by market and channel; None where not all events of the hour are known."""
    if events is None or len(events) >= MOST_EVENTS:
        return None
    return Counter((row["market"], row["channel"]) for row in events if row["kind"] == "gap")


def _job(job: JobState) -> list[Any]:
    status = job.status
    return [
        *(status.kind, job.condition, job.report_seconds, status.started_time, status.batch_id, status.batch_seconds),
        *(status.input_records_per_second, status.processed_records_per_second, status.lag_records, status.lag_seconds, status.state_rows),
        *(total(status.late_records), status.dead_letters, total(status.sink_failures), total(status.parked_batches), status.message),
    ]


def _feed(feed: Feed, hour: Mapping[tuple[str, str], int] | None) -> list[Any]:
    cells: list[Any] = list(feed)
    gaps_hour = None if hour is None else sum(hour.get((feed.market, channel), 0) for channel in feed.channels.split(", "))
    place = Feed._fields.index("gaps") + 1
    return [*cells[:place], gaps_hour, *cells[place:]]


def _collector(collector: CollectorState) -> list[Any]:
    channels, pid, *rest = collector
    # The number of a process is a name, not a quantity.
    return [channels, str(pid), *rest]


def _event(row: Row) -> list[Any]:
    first, last = row["first_time"], row["last_time"]
    length = None if first is None or last is None else (last - first) / 1000
    return [row["event_time"], row["kind"], row["market"], row["channel"], row["symbol"], length, row["count"], row["detail"]]


def _question(cost: QuestionCost, now: int) -> list[Any]:
    question = cost.question
    where = ", ".join(f"{name} = {value}" for name, value in question.where)
    return [question.table, where, question.since, cost.seconds * 1000, cost.rows, (now - cost.answered_time) / 1000, cost.pages]
