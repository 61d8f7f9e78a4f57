"""Which parts `up` starts, and by which words: decided and checked before anything is started."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace

from src.broker.ports import LOOPBACK, require_free_port
from src.collect.exchanges import exchanges_named
from src.collect.options import CollectOptions, SourceChoice
from src.collect.parsed import Channel
from src.collect.plan import plan as collect_plan
from src.config.environment import as_environment
from src.config.paths import PROJECT
from src.config.settings import Settings
from src.errors import ConfigurationError

DERIVATIVES = ("binance_futures",)
"""Venues whose own topics the trade and the order-book job read beside the markets of the settings."""
DASHBOARD = "dashboard"
COLLECTOR = "collector"
_ALL_THERE_IS = "available-now"
_WITH_DERIVATIVES = {Channel.TRADE, Channel.ORDERBOOK}


@dataclass(frozen=True)
class Wanted:
    """What is to be up. markets_given: the markets were named for this run, so that none is added to them."""

    jobs: tuple[Channel, ...]
    source: SourceChoice | None = None
    files: tuple[str, ...] = ()
    speed: float = 1.0
    loop: bool = False
    markets_given: bool = False
    symbols_given: bool = False
    dashboard_port: int | None = None
    """None: no dashboard."""


@dataclass(frozen=True)
class PartPlan:
    """One part: what it is called, and the words that run it."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class UpPlan:
    """The parts in the order in which they are started. They are stopped jobs first, then the collector, then the dashboard."""

    collector: PartPlan | None
    jobs: tuple[PartPlan, ...]
    dashboard: PartPlan | None
    source: str
    dashboard_address: str | None
    replay_identity: str | None = None
    """Of a replay that is to be marked as done once all of it is on Kafka."""

    @property
    def parts(self) -> tuple[PartPlan, ...]:
        """All of them."""
        return tuple(part for part in (self.collector, *self.jobs, self.dashboard) if part is not None)


def up_plan(wanted: Wanted, settings: Settings) -> UpPlan:
    """The parts. Raises ConfigurationError for what cannot work: markets, recordings, options that do not go together, a port that is taken."""
    if not wanted.jobs:
        raise ConfigurationError("--jobs is empty: name at least one")
    if settings.trigger == _ALL_THERE_IS:
        raise ConfigurationError("COINSPARK_TRIGGER=available-now ends a job once it has read what there is, and `up` keeps jobs running: unset it")
    exchanges_named(settings.markets)
    options = _collect_options(wanted, settings)
    replay = collect_plan(options, settings).replay if wanted.source is SourceChoice.REPLAY else None
    if wanted.source is not SourceChoice.REPLAY and (wanted.files or wanted.loop or wanted.speed != 1.0):
        raise ConfigurationError("FILES, --speed and --loop belong to --source replay")
    if wanted.dashboard_port is not None:
        require_free_port(wanted.dashboard_port, "--port")
    return UpPlan(
        None if wanted.source is SourceChoice.NONE else PartPlan(COLLECTOR, tuple(options.command())),
        tuple(PartPlan(job.value, _command(job.value, "--source", SourceChoice.NONE.value)) for job in wanted.jobs),
        None if wanted.dashboard_port is None else PartPlan(DASHBOARD, _command(DASHBOARD, "--port", str(wanted.dashboard_port))),
        "live or simulate" if wanted.source is None and settings.is_bare else (wanted.source or SourceChoice.LIVE).value,
        None if wanted.dashboard_port is None else f"http://{LOOPBACK}:{wanted.dashboard_port}/",
        None if replay is None else replay.identity,
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a part: these settings, whatever else is set. Secrets come to it as they came to `up`."""
    return {**os.environ, **as_environment(settings)}


def _collect_options(wanted: Wanted, settings: Settings) -> CollectOptions:
    """One collector for all jobs: it collects what each of theirs would."""
    options = CollectOptions(
        channels=wanted.jobs,
        source=wanted.source,
        files=wanted.files,
        speed=wanted.speed,
        loop=wanted.loop,
        symbols=settings.symbols if wanted.symbols_given else None,
        markets=settings.markets if wanted.markets_given else None,
        parent=os.getpid(),
    )
    if wanted.markets_given or wanted.source is SourceChoice.REPLAY or not _WITH_DERIVATIVES & {*wanted.jobs}:
        return options
    return replace(options, markets=tuple(dict.fromkeys((*settings.markets, *DERIVATIVES))))


def _command(*words: str) -> tuple[str, ...]:
    return (sys.executable, str(PROJECT / "coin_spark.py"), *words)
