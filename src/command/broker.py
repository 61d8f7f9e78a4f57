"""`up`, `down` and `status`: the embedded broker and ClickHouse, and the collectors, by hand. Jobs start and stop the first two by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import psutil
import typer
from rich.console import Console
from rich.table import Table

from src.broker.embedded import EmbeddedBroker
from src.broker.lease import Holder
from src.clickhouse.embedded import EmbeddedClickHouse
from src.collect.status import CollectorStatus, read_statuses
from src.command.clean import clean_up
from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError

_MEBIBYTE = 1024 * 1024

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


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

    home: str
    kafka_bootstrap_servers: str | None
    """The user's own cluster; the embedded broker is not used while it is set."""
    broker: BrokerState
    users: list[Holder]
    """Of the broker."""
    clickhouse: ClickHouseState
    collectors: list[CollectorStatus]


def up(
    *,
    clean: Annotated[bool, typer.Option("--clean", help="Begin anew: empty the topics, delete checkpoints and all other state. Asks first.")] = False,
    database: Annotated[bool, typer.Option("--database", help="With --clean: the database file and the embedded ClickHouse too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --clean: do not ask.")] = False,
) -> None:
    """Start the embedded Kafka broker and leave it running until `down`.

    A job starts it by itself and stops it when it was the last; use this to keep it between jobs, or for other Kafka tools.

    Example: python coin_spark.py up

    Example: python coin_spark.py up --clean --yes

    Example: COINSPARK_BROKER_PORT=39092 python coin_spark.py up
    """
    settings = load_settings()
    if clean:
        clean_up(settings, database=database, yes=yes)
    elif database or yes:
        raise ConfigurationError("--database and --yes belong to --clean")
    if clean and settings.kafka_bootstrap_servers:
        return
    running = EmbeddedBroker(settings).pin()
    typer.echo(f"Kafka runs at {running.bootstrap_servers} (pid {running.pid}) until `python coin_spark.py down`.")


def down(
    *, force: Annotated[bool, typer.Option("--force", help="Stop it though jobs use it; a job that still runs starts it again.")] = False
) -> None:
    """Stop the embedded Kafka broker and the embedded ClickHouse, also those whose jobs were killed. Refuses, and names them, while jobs use them.

    - `python coin_spark.py down`
    - `python coin_spark.py down --force`
    """
    settings = load_settings()
    stopped = EmbeddedBroker(settings).stop(force=force)
    typer.echo(f"Stopped the broker (pid {stopped.pid})." if stopped else "No broker runs.")
    clickhouse = EmbeddedClickHouse(settings).stop(force=force)
    if clickhouse:
        typer.echo(f"Stopped ClickHouse (pid {clickhouse.pid}).")


def status(*, as_json: AsJson = False) -> None:
    """Show the embedded broker, the jobs that use it, and what each collector says of itself.

    - `python coin_spark.py status`
    - `python coin_spark.py status --json`
    """
    current = read_current_status(load_settings())
    if as_json:
        typer.echo(msgspec.json.encode(current))
    else:
        _print(current, Console())


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the command line."""
    for command in (up, down, status):
        app.command()(command)


def read_current_status(settings: Settings) -> Status:
    """Ask the broker's files and the collectors' files how things stand."""
    running, users = EmbeddedBroker(settings).status()
    broker = BrokerState(running=False)
    if running:
        broker = BrokerState(
            running=True,
            pid=running.pid,
            bootstrap_servers=running.bootstrap_servers,
            cluster_id=running.cluster_id,
            resident_megabytes=_resident_megabytes(running.pid),
            started_time=running.started_time,
            pinned=running.pinned,
        )
    return Status(
        home=str(settings.home.resolve()),
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        broker=broker,
        users=users,
        clickhouse=_clickhouse(settings),
        collectors=_collectors(settings.home),
    )


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


def _collectors(home: Path) -> list[CollectorStatus]:
    return read_statuses(home)


def _resident_megabytes(pid: int) -> float | None:
    try:
        return round(psutil.Process(pid).memory_info().rss / _MEBIBYTE, 1)
    except psutil.Error:
        return None


def _print(current: Status, console: Console) -> None:
    broker = current.broker
    if current.kafka_bootstrap_servers:
        console.print(f"Kafka: {current.kafka_bootstrap_servers} (KAFKA_BOOTSTRAP_SERVERS)")
    if broker.running:
        stay = "until `down`" if broker.pinned else "while it is used"
        memory = "unknown" if broker.resident_megabytes is None else f"{broker.resident_megabytes:.0f} MiB"
        console.print(f"Broker: running at {broker.bootstrap_servers}, pid {broker.pid}, {memory}, since {_moment(broker.started_time)}, {stay}")
    else:
        console.print("Broker: not running")
    clickhouse = current.clickhouse
    if clickhouse.running:
        memory = "unknown" if clickhouse.resident_megabytes is None else f"{clickhouse.resident_megabytes:.0f} MiB"
        users = ", ".join(f"{user.purpose} (pid {user.pid})" for user in clickhouse.users) or "nobody"
        console.print(f"ClickHouse: running at 127.0.0.1:{clickhouse.port}, pid {clickhouse.pid}, {memory}, used by {users}")
    if current.users:
        console.print(_table("Used by", ("pid", "purpose", "since"), [(str(user.pid), user.purpose, _moment(user.since)) for user in current.users]))
    if current.collectors:
        rows = [
            (",".join(one.channels), one.source.value, _state(one), str(one.pid), f"{one.sent:,}", _moment(one.updated_time), one.message)
            for one in current.collectors
        ]
        console.print(_table("Collectors", ("channels", "source", "state", "pid", "records sent", "as of", "message"), rows))


def _state(collector: CollectorStatus) -> str:
    """A collector that was killed could not write so."""
    return collector.state if collector.state in {"finished", "failed"} or psutil.pid_exists(collector.pid) else "gone"


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    return table


def _moment(milliseconds: int | None) -> str:
    return "" if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
