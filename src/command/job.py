"""What the commands of the three jobs share: their options, and how a job is made of them and run.

Spark and all that reads it are imported when a command runs: a collector, which is a process of its own, starts without them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from src.collect.options import CollectOptions
from src.command.options import AsJson, Files, Home, Loop, Markets, MetricsPort, Source, Speed, StartAt, Symbols
from src.command.times import read_start
from src.config import load_settings
from src.errors import ConfigurationError
from src.nearest import did_you_mean

if TYPE_CHECKING:
    from src.setting.progress import View
    from src.setting.streaming import SparkStreamingCoinAverage
    from src.storage.sink import BatchSink, Sink

_OFFSETS = ("earliest", "latest")

Debug = Annotated[bool, typer.Option("--debug", help="Print each metric's batches instead of storing them.")]
Trigger = Annotated[str | None, typer.Option(help="Micro-batch interval (1s, 500ms), or available-now: what there is, then stop. Default: 1s.")]
From = Annotated[
    str | None,
    typer.Option("--from", help="Where reading begins.", metavar="earliest|latest", show_default="earliest; latest with --debug; later runs go on"),
]
OnSinkFailure = Annotated[
    Literal["stop", "park"] | None,
    typer.Option(help="When a sink takes nothing for a minute: stop the job, or park its batches on disk and write them later. Default: stop."),
]
Raw = Annotated[bool | None, typer.Option("--raw/--no-raw", help="Keep every trade or order-book record in ClickHouse too. Default: no.")]
Master = Annotated[str | None, typer.Option(help="Spark master. Default: local[2].")]
Dashboard = Annotated[bool, typer.Option("--dashboard", help="Show what is stored on a page in the browser, beside the job.")]
DashboardPort = Annotated[int | None, typer.Option(min=1, max=65535, help="Port of that page. Default: 8050.", show_default=False)]


def job_command(job_class: Callable[[], type[SparkStreamingCoinAverage]], sinks: Sequence[Sink | BatchSink] = ()) -> Callable[..., None]:
    """The function of a job's command. `job_class` imports the job's class when the command runs; `sinks` are added to its own."""

    def command(
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
        on_sink_failure: OnSinkFailure = None,
        raw: Raw = None,
        metrics_port: MetricsPort = None,
        as_json: AsJson = False,
        dashboard: Dashboard = False,
        dashboard_port: DashboardPort = None,
    ) -> None:
        if begin_at not in {None, *_OFFSETS}:
            raise ConfigurationError(
                f"--from {begin_at!r} is neither {' nor '.join(_OFFSETS)}: {did_you_mean(begin_at or '', _OFFSETS, 'name one of them')}"
            )
        start = read_start(start_at)
        job_type = job_class()
        if raw and job_type.raw_table is None:
            raise ConfigurationError(f"the {job_type.channel.value} job keeps no raw records: --raw is for trade and orderbook")
        port = {f"{job_type.channel.value}_metrics_port": metrics_port}
        settings = load_settings(
            home=home, master=master, trigger=trigger, symbols=symbols, markets=markets, on_sink_failure=on_sink_failure, raw=raw, **port
        )
        collect = CollectOptions(
            channels=(job_type.channel,),
            source=source,
            files=tuple(files or ()),
            speed=speed,
            loop=loop,
            start_at=start,
            symbols=settings.symbols if symbols else None,
            markets=settings.markets if markets else None,
        )
        job = job_type(settings, collect=collect, view=_view(as_json=as_json, debug=debug), begin_at=begin_at)
        job.extra_sinks += sinks
        if as_json:
            from src.storage.json_lines import JsonLinesSink

            job.extra_sinks.append(JsonLinesSink(sys.stdout))
        with ExitStack() as stack:
            if dashboard or dashboard_port:
                from src.command.dashboard import PORT
                from src.dashboard.child import DashboardProcess

                beside = DashboardProcess(settings, dashboard_port or PORT, job.view.say)
                job.remarks.append(stack.enter_context(beside.running()))
            job.run(debug=debug)

    return command


def _view(*, as_json: bool, debug: bool) -> View:
    from src.command.json_view import JsonView
    from src.command.live_view import LiveView
    from src.setting.plain_view import PlainView

    if as_json:
        return JsonView(sys.stdout)
    # Batches printed by --debug and a table that redraws itself do not go together.
    return LiveView(Console()) if sys.stdout.isatty() and not debug else PlainView()
