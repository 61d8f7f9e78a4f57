"""`coin_spark.py up`: broker, ClickHouse, collector, all jobs and the dashboard in one process tree, with one status screen."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from src.command import completers
from src.command.clean import clean_up
from src.command.options import Files, Loop, Markets, Port, Source, Speed, Symbols, Yes, channels_of
from src.config.paths import PROJECT
from src.config.settings import Settings, load_settings
from src.errors import CoinSparkError, ConfigurationError, TerminalError
from src.logs import last_event

if TYPE_CHECKING:
    from src.parts.record import UpRecord

_ALL_JOBS = "ticker,orderbook,trade"
_DETACH_SECONDS = 180.0

Jobs = Annotated[str, typer.Option(help="Jobs to run, with commas, or all.", autocompletion=completers.channels)]
NoDashboard = Annotated[bool, typer.Option("--no-dashboard", help="Without the dashboard.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return once everything runs; `status` shows it, `down` stops it.")]
BrokerOnly = Annotated[bool, typer.Option("--broker-only", help="The embedded Kafka broker alone, until `down`: for other Kafka tools.")]
Clean = Annotated[bool, typer.Option("--clean", help="Begin anew: empty the topics, delete checkpoints and all other state. Asks first.")]
Database = Annotated[bool, typer.Option("--database", help="With --clean: the database file and the embedded ClickHouse too.")]


def up(
    files: Files = None,
    *,
    source: Source = None,
    jobs: Jobs = _ALL_JOBS,
    symbols: Symbols = None,
    markets: Markets = None,
    speed: Speed = 1.0,
    loop: Loop = False,
    port: Port = 8050,
    no_dashboard: NoDashboard = False,
    detach: Detach = False,
    broker_only: BrokerOnly = False,
    clean: Clean = False,
    database: Database = False,
    yes: Yes = False,
) -> None:
    """Run everything: Kafka broker, ClickHouse if it is set, a collector, the jobs, and the dashboard; one screen shows how each part stands.

    Ctrl-C stops all of it in order, and once more ends it by force. A part that ends is started again, with growing pauses and a bounded
    number of times; then it is shown as failed, with its last words and the file of all that it said (`<home>/up/<part>.log`).

    Examples:
    - `python coin_spark.py up`
    - `python coin_spark.py up --source simulate --jobs ticker,trade --no-dashboard`
    - `python coin_spark.py up --detach`
    - `python coin_spark.py up --source replay recordings/okx/ticker.jsonl --jobs ticker --speed 10`
    - `python coin_spark.py up --broker-only`
    - `python coin_spark.py up --clean --yes --detach`
    """
    from src.parts.record import refuse_second

    settings = load_settings(symbols=symbols, markets=markets)
    if not broker_only:
        refuse_second(settings.home)
    if clean:
        clean_up(settings, database=database, yes=yes)
    elif database or yes:
        raise ConfigurationError("--database and --yes belong to --clean")
    if broker_only:
        return None if clean and settings.kafka_bootstrap_servers else _broker_only(settings)
    from src.parts.plan import Wanted, up_plan

    wanted = Wanted(
        jobs=channels_of(jobs, "--jobs"),
        source=source,
        files=tuple(files or ()),
        speed=speed,
        loop=loop,
        markets_given=markets is not None,
        symbols_given=symbols is not None,
        dashboard_port=None if no_dashboard else port,
    )
    plan = up_plan(wanted, settings)
    if detach:
        return _detach(settings)
    from src.command.parts_view import PartsScreen
    from src.parts.supervisor import Supervisor

    with PartsScreen(settings, Console(), typer.echo) as screen:
        return Supervisor(plan, settings, screen.show, screen.say).run()


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(up)


def _broker_only(settings: Settings) -> None:
    from src.broker.embedded import EmbeddedBroker

    if settings.kafka_bootstrap_servers:
        raise ConfigurationError("--broker-only is the embedded broker, and KAFKA_BOOTSTRAP_SERVERS names another Kafka: unset it")
    running = EmbeddedBroker(settings).pin()
    typer.echo(f"Kafka runs at {running.bootstrap_servers} (pid {running.pid}) until `python coin_spark.py down`.")


def _detach(settings: Settings) -> None:
    """Start the same command anew, in a session of its own, and wait until all of it runs."""
    from src.parts.record import up_folder

    words = [word for word in sys.argv[1:] if word not in {"--detach", "--clean", "--database", "--yes"}]
    log = up_folder(settings.home) / "up.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out:
            child = subprocess.Popen(
                [sys.executable, str(PROJECT / "coin_spark.py"), *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
    except OSError as error:
        raise ConfigurationError(f"{log} cannot be written ({error.strerror}): choose another COINSPARK_HOME") from None
    record = _wait(settings, child, log)
    failed = [part for part in record.parts if part.state in {"failed", "restarting"}]
    if failed:
        raise TerminalError(f"{failed[0].name} failed: {failed[0].message} (all of it in {failed[0].log}); the rest runs, `down` stops it")
    typer.echo(f"Everything is up (pid {child.pid}); `status` shows it, `down` stops it.")
    if record.dashboard:
        typer.echo(f"The dashboard is at {record.dashboard}")


def _wait(settings: Settings, child: subprocess.Popen[bytes], log: Path) -> UpRecord:
    """The record once no part is starting any more."""
    from src.parts.look import look
    from src.parts.record import read_record

    deadline = time.monotonic() + _DETACH_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise _ended(child.returncode, log)
        record = read_record(settings.home)
        if record is not None and record.supervisor.pid == child.pid and record.state == "running":
            own = {part.name for part in record.parts}
            states = {part.name: part.state for part in look(settings, record)}
            if not any(states.get(name) in {"waiting", "starting"} for name in own):
                return record
        time.sleep(0.5)
    raise TerminalError(
        f"not all of it runs after {_DETACH_SECONDS:.0f} s: `status` shows what is missing, `down` stops it (its own words are in {log})"
    )


def _ended(status: int, log: Path) -> CoinSparkError:
    """What it said last, as an error of its own kind: one that the user must mend stays one."""
    said = last_event(log.read_text(errors="replace")).removeprefix("coinspark: ") or "it said nothing"
    kind = ConfigurationError if status == ConfigurationError.exit_status else TerminalError
    return kind(f"it ended while it started: {said} (all in {log})")
