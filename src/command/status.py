"""`coin_spark.py status`: how every part of a home stands, once."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec
import psutil
import typer
from rich.console import Console
from rich.text import Text

from src.broker.embedded import EmbeddedBroker
from src.broker.lease import Holder
from src.clickhouse.embedded import EmbeddedClickHouse
from src.collect.status import CollectorStatus, read_statuses
from src.command.options import AsJson
from src.command.parts_view import parts_table
from src.config.settings import Settings, load_settings
from src.parts.look import PartStatus, all_well, look

_MEBIBYTE = 1024 * 1024


class BrokerState(msgspec.Struct, frozen=True, kw_only=True):
    """The embedded broker as `status --json` prints it; every field but `running` is null when it does not run."""

    running: bool
    pid: int | None = None
    bootstrap_servers: str | None = None
    cluster_id: str | None = None
    resident_megabytes: float | None = None
    started_time: int | None = None
    """ms since 1970 UTC."""
    pinned: bool | None = None
    """Runs until `down`, even when nobody uses it."""


class ClickHouseState(msgspec.Struct, frozen=True, kw_only=True):
    """The embedded ClickHouse as `status --json` prints it; every field but `running` and `users` is null when it does not run."""

    running: bool
    users: list[Holder]
    pid: int | None = None
    port: int | None = None
    resident_megabytes: float | None = None
    started_time: int | None = None
    """ms since 1970 UTC."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `status --json` prints."""

    well: bool
    """Something runs, and nothing of it is wrong: the exit status is 0."""
    home: str
    parts: list[PartStatus]
    kafka_bootstrap_servers: str | None
    """The user's own cluster; the embedded broker is not used while it is set."""
    broker: BrokerState
    users: list[Holder]
    """Of the broker."""
    clickhouse: ClickHouseState
    collectors: list[CollectorStatus]


def status(*, as_json: AsJson = False) -> None:
    """Show what runs here, parts of `up` and collectors and jobs by hand: state, pid, uptime, rate, lag, and what is wrong.

    The exit status is 0 when all of it is well, and 1 when something is wrong, or nothing runs.

    Examples:
    - `python coin_spark.py status`
    - `python coin_spark.py status --json`
    """
    current = read_current_status(load_settings())
    if as_json:
        typer.echo(msgspec.json.encode(current))
    else:
        _print(current, Console())
    raise typer.Exit(0 if current.well else 1)


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(status)


def read_current_status(settings: Settings) -> Status:
    """Ask the files of the parts how things stand."""
    parts = look(settings)
    broker, users = _broker(settings)
    return Status(
        well=all_well(parts),
        home=str(settings.home.resolve()),
        parts=parts,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        broker=broker,
        users=users,
        clickhouse=_clickhouse(settings),
        collectors=read_statuses(settings.home),
    )


def _broker(settings: Settings) -> tuple[BrokerState, list[Holder]]:
    running, users = EmbeddedBroker(settings).status()
    if running is None:
        return BrokerState(running=False), users
    state = BrokerState(
        running=True,
        pid=running.pid,
        bootstrap_servers=running.bootstrap_servers,
        cluster_id=running.cluster_id,
        resident_megabytes=_resident_megabytes(running.pid),
        started_time=running.started_time,
        pinned=running.pinned,
    )
    return state, users


def _clickhouse(settings: Settings) -> ClickHouseState:
    running, users = EmbeddedClickHouse(settings).status()
    if running is None:
        return ClickHouseState(running=False, users=users)
    return ClickHouseState(
        running=True,
        users=users,
        pid=running.pid,
        port=running.port,
        resident_megabytes=_resident_megabytes(running.pid),
        started_time=running.started_time,
    )


def _resident_megabytes(pid: int) -> float | None:
    try:
        return round(psutil.Process(pid).memory_info().rss / _MEBIBYTE, 1)
    except psutil.Error:
        return None


def _print(current: Status, console: Console) -> None:
    console.print(parts_table(current.parts, time.time()))
    if current.broker.pinned:
        console.print(Text("The broker runs until `down`."))
    for name, users in (("broker", current.users), ("ClickHouse", current.clickhouse.users)):
        if users:
            console.print(
                Text(f"The {name} is used by " + ", ".join(f"{user.purpose} (pid {user.pid}, since {_clock(user.since)})" for user in users))
            )
    if not any(part.pid is not None for part in current.parts):
        console.print(Text(f"Nothing runs in {current.home}: `up` starts everything."))


def _clock(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
