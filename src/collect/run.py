"""The collector as a process: leases, broker, source, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from src.broker.cluster import Cluster, cluster
from src.broker.topics import TopicSpec, end_offsets, ensure_topics
from src.collect.choice import choose_source
from src.collect.clock import ClockGuard
from src.collect.collector import Collector
from src.collect.lease import CollectLease, collect_lease, spool_folder
from src.collect.ledger import Ledger
from src.collect.listing_watch import watch_listings
from src.collect.message import topics_of
from src.collect.options import CollectOptions, SourceChoice
from src.collect.outbox import Outbox
from src.collect.pipeline import Pipeline
from src.collect.plan import Plan, begin_run, plan
from src.collect.prometheus import CollectorFamilies
from src.collect.rates import UsdRates
from src.collect.remembered import remember_trades
from src.collect.replay import ReplaySource
from src.collect.replay_run import finish_run
from src.collect.report import Report
from src.collect.sender import Sender
from src.collect.source import FrameSource
from src.collect.status import clear_statuses
from src.collect.timeline import Timeline
from src.config import Settings
from src.logs import logger
from src.long_work import can_draw, long_work
from src.monitoring.endpoint import metrics_served

_PARENT_SECONDS = 0.5
_BROKER_SECONDS = 1.0
_DRAW_SECONDS = 0.5
_Watch = Coroutine[None, None, None]


def run_collector(options: CollectOptions, settings: Settings, say: Callable[[str], None], report: Callable[[Report], None]) -> None:
    """Collect until the source ends (a replay), or SIGINT, SIGTERM, SIGHUP or the parent's end stops it, in order, within 5 s.

    `say` gets lines that the user must read, `report` gets the counts every 10 s; what goes wrong is a warning of the log. Raises `CoinSparkError`
    for everything that a person or a later start can put right.
    """
    todo = plan(options, settings)
    if todo.choice is SourceChoice.NONE:
        say("--source none: there is nothing to collect")
        return
    for remark in todo.remarks:
        say(remark)
    with (
        collect_lease(settings.home, todo.channels, todo.markets, todo.choice) as lease,
        cluster(settings, f"collect {','.join(todo.channels)}") as kafka,
        spool_folder(settings.home) as spool,
    ):
        clear_statuses(settings.home, todo.channels)
        asyncio.run(_Process(options, settings, todo, kafka, spool, say).run(lease, report))


def stop_signals() -> list[signal.Signals]:
    """The signals that stop a collector in order. A closed terminal does, except under nohup, which has it ignored."""
    ignores_hang_up = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM] if ignores_hang_up else [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def make_topics(settings: Settings, kafka: Cluster, topics: Sequence[str]) -> dict[str, list[int]]:
    """Make the topics where they are missing; returns the end offsets by topic and partition."""
    retention = settings.retention_hours * 60 * 60 * 1000
    ensure_topics(kafka.bootstrap_servers, [TopicSpec(topic, settings.topic_partitions, settings.topic_replication, retention) for topic in topics])
    ends = end_offsets(kafka.bootstrap_servers, topics)
    partitions = Counter(place.topic for place in ends)
    return {topic: [ends[place] for place in sorted(ends) if place.topic == topic] for topic in partitions}


class _Process:
    """One run of a collector."""

    def __init__(self, options: CollectOptions, settings: Settings, todo: Plan, kafka: Cluster, spool: Path, say: Callable[[str], None]) -> None:
        self._options = options
        self._settings = settings
        self._todo = todo
        self._kafka = kafka
        self._say = say
        self._spool = spool
        self._collector: Collector | None = None
        self._stop = asyncio.Event()
        self._outlet_open = asyncio.Event()
        self._pipeline = new_pipeline(todo, settings, _warn)

    async def run(self, lease: CollectLease, report: Callable[[Report], None]) -> None:
        """Play the source to its end or until it is told to stop, and stop in order."""
        for number in stop_signals():
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        topics = topics_of(self._todo.channels, self._todo.exchanges.values())
        ends = await asyncio.to_thread(make_topics, self._settings, self._kafka, topics)
        outlet, replay = await asyncio.to_thread(self._outlet, ends)
        ledger = Ledger(self._settings.database_address, _warn)
        collector = self._collector = Collector(self._todo.channels, self._pipeline, outlet, self._settings.home, report, ledger)
        if replay is not None and replay.left == 0:
            self._tell(collector)(
                f"this replay is already on Kafka at {self._kafka.bootstrap_servers}, nothing is sent; with another --start-at it is sent again"
            )
        with ExitStack() as stack:
            if self._settings.metrics_port is not None:
                families = CollectorFamilies(lambda: collector.status, self._settings.home)
                stack.enter_context(metrics_served(self._settings.metrics_address, self._settings.metrics_port, "COINSPARK_METRICS_PORT", families))
            playing = asyncio.create_task(self._play(collector, outlet, replay), name="play")
            await self._watch(lease, collector, playing, replay, [ledger.run(), self._watch_outlet(outlet)])
        if outlet.waiting:
            _warn(f"{outlet.waiting} records were not acknowledged by Kafka at {self._kafka.bootstrap_servers} before the stop")

    async def _watch(
        self, lease: CollectLease, collector: Collector, playing: asyncio.Task[None], replay: ReplaySource | None, others: Sequence[_Watch]
    ) -> None:
        """Wait for the end of the source, a stop or a failure; then stop in order."""
        beside = [self._stop.wait(), collector.keep_status(), collector.keep_books(), self._keep_broker(), self._watch_parent(), *others]
        if replay is not None and replay.left is not None and can_draw():
            beside.append(_draw(replay, replay.left))
        if self._todo.choice is SourceChoice.LIVE:
            beside.append(watch_listings(self._todo, self._settings, collector.process))
        watches = [asyncio.create_task(watch) for watch in beside]
        try:
            done, _ = await asyncio.wait([playing, *watches], return_when=asyncio.FIRST_COMPLETED)
        finally:
            lease.stopping()
            for watch in watches:
                watch.cancel()
        failures = [error for task in done if (error := task.exception()) is not None]
        if failures:
            collector.tell(str(failures[0]))
        await collector.stop(playing, "failed" if failures else "finished" if playing in done else "stopped")
        if failures:
            raise failures[0]

    async def _play(self, collector: Collector, outlet: Sender | Outbox, replay: ReplaySource | None) -> None:
        await outlet.open()
        self._outlet_open.set()
        if self._todo.choice is SourceChoice.LIVE and isinstance(outlet, Outbox):
            servers = self._kafka.bootstrap_servers
            await asyncio.to_thread(remember_trades, self._pipeline.trades, self._todo, servers, outlet.unread_trades(), _warn)
        source: FrameSource = replay or await choose_source(self._todo, self._settings, self._pipeline.markets, self._tell(collector))
        await collector.play(source)
        # With a parent it is the parent that finishes the run: what was sent is of no use to a job that is killed before it read it.
        if replay is not None and replay.left == 0 and self._todo.replay is not None and self._options.parent is None:
            finish_run(self._settings.home, self._todo.replay.identity)

    def _dropped(self, market: str, channel: str, count: int) -> None:
        if self._collector is not None:
            self._collector.dropped(market, channel, count)

    def _tell(self, collector: Collector) -> Callable[[str], None]:
        def tell(message: str) -> None:
            collector.tell(message)
            _warn(message)

        return tell

    def _outlet(self, ends: Mapping[str, Sequence[int]]) -> tuple[Sender | Outbox, ReplaySource | None]:
        servers = self._kafka.bootstrap_servers
        replay = self._todo.replay
        if replay is None:
            partitions = {topic: len(offsets) for topic, offsets in ends.items()}
            return Outbox(servers, partitions, self._spool, self._settings.spool_megabytes, self._dropped), None
        run, delivered = begin_run(self._settings.home, replay, self._kafka, ends)
        if run.finished:
            return Sender(servers, {}), ReplaySource((), Timeline(()), replay.pace, run.first_time)
        sent = max((position.frame for position in delivered.values()), default=-1)
        if sent >= 0:
            self._say(f"the replay goes on where it stopped, at frame {sent + 1} of {replay.timeline.frames} a pass")
        # A run keeps its keys where they were, also when the topic has got more partitions since.
        partitions = {topic: len(starts) for topic, starts in run.start_offsets.items()}
        source = ReplaySource(replay.recordings, replay.timeline, replay.pace, run.first_time, sent)
        return Sender(servers, partitions, run, delivered), source

    async def _keep_broker(self) -> None:
        while True:
            if await asyncio.to_thread(self._kafka.ensure_running):
                _warn("the embedded Kafka broker was gone and has been started again")
            await asyncio.sleep(_BROKER_SECONDS)

    async def _watch_outlet(self, outlet: Sender | Outbox) -> None:
        """Until cancelled; raises what has ended the sending of records."""
        await self._outlet_open.wait()
        if isinstance(outlet, Outbox):
            await asyncio.wait([outlet.watch()])
            outlet.watch().result()
        await asyncio.Event().wait()

    async def _watch_parent(self) -> None:
        parent = self._options.parent
        while parent is None or os.getppid() == parent:  # noqa: ASYNC110  a parent's end sets no event
            await asyncio.sleep(_PARENT_SECONDS)
        self._stop.set()


def _warn(message: str) -> None:
    logger().warning(message)


async def _draw(replay: ReplaySource, frames: int) -> None:
    """Until cancelled, a bar of how much of a replay has been played; where there is no terminal, the reports tell it."""
    with long_work("replay", "frames", frames) as work:
        while True:
            work.reach(frames - (replay.left or 0))
            await asyncio.sleep(_DRAW_SECONDS)


def new_pipeline(todo: Plan, settings: Settings, say: Callable[[str], None]) -> Pipeline:
    """The pipeline that a plan and the settings ask for."""
    return Pipeline(
        todo.exchanges,
        todo.symbols,
        UsdRates(settings.rate_max_age_seconds, settings.bank_rate_max_age_hours),
        ClockGuard(settings.clock_ahead_seconds),
        say,
        book_depth=settings.book_depth,
        book_interval_ms=settings.book_interval_ms,
        wanted=todo.wanted,
    )
