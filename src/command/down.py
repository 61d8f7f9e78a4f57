"""`coin_spark.py down`: what `up` has started, and embedded servers that were left, stopped in order."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import Annotated

import typer

from src.broker.embedded import EmbeddedBroker
from src.clickhouse.embedded import EmbeddedClickHouse
from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError, TerminalError
from src.parts.leftover import stop_leftovers
from src.parts.record import UpRecord, read_record

_SECONDS = 120.0
_EVERY_SECONDS = 0.2
_AGAIN_SECONDS = 1.0


def down(
    *,
    force: Annotated[
        bool, typer.Option("--force", help="End slow parts by force, and servers though others use them; a job starts its broker anew.")
    ] = False,
) -> None:
    """Stop what `up` runs, in order: jobs, collector, dashboard, ClickHouse, broker; also what an `up` that was killed has left.

    Servers that others still use stay, and who uses them is said.

    Examples:
    - `python coin_spark.py down`
    - `python coin_spark.py down --force`
    """
    settings = load_settings()
    record = read_record(settings.home)
    stopped = []
    if record is not None and record.lives:
        _stop(settings, record, force=force)
        stopped = [part.name for part in record.parts]
    elif record is not None:
        stopped = stop_leftovers(settings.home, typer.echo)
    if stopped:
        typer.echo(f"Stopped {', '.join(stopped)}.")
    broker = EmbeddedBroker(settings).stop(force=force)
    if broker:
        typer.echo(f"Stopped the broker (pid {broker.pid}).")
    elif not stopped:
        typer.echo("No broker runs.")
    clickhouse = EmbeddedClickHouse(settings).stop(force=force)
    if clickhouse:
        typer.echo(f"Stopped ClickHouse (pid {clickhouse.pid}).")


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(down)


def _stop(settings: Settings, record: UpRecord, *, force: bool) -> None:
    """Ask `up` to stop all that it runs, and wait until it has."""
    began = time.monotonic()
    _signal(record)
    again = force
    while record.lives:
        passed = time.monotonic() - began
        # A second signal ends the parts by force; two at once would be one. Without its record it has stopped all, and would die of a signal.
        if again and passed > _AGAIN_SECONDS and read_record(settings.home) is not None:
            _signal(record)
            again = False
        if passed > _SECONDS:
            raise TerminalError(
                f"`up` (pid {record.supervisor.pid}) still stops after {_SECONDS:.0f} s: `status` shows what is left, --force ends it"
            )
        time.sleep(_EVERY_SECONDS)
    # It was killed while it stopped.
    stop_leftovers(settings.home, typer.echo)


def _signal(record: UpRecord) -> None:
    pid = record.supervisor.pid
    try:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    except PermissionError:
        raise ConfigurationError(f"`up` (pid {pid}) was started by another user: only that one, or root, can stop it") from None
