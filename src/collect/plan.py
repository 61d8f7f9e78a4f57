"""What a collector is going to play, decided and checked before anything is started."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from src.broker.cluster import Cluster
from src.collect.delivered import Delivered, read_delivered
from src.collect.exchange import Exchange
from src.collect.exchanges import EXCHANGES, exchanges_named
from src.collect.listings import read_listings
from src.collect.options import CollectOptions, SourceChoice
from src.collect.parsed import Channel, Pair
from src.collect.recording import Recording, index_recordings
from src.collect.replay import Pace
from src.collect.replay_run import ReplayRun, load_run, replay_identity, run_path, save_run
from src.collect.rest import RestClient
from src.collect.timeline import Timeline
from src.collect.wanted import ALL, Listings, choose_pairs, wanted_pairs
from src.config import Settings
from src.config.settings import environment_name
from src.errors import ConfigurationError, TerminalError, TransientError
from src.nearest import one_of


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """Recordings, the times they are played at, and the replay's identity."""

    recordings: Sequence[Recording]
    timeline: Timeline
    pace: Pace
    identity: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to play. `replay` is None unless the source is a replay."""

    choice: SourceChoice
    fall_back: bool
    """Simulated data may take the place of live data where no exchange can be reached."""
    exchanges: Mapping[str, Exchange]
    symbols: frozenset[str] | None
    channels: tuple[Channel, ...]
    wanted: Mapping[str, Mapping[Channel, Sequence[Pair]]]
    """By market and channel what to subscribe to; empty for a replay."""
    remarks: Sequence[str] = ()
    """What a person should know before it starts."""
    listings: Listings = field(default_factory=dict)
    """What the exchanges list, as far as they said."""
    replay: ReplayPlan | None = None

    @property
    def markets(self) -> list[str]:
        """The markets that it collects, by name."""
        if self.replay is None:
            return sorted(self.wanted)
        return sorted({recording.market for recording in self.replay.recordings})


def plan(options: CollectOptions, settings: Settings) -> Plan:
    """Check the options against each other and the machine; raises `ConfigurationError` for what cannot work."""
    _check_maps(settings)
    choice = options.source or SourceChoice.LIVE
    if choice is SourceChoice.REPLAY:
        return _replay_plan(options, settings)
    if options.files or options.loop or options.start_at or options.speed != 1.0:
        raise ConfigurationError(f"FILES, --speed, --loop and --start-at belong to --source replay, not to --source {choice}")
    exchanges = exchanges_named(settings.markets)
    if not exchanges or not settings.symbols:
        raise ConfigurationError("there is nothing to collect: name at least one market (COINSPARK_MARKETS) and one symbol (COINSPARK_SYMBOLS)")
    may_simulate = settings.is_bare if options.may_simulate is None else options.may_simulate
    listings = asyncio.run(_listings(exchanges, settings)) if choice is SourceChoice.LIVE else {}
    chosen = choose_pairs(exchanges, settings, listings)
    wanted = wanted_pairs(exchanges, options.channels, settings, listings) if choice is not SourceChoice.NONE else {}
    return Plan(
        choice,
        fall_back=options.source is None and may_simulate,
        exchanges={market: exchanges[market] for market in wanted},
        symbols=_symbols(settings, wanted),
        channels=options.channels,
        wanted=wanted,
        remarks=chosen.remarks,
        listings=listings,
    )


def _check_maps(settings: Settings) -> None:
    """A setting by market that names none of them would count for nothing, unseen."""
    for name in ("quotes", "exchange_urls", "rest_urls", "taker_fee_percents"):
        for market in getattr(settings, name):
            if market not in EXCHANGES:
                raise ConfigurationError(f"{environment_name(name)} is by market, and there is no {market}: {one_of(market, EXCHANGES, 'There are')}")


async def _listings(exchanges: Mapping[str, Exchange], settings: Settings) -> Listings:
    client = RestClient(settings)
    try:
        return await read_listings(exchanges, client)
    finally:
        await client.close()


def _symbols(settings: Settings, wanted: Mapping[str, Mapping[Channel, Sequence[Pair]]]) -> frozenset[str]:
    if ALL not in settings.symbols:
        return frozenset(settings.symbols)
    return frozenset(pair.symbol for channels in wanted.values() for pairs in channels.values() for pair in pairs)


def _replay_plan(options: CollectOptions, settings: Settings) -> Plan:
    pace = Pace(options.speed, options.loop, options.start_at)
    exchanges = exchanges_named(settings.markets) if options.markets is not None else dict(EXCHANGES)
    recordings = index_recordings(options.files, exchanges)
    timeline = Timeline(recordings)
    pace.first_time(timeline.duration, _now())
    symbols = None if options.symbols is None else frozenset(settings.symbols)
    decisive = (
        pace.decisive,
        sorted(symbols) if symbols is not None else None,
        settings.rate_max_age_seconds,
        settings.bank_rate_max_age_hours,
        settings.clock_ahead_seconds,
        settings.book_depth,
        settings.book_interval_ms,
    )
    identity = replay_identity(recordings, [",".join(options.channels), *decisive])
    replay = ReplayPlan(recordings, timeline, pace, identity)
    return Plan(SourceChoice.REPLAY, fall_back=False, exchanges=exchanges, symbols=symbols, channels=options.channels, wanted={}, replay=replay)


def begin_run(home: Path, replay: ReplayPlan, cluster: Cluster, ends: Mapping[str, Sequence[int]]) -> tuple[ReplayRun, Delivered]:
    """The run to play, and what Kafka already has of it: the unfinished one, where there is one, else a new one.

    A finished run comes back, `finished`, when its times are fixed and Kafka has it: another one would count in the same windows again.
    `ends` are the end offsets by topic and partition. Raises `TerminalError` when Kafka does not answer.
    """
    path = run_path(home, replay.identity)
    last = load_run(path)
    try:
        if last is not None and last.cluster_id == cluster.cluster_id and _still_holds(last, ends):
            if not last.finished:
                return last, read_delivered(cluster.bootstrap_servers, last)
            if replay.pace.start_at is not None and (delivered := read_delivered(cluster.bootstrap_servers, last)):
                return last, delivered
    except TransientError as error:
        raise TerminalError(f"the replay cannot begin: {error}") from error
    now = _now()
    run = ReplayRun(
        identity=replay.identity,
        run=max(now, last.run + 1) if last else now,
        cluster_id=cluster.cluster_id,
        first_time=replay.pace.first_time(replay.timeline.duration, now),
        start_offsets=ends,
    )
    save_run(path, run)
    return run, {}


def _still_holds(run: ReplayRun, ends: Mapping[str, Sequence[int]]) -> bool:
    """Whether the topics are those that the run wrote to, and not made anew since."""
    return ends.keys() <= run.start_offsets.keys() and all(
        topic in ends and len(starts) <= len(ends[topic]) and all(start <= end for start, end in zip(starts, ends[topic], strict=False))
        for topic, starts in run.start_offsets.items()
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
