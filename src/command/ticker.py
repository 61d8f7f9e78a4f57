"""The command `ticker`: the ticker job, from frames to rows.

Spark and all that reads it are imported when the command runs: a collector, which is a process of its own, starts without them.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from src.collect.options import CollectOptions, SourceChoice
from src.config import load_settings
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.setting.progress import View

_OFFSETS = ("earliest", "latest")

Files = Annotated[list[str] | None, typer.Argument(help="Recordings for `--source replay`: FILE or market=FILE.", show_default=False)]
Source = Annotated[SourceChoice | None, typer.Option(help="Where frames come from. Default: live, or simulated when no exchange can be reached.")]
Debug = Annotated[bool, typer.Option("--debug", help="Print each metric's batches instead of storing them.")]
Trigger = Annotated[str | None, typer.Option(help="Micro-batch interval (1s, 500ms), or available-now: what there is, then stop. Default: 1s.")]
From = Annotated[str | None, typer.Option("--from", help="Where a first run begins: earliest or latest. Default: earliest; latest with --debug.")]
Speed = Annotated[float, typer.Option(help="Replay: times the original pace; inf sends without waiting.")]
Loop = Annotated[bool, typer.Option("--loop", help="Replay: begin again at the end.")]
StartAt = Annotated[datetime | None, typer.Option(help="Replay: the UTC time that the first frame is moved to, instead of now.")]
Symbols = Annotated[str | None, typer.Option(help="Base coins, with commas. Default: BTC,ETH,XRP,SOL; for a replay all.")]
Markets = Annotated[str | None, typer.Option(help="Exchanges, with commas. Default: all.")]
Home = Annotated[Path | None, typer.Option(help="Folder of all data and state. Default: .coinspark.")]
Master = Annotated[str | None, typer.Option(help="Spark master. Default: local[2].")]
AsJson = Annotated[bool, typer.Option("--json", help="Print every row as a line of JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command("ticker")(ticker)


def ticker(
    files: Files = None,
    source: Source = None,
    debug: Debug = False,
    trigger: Trigger = None,
    begin_at: From = None,
    speed: Speed = 1.0,
    loop: Loop = False,
    start_at: StartAt = None,
    symbols: Symbols = None,
    markets: Markets = None,
    home: Home = None,
    master: Master = None,
    as_json: AsJson = False,
) -> None:
    """Price windows, arbitrage between regions and markets, and signals, from ticker frames.

    Starts what it needs (an embedded Kafka broker, a collector), stores rows in the database and in Kafka topics, and shows them here.
    Ctrl-C stops everything in order; the next start goes on from where it was.

    Examples:
    - `python coin_spark.py ticker`
    - `python coin_spark.py ticker --debug`
    - `python coin_spark.py ticker --source simulate --symbols BTC,ETH`
    - `python coin_spark.py ticker --source replay recordings/okx/ticker.jsonl --speed inf --trigger available-now`
    """
    if begin_at not in {None, *_OFFSETS}:
        raise ConfigurationError(f"--from {begin_at!r} is neither {' nor '.join(_OFFSETS)}")
    from src.setting.streaming import SparkStreamingTicker
    from src.storage.json_lines import JsonLinesSink

    settings = load_settings(home=home, master=master, trigger=trigger, symbols=symbols, markets=markets)
    collect = CollectOptions(
        source=source,
        files=tuple(files or ()),
        speed=speed,
        loop=loop,
        start_at=start_at,
        symbols=settings.symbols if symbols else None,
        markets=settings.markets if markets else None,
    )
    job = SparkStreamingTicker(settings, collect=collect, view=_view(as_json=as_json, debug=debug), begin_at=begin_at)
    if as_json:
        job.extra_sinks.append(JsonLinesSink(sys.stdout))
    if debug:
        job.debug_ticker_streaming()
    else:
        job.ticker_spark_streaming()


def _view(*, as_json: bool, debug: bool) -> View:
    from src.command.json_view import JsonView
    from src.command.live_view import LiveView
    from src.setting.plain_view import PlainView

    if as_json:
        return JsonView(sys.stdout)
    # Batches printed by --debug and a table that redraws itself do not go together.
    return LiveView(Console()) if sys.stdout.isatty() and not debug else PlainView(sys.stdout)
