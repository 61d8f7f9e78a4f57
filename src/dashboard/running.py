"""What runs here and how it fares: the status files of collectors and jobs, each judged by its age. No database and no Spark is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from src.collect.bank_rate import BANK
from src.collect.parsed import Channel
from src.collect.status import CollectorStatus, MarketStatus, read_statuses
from src.config.settings import Settings
from src.monitoring.job_status import JobStatus, read_job_status
from src.schema.records import Source

SILENT_MS = 15_000
"""Collectors and jobs write their status about once a second; one that is older says nothing of now."""
_BEHIND_SECONDS = 60.0
_STOPPED = {"stopped": "stopped", "finished": "finished", "failed": "failed"}


class Condition(StrEnum):
    """How a thing fares."""

    WELL = "well"
    WAITING = "waiting"
    """It has just begun, and nothing came yet."""
    STALE = "stale"
    """No frame for too long."""
    DISCONNECTED = "disconnected"
    BEHIND = "behind"
    """At its pace it would take more than a minute to read what waits."""
    PARKED = "parked"
    """Batches wait on disk for a database that does not take them."""
    SILENT = "silent"
    """It runs, by its own words, and has said nothing for too long: it was ended from outside, or hangs."""
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def is_trouble(self) -> bool:
        """Whether somebody should look after it."""
        return self not in {Condition.WELL, Condition.WAITING, Condition.STOPPED, Condition.FINISHED}


class Feed(NamedTuple):
    """A market's frames by one collector. Counts are since the collector's start, rates of the last ten seconds; None is not known."""

    market: str
    channels: str
    condition: Condition
    last_frame_seconds: float | None
    """Age of the last frame."""
    frames_per_second: float | None
    delay_ms: float | None
    gaps: int
    reconnects: int
    note: str
    filled: int
    renewed: int
    dropped: int
    malformed: int
    source: str


class CollectorState(NamedTuple):
    """A collector process."""

    channels: str
    pid: int
    condition: Condition
    report_seconds: float
    """Age of its status."""
    started_time: int
    sent: int
    queued: int
    waiting: int
    left: int | None
    source: str
    message: str


class JobState(NamedTuple):
    """A job: its status, and what that means now. Rates, lag and the batch are of then."""

    condition: Condition
    report_seconds: float
    status: JobStatus


class Running(NamedTuple):
    """All that has said something in a home."""

    feeds: tuple[Feed, ...]
    collectors: tuple[CollectorState, ...]
    jobs: tuple[JobState, ...]
    newest: int | None
    """When anything said something last, ms since 1970 UTC."""
    source: str
    """Of the collector that did; empty where none has."""


def running(settings: Settings, now: int) -> Running:
    """What collectors and jobs of the settings' home say. now: ms since 1970 UTC."""
    statuses = read_statuses(settings.home)
    jobs = [status for channel in Channel if (status := read_job_status(settings.home, channel.value)) is not None]
    feeds = [_feed(name, market, status, settings, now) for status in statuses for name, market in status.markets.items()]
    reports = [status.updated_time for status in statuses] + [status.updated_time for status in jobs]
    return Running(
        tuple(sorted(feeds, key=lambda feed: (feed.market == BANK, feed.market, feed.channels))),
        tuple(_collector(status, now) for status in sorted(statuses, key=lambda status: (status.channels, status.pid))),
        tuple(JobState(_job_condition(status, now), (now - status.updated_time) / 1000, status) for status in jobs),
        max(reports, default=None),
        statuses[0].source.value if statuses else "",
    )


def total(counts: Mapping[str, int] | None) -> int | None:
    """The sum of counts by name; None where they are not known."""
    return None if counts is None else sum(counts.values())


def _process_condition(state: str, updated_time: int, now: int) -> Condition:
    if state in _STOPPED:
        return Condition(_STOPPED[state])
    return Condition.SILENT if now - updated_time > SILENT_MS else Condition.WELL


def _collector(status: CollectorStatus, now: int) -> CollectorState:
    return CollectorState(
        ", ".join(status.channels),
        status.pid,
        _process_condition(status.state, status.updated_time, now),
        (now - status.updated_time) / 1000,
        status.started_time,
        status.sent,
        status.queued,
        status.waiting,
        status.left,
        status.source.value,
        status.message,
    )


def _feed(name: str, market: MarketStatus, status: CollectorStatus, settings: Settings, now: int) -> Feed:
    condition = _process_condition(status.state, status.updated_time, now)
    is_now = condition is Condition.WELL
    if is_now:
        condition = _feed_condition(name, market, status, _patience_ms(name, status.channels, settings), now)
    return Feed(
        name,
        ", ".join(status.channels),
        condition,
        None if market.last_frame_time is None else (now - market.last_frame_time) / 1000,
        market.frames_per_second if is_now else None,
        market.recent_delay_ms if is_now else None,
        market.gaps,
        market.reconnects,
        market.note,
        market.filled,
        market.stale,
        market.dropped,
        market.malformed,
        status.source.value,
    )


def _feed_condition(name: str, market: MarketStatus, status: CollectorStatus, patience_ms: float, now: int) -> Condition:
    if now - (market.last_frame_time or status.started_time) > patience_ms:
        return Condition.STALE
    # A replay has no sockets, and a bank is asked by HTTP.
    if status.source is Source.LIVE and name != BANK and not market.connected:
        return Condition.DISCONNECTED
    return Condition.WAITING if market.last_frame_time is None else Condition.WELL


def _patience_ms(name: str, channels: Sequence[str], settings: Settings) -> float:
    """How long a market may be silent: as long as a subscription may before it is renewed, and a bank for two questions."""
    if name == BANK:
        return settings.bank_rate_seconds * 2_000
    return (settings.stale_trade_seconds if set(channels) == {Channel.TRADE.value} else settings.stale_seconds) * 1_000


def _job_condition(status: JobStatus, now: int) -> Condition:
    condition = _process_condition(status.state, status.updated_time, now)
    if condition is not Condition.WELL:
        return condition
    if total(status.parked_batches):
        return Condition.PARKED
    if status.lag_records and (status.processed_records_per_second or 0.0) * _BEHIND_SECONDS < status.lag_records:
        return Condition.BEHIND
    return Condition.WAITING if status.batch_id is None else Condition.WELL
