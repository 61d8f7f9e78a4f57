"""How each part of a home stands, out of what `up`, servers, collectors and jobs have written down. Nothing is started or locked."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from src.broker.ports import LOOPBACK, accepts_connections
from src.broker.process import BrokerProcess, RunningBroker
from src.clickhouse.process import ClickHouseProcess, RunningClickHouse
from src.collect.status import CollectorStatus, read_statuses
from src.config.settings import Settings
from src.monitoring.job_status import JobStatus, read_job_status
from src.parts.identity import ProcessIdentity, who_said, writer_of
from src.parts.plan import COLLECTOR, DASHBOARD
from src.parts.record import PartRecord, UpRecord, read_record

JOBS = ("ticker", "orderbook", "trade")
SILENT_SECONDS = 20.0
"""Collectors and jobs write about once a second."""
_WELL = {"running", "finished"}
_REACH_SECONDS = 1.0


class PartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One part. What is not known, or does not apply, is null."""

    name: str
    state: str
    """waiting, running, starting, restarting, finished, stopping, stopped, failed or gone; of a server elsewhere answers or unreachable."""
    well: bool
    pid: int | None = None
    started_time: int | None = None
    """ms since 1970 UTC."""
    records_per_second: float | None = None
    """Of a collector those that it makes, of a job those that it reads."""
    lag_records: int | None = None
    """Of a collector what waits to be read or for Kafka, of a job what lies on Kafka."""
    lag_seconds: float | None = None
    """How long ago the newest event happened that came through."""
    problem: str = ""
    """What is wrong, or what a person should know."""
    place: str = ""
    """An address, or the file of what it says."""


def look(settings: Settings, record: UpRecord | None = None) -> list[PartStatus]:
    """Every part there is, in the order of the data: servers, collectors, jobs, dashboard. record: of the `up` that asks; None reads what is kept."""
    record = record or read_record(settings.home)
    own = {part.name: part for part in record.parts} if record is not None else {}
    parts = [*_servers(settings), *_collectors(settings.home, own.get(COLLECTOR))]
    parts += [found for kind in JOBS if (found := _job(settings.home, kind, own.get(kind))) is not None]
    dashboard = own.get(DASHBOARD)
    if dashboard is not None and record is not None:
        parts.append(_dashboard(dashboard, record.dashboard or ""))
    return parts


def all_well(parts: Sequence[PartStatus]) -> bool:
    """Whether something runs, and nothing of it is wrong."""
    return any(part.pid is not None for part in parts) and all(part.well for part in parts)


def _servers(settings: Settings) -> Iterator[PartStatus]:
    home = settings.home.resolve()
    if settings.kafka_bootstrap_servers:
        yield _elsewhere("broker", settings.kafka_bootstrap_servers)
    else:
        yield _embedded("broker", BrokerProcess(home / "broker", settings).find())
    if settings.clickhouse_url is None:
        return
    if settings.has_own_clickhouse:
        from src.storage.clickhouse_address import parsed  # noqa: PLC0415  (the client takes a third of a second to load, and few have a ClickHouse)

        address = parsed(settings.clickhouse_url.get_secret_value())
        if address.folder is None:
            yield _elsewhere("clickhouse", f"{address.host}:{address.port}")
        return
    yield _embedded("clickhouse", ClickHouseProcess(home / "clickhouse").find())


def _embedded(name: str, found: RunningBroker | RunningClickHouse | None) -> PartStatus:
    """A server of the home's own: one that lives and does not answer is only starting."""
    if found is None:
        return PartStatus(name=name, state="stopped", well=False, problem="it starts with the first job, or by `up`")
    answers = accepts_connections(found.port)
    return PartStatus(
        name=name,
        state="running" if answers else "starting",
        well=answers,
        pid=found.pid,
        started_time=found.started_time,
        place=f"{LOOPBACK}:{found.port}",
    )


def _elsewhere(name: str, addresses: str) -> PartStatus:
    """A server of the user's own: whether anything answers where it should be."""
    for address in addresses.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS).close()
        except (OSError, ValueError):
            continue
        return PartStatus(name=name, state="answers", well=True, place=addresses)
    return PartStatus(name=name, state="unreachable", well=False, problem="nothing answers there: start it, or correct its address", place=addresses)


def _collectors(home: Path, own: PartRecord | None) -> Iterator[PartStatus]:
    own_pid = own.process.pid if own is not None and own.process is not None else None
    statuses = read_statuses(home)
    if own is not None:
        mine = next((status for status in statuses if status.pid == own_pid), None)
        yield _collector(COLLECTOR, mine, own.process, own)
    for status in statuses:
        if status.pid == own_pid:
            continue
        process = who_said(status.pid, status.started_time)
        # What ended in order is over; what was killed, or failed, is to be seen until the next one begins, unless `up` has begun it anew.
        if process is not None or (own is None and status.state in {"connecting", "running", "failed"}):
            yield _collector(f"{COLLECTOR} {','.join(status.channels)}", status, process, None)


