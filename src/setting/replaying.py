"""A replay seen from the job that reads it: whether its windows are still open, and when all of it has been read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from src.broker.topics import end_offsets
from src.collect.plan import ReplayPlan
from src.collect.replay_run import load_run, run_path
from src.errors import ConfigurationError
from src.setting.checkpoint import Checkpoint


def check_windows_are_open(replay: ReplayPlan, kept: Checkpoint, home: Path) -> None:
    """Raise ConfigurationError for a replay into windows that the query has closed: its rows would all be dropped, one by one."""
    run = load_run(run_path(home, replay.identity))
    if run is not None and (not run.finished or replay.pace.start_at is not None):
        # It goes on where it was, or is on Kafka already: nothing of it is new.
        return
    begins, closed = replay.pace.first_time(replay.timeline.duration, round(time.time() * 1000)), kept.watermark_ms()
    if begins < closed:
        raise ConfigurationError(
            f"the replay begins at {_shown(begins)}, but windows before {_shown(closed)} are closed in {home}: replay into a home of its own "
            "(--home), or raise COINSPARK_OUTAGE_HOURS"
        )


def has_read_everything(kept: Checkpoint, bootstrap_servers: str, topics: Sequence[str]) -> bool:
    """Whether every row of what is on the topics is stored."""
    read = kept.offsets()
    return all(read.get((place.topic, place.partition), 0) >= end for place, end in end_offsets(bootstrap_servers, topics).items())


def _shown(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
