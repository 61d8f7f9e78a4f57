"""`coin_spark.py collect`: frames of exchanges, live, recorded or simulated, to Kafka."""

from __future__ import annotations

import difflib
import signal
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import msgspec
import typer

from src.collect.exchange import Channel
from src.collect.options import CollectOptions, SourceChoice
from src.collect.report import Report
from src.collect.run import run_collector, stop_signals
from src.config import load_settings
from src.errors import CoinSparkError, ConfigurationError
from src.logs import about, logger, say_error

_EXAMPLES = """
Take market data from exchanges to Kafka, until Ctrl-C.

Examples:
- `python coin_spark.py collect --channels ticker,trade,orderbook`
- `python coin_spark.py collect --channels orderbook --markets binance,kraken --symbols BTC,ETH`
- `python coin_spark.py collect --channels trade --symbols all --metrics-port 9108`
- `python coin_spark.py collect --source simulate --symbols BTC,ETH`
- `python coin_spark.py collect --source replay --speed 10 recordings/okx/ticker.jsonl bybit=monday.jsonl`
- `python coin_spark.py collect --source replay --speed inf --start-at 2026-01-31T09:00:00Z okx.jsonl`
"""


def collect(
    files: Annotated[list[str] | None, typer.Argument(help="Recordings for --source replay: FILE or market=FILE, JSONL.", show_default=False)] = None,
    channels: Annotated[str, typer.Option("--channels", "--channel", help="Kinds of market data, with commas, or all.")] = Channel.TICKER.value,
    source: Annotated[
        SourceChoice | None, typer.Option(help="Where frames come from. Default: live; simulated where no exchange can be reached.")
    ] = None,
    speed: Annotated[float, typer.Option(help="Replay: times the original pace; inf sends without waiting.")] = 1.0,
    loop: Annotated[bool, typer.Option("--loop", help="Replay: begin again at the end.")] = False,
    start_at: Annotated[str | None, typer.Option(help="Replay: put the first frame at this ISO 8601 time instead of now.")] = None,
    symbols: Annotated[str | None, typer.Option(help="Base coins, with commas, or all. Default: the settings'; for a replay all.")] = None,
    markets: Annotated[str | None, typer.Option(help="Exchanges, with commas. Default: the settings'; for a replay all.")] = None,
    home: Annotated[Path | None, typer.Option(help="Folder of data and state. Default: .coinspark.")] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Serve Prometheus metrics on this port of 127.0.0.1.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the counts of every 10 s as JSON.")] = False,
    with_parent: Annotated[int | None, typer.Option(hidden=True, help="Stop when this process, the parent, is gone.")] = None,
    may_simulate: Annotated[bool | None, typer.Option("--may-simulate/--no-may-simulate", hidden=True)] = None,
) -> None:
    """Take market data from exchanges to Kafka."""
    for number in stop_signals():
        signal.signal(number, _end)
    try:
        options = CollectOptions(
            channels=channels_of(channels),
            source=source,
            files=tuple(files or ()),
            speed=speed,
            loop=loop,
            start_at=_time(start_at),
            symbols=_names(symbols),
            markets=_names(markets),
            home=home,
            json=json,
            parent=with_parent,
            may_simulate=may_simulate,
        )
        settings = load_settings(home=home, symbols=symbols, markets=markets, metrics_port=metrics_port)
        with about(part="collector"):
            run_collector(options, settings, _say, _print_json if json else _print_line)
    except CoinSparkError as error:
        say_error(str(error), error.exit_status)
        raise typer.Exit(error.exit_status) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


collect.__doc__ = _EXAMPLES


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("collect")(collect)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    # Until the event loop takes over: a stop while the broker starts unwinds like Ctrl-C, so that leases are given back.
    raise KeyboardInterrupt


def channels_of(text: str) -> tuple[Channel, ...]:
    """The channels that a text with commas names; `all` names every one. Raises ConfigurationError with the nearest name."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return tuple(Channel)
    known = [channel.value for channel in Channel]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ConfigurationError(f"--channels {name}: {hint}The channels are {', '.join(known)}, or all")
    if not names:
        raise ConfigurationError(f"--channels is empty: name at least one of {', '.join(known)}, or all")
    return tuple(dict.fromkeys(Channel(name) for name in names))


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--start-at {text}: must be an ISO 8601 time, for example 2026-01-31T09:00:00Z") from None


def _say(line: str) -> None:
    logger().info(line)


def _print_line(report: Report) -> None:
    typer.echo(report.line())


def _print_json(report: Report) -> None:
    typer.echo(msgspec.json.encode(report).decode())
