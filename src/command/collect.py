"""`coin_spark.py collect`: frames of exchanges, live, recorded or simulated, to Kafka."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated, NoReturn

import msgspec
import typer

from src.collect.exchange import Channel
from src.collect.options import CollectOptions
from src.collect.report import Report
from src.collect.run import run_collector, stop_signals
from src.command.options import AsJson, Channels, Files, Home, Loop, Markets, MetricsPort, Source, Speed, StartAt, Symbols, channels_of
from src.command.times import read_start
from src.config import load_settings
from src.errors import CoinSparkError
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
    files: Files = None,
    channels: Channels = Channel.TICKER.value,
    source: Source = None,
    speed: Speed = 1.0,
    loop: Loop = False,
    start_at: StartAt = None,
    symbols: Symbols = None,
    markets: Markets = None,
    home: Home = None,
    metrics_port: MetricsPort = None,
    json: AsJson = False,
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
            start_at=read_start(start_at),
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


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _say(line: str) -> None:
    logger().info(line)


def _print_line(report: Report) -> None:
    typer.echo(report.line())


def _print_json(report: Report) -> None:
    typer.echo(msgspec.json.encode(report).decode())