def _collector(name: str, status: CollectorStatus | None, process: ProcessIdentity | None, own: PartRecord | None) -> PartStatus:
    state, problem = _state(own, process, None if status is None else status.state)
    if status is None:
        return _part(name, "starting" if state == "running" else state, process, own, problem)
    if state == "running" and (silent := time.time() - status.updated_time / 1000) > SILENT_SECONDS:
        problem = f"it has said nothing for {silent:.0f} s"
    notes = [f"{market}: {' '.join(found.note.split())}" for market, found in status.markets.items() if found.note and not found.connected]
    newest = max((found.newest_event_time for found in status.markets.values() if found.newest_event_time is not None), default=None)
    rates = [found.records_per_second for found in status.markets.values() if found.records_per_second is not None]
    is_live = process is not None
    return _part(
        name,
        "starting" if state == "running" and status.state == "connecting" else state,
        process,
        own,
        problem,
        started_time=status.started_time,
        records_per_second=sum(rates) if rates and is_live else None,
        lag_records=status.waiting + status.queued if is_live else None,
        lag_seconds=None if newest is None or not is_live else max(0.0, (status.updated_time - newest) / 1000),
        note="; ".join(filter(None, [status.source.value if status.source.value != "live" else "", status.message, *notes])),
    )


def _job(home: Path, kind: str, own: PartRecord | None) -> PartStatus | None:
    status = read_job_status(home, kind)
    process = own.process if own is not None else writer_of(home / "checkpoints" / f"{kind}.lock")
    if own is None and process is None and (status is None or status.state in {"finished", "stopped"}):
        return None
    if status is not None and process is not None and status.updated_time < process.began_time:
        status = None  # of the run before
    state, problem = _state(own, process, None if status is None else status.state)
    if status is None:
        return _part(kind, "starting" if state == "running" else state, process, own, problem)
    if state == "running" and (silent := time.time() - status.updated_time / 1000) > SILENT_SECONDS:
        problem = f"it has said nothing for {silent:.0f} s"
    return _part(
        kind,
        "starting" if state == "running" and status.state == "starting" else state,
        process,
        own,
        problem,
        started_time=status.started_time,
        records_per_second=status.input_records_per_second if process else None,
        lag_records=status.lag_records if process else None,
        lag_seconds=status.lag_seconds if process else None,
        note=_job_note(status),
    )


def _job_note(status: JobStatus) -> str:
    parked = [f"{count} batches wait for {sink}" for sink, count in (status.parked_batches or {}).items() if count]
    return "; ".join(filter(None, [status.message, *parked]))


def _dashboard(own: PartRecord, address: str) -> PartStatus:
    state, problem = _state(own, own.process, None)
    if state == "running" and not accepts_connections(int(address.rstrip("/").rpartition(":")[2])):
        state = "starting"
    return _part(DASHBOARD, state, own.process, own, problem, place=address)


def _state(own: PartRecord | None, process: ProcessIdentity | None, said: str | None) -> tuple[str, str]:
    """The state of a part, and what is wrong with it: `up` knows best of its own, a part of others is what it said, if it lives."""
    if own is not None:
        lives = process is not None and process.lives
        if own.state in {"running", "stopping"} and not lives:
            return "gone", "`up` was killed: `down` stops what it has left, `up` begins again"
        return own.state, "" if own.state in _WELL else own.message
    if process is not None:
        return "running", ""
    if said == "failed":
        return "failed", ""
    return "gone", "it was ended from outside"


def _part(
    name: str,
    state: str,
    process: ProcessIdentity | None,
    own: PartRecord | None,
    problem: str,
    *,
    started_time: int | None = None,
    records_per_second: float | None = None,
    lag_records: int | None = None,
    lag_seconds: float | None = None,
    note: str = "",
    place: str = "",
) -> PartStatus:
    return PartStatus(
        name=name,
        state=state,
        well=state in _WELL and not problem,
        pid=None if process is None else process.pid,
        started_time=(started_time or process.began_time) if process is not None else None,
        records_per_second=None if records_per_second is None else round(records_per_second, 1),
        lag_records=lag_records,
        lag_seconds=None if lag_seconds is None else round(lag_seconds, 1),
        problem="; ".join(filter(None, [problem, note, own.message if own is not None and own.state == "running" else ""])),
        place=place or ("" if own is None else own.log),
    )
