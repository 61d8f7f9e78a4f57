"""Health: what runs and how it fares, what befell the collectors in the last hour, and what the page itself costs the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from dash import html

from src.collect.bank_rate import BANK
from src.collect.ledger import LEDGER_TABLE
from src.dashboard.components import away_banner, condition, section, table
from src.dashboard.format import MISSING, age, number, whole
from src.dashboard.health_sheets import MOST_EVENTS, Health, health_sheets
from src.dashboard.question import Question, Row
from src.dashboard.reading import DatabaseAway, Reading
from src.dashboard.running import SILENT_MS, Condition, JobState, Running, running, total
from src.dashboard.view import Loaded, Page, Sheet, View

_MINUTE, _HOUR = 60_000, 3_600_000
_MOST_QUESTIONS = 100
"""The dearest; other programs may ask many."""
_ASKED = ("event_time", "kind", "market", "channel", "symbol", "count", "first_time", "last_time", "detail")


class HealthView(View):
    """Collectors, jobs and the page itself. All but the ledger is read from files, so that it is there while the database is away."""

    name: ClassVar[str] = "health"
    order: ClassVar[int] = 60

    def load(self, reading: Reading, page: Page) -> Loaded:
        found = running(page.settings, page.now)
        if found.newest is None:
            return Loaded(())
        events: tuple[Row, ...] | None = None
        away: tuple[str, int] | None = None
        try:
            # Whole minutes, so that pages and ticks ask the same.
            events = tuple(reading.rows(Question(LEDGER_TABLE.name, _ASKED, (), page.now // _MINUTE * _MINUTE - _HOUR, MOST_EVENTS)))
        except DatabaseAway as error:
            away = str(error), error.since
        rows = Health(found, events, away, tuple(reading.asked_lately()[:_MOST_QUESTIONS]), page.now)
        return Loaded(rows, found.source, found.newest, fresh_ms=SILENT_MS, newest_is="health.newest")

    def show(self, loaded: Loaded, page: Page) -> Any:
        shown: Health = loaded.rows
        texts = page.texts
        _, feeds, collectors, events, questions = self.sheets(loaded, page)
        cards = html.Div([_card(job, page) for job in shown.running.jobs], className="tiles", id="jobs")
        parts = [
            _summary(shown.running, page),
            section("jobs", [cards] if shown.running.jobs else [html.P(texts("health.no_jobs"), className="note")], page),
            table(feeds, page) if feeds.rows else section("feeds", [html.P(texts("health.no_feeds"), className="note")], page),
        ]
        if shown.away:
            parts.append(away_banner(*shown.away, "health.away", page))
        elif events.rows:
            parts.append(table(events, page))
        else:
            parts.append(section("events", [html.P(texts("health.no_events"), className="note")], page))
        if collectors.rows:
            parts.append(table(collectors, page))
        return [*parts, table(questions, page)]

    def sheets(self, loaded: Loaded, page: Page) -> Sequence[Sheet]:
        del page
        return health_sheets(loaded.rows or None)


def _summary(found: Running, page: Page) -> Any:
    """What somebody should look after, first of all; else that all is well, or that nothing runs."""
    texts = page.texts
    troubles = list(_troubles(found, page))
    if troubles:
        return html.Div([html.Strong(texts("health.troubles", count=len(troubles))), html.Ul(troubles)], className="away", id="summary")
    live = {Condition.WELL, Condition.WAITING}
    # A market may come by several collectors, and a bank is none.
    markets = {feed.market for feed in found.feeds if feed.condition in live} - {BANK}
    jobs = sum(job.condition in live for job in found.jobs)
    said = texts("health.well", feeds=len(markets), jobs=jobs) if markets or jobs else texts("health.nothing_runs")
    return html.Div(said, className="card", id="summary")


def _troubles(found: Running, page: Page) -> Iterator[Any]:
    texts = page.texts
    for job in found.jobs:
        if job.condition.is_trouble:
            yield _trouble(texts.named("job", job.status.kind), job.condition, _job_trouble(job, page), page)
    for collector in found.collectors:
        if collector.condition.is_trouble:
            silent = texts("health.silent", age=age(round(collector.report_seconds * 1000), texts))
            said = silent if collector.condition is Condition.SILENT else collector.message
            yield _trouble(texts("health.collector", channels=collector.channels), collector.condition, said, page)
    for feed in found.feeds:
        if feed.condition in {Condition.STALE, Condition.DISCONNECTED}:
            seconds = feed.last_frame_seconds
            said = texts("health.no_frame") if seconds is None else texts("health.last_frame", age=age(round(seconds * 1000), texts))
            name = f"{texts.named('market', feed.market)} ({feed.channels})"
            yield _trouble(name, feed.condition, " · ".join(filter(None, (said, feed.note))), page)


def _trouble(name: str, fares: Condition, said: str, page: Page) -> Any:
    return html.Li([html.Strong(name), " ", condition(fares, page), f" {said}" if said else ""])


def _job_trouble(job: JobState, page: Page) -> str:
    texts, status = page.texts, job.status
    match job.condition:
        case Condition.SILENT:
            return texts("health.silent", age=age(round(job.report_seconds * 1000), texts))
        case Condition.BEHIND:
            return texts("health.behind", records=whole(status.lag_records))
        case Condition.PARKED:
            return texts("health.parked", sinks=_by_name(status.parked_batches, page))
    return status.message


def _card(job: JobState, page: Page) -> Any:
    texts, status = page.texts, job.status
    figures = {
        "report_seconds": age(round(job.report_seconds * 1000), texts),
        "batch": whole(status.batch_id),
        "batch_seconds": number(status.batch_seconds, 3),
        "input_rate": number(status.input_records_per_second, 4),
        "processed_rate": number(status.processed_records_per_second, 4),
        "lag_records": whole(status.lag_records),
        "lag_seconds": number(status.lag_seconds, 3),
        "state_rows": whole(status.state_rows),
        "late": _by_name(status.late_records, page),
        "dead_letters": whole(status.dead_letters),
        "sink_failures": _by_name(status.sink_failures, page),
        "parked": _by_name(status.parked_batches, page),
    }
    lines = [part for name, value in figures.items() for part in (html.Dt(texts(f"column.{name}")), html.Dd(value))]
    head = html.Div([html.Strong(texts.named("job", status.kind)), condition(job.condition, page)], className="head")
    note = [html.P(status.message, className="note")] if status.message else []
    is_now = job.condition not in {Condition.SILENT, Condition.STOPPED, Condition.FINISHED, Condition.FAILED}
    earlier = [] if is_now else [html.P(texts("health.earlier"), className="note")]
    return html.Div([head, *earlier, html.Dl(lines), *note], className="tile" if is_now else "tile ended", id=f"job-{status.kind}")


def _by_name(counts: Mapping[str, int] | None, page: Page) -> str:
    """The sum, and of which names it is."""
    if counts is None:
        return MISSING
    named = ", ".join(f"{page.texts.named('market', name)} {count:,}" for name, count in sorted(counts.items()) if count)
    return whole(total(counts)) + (f" ({named})" if named else "")
