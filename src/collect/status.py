"""What a running collector says of itself, in a small file that any job's view reads: `<home>/collect/<pid>.json`."""

from __future__ import annotations

from pathlib import Path

import msgspec
import psutil

from src.schema.records import EventKind, Source

_SAME_MOMENT_MS = 3_000


class MarketStatus(msgspec.Struct, kw_only=True):
    """Counts of one market since the collector started."""

    frames: int = 0
    records: int = 0
    malformed: int = 0
    """Frames that went to the dead letters."""
    unknown_symbols: int = 0
    """Records of a symbol that was not asked for."""
    not_finite: int = 0
    """Numbers that were NaN or infinite and became null."""
    reconnects: int = 0
    connected: bool = False
    newest_event_time: int | None = None
    gaps: int = 0
    """Places where data is missing or may be."""
    filled: int = 0
    """Gaps whose trades were fetched."""
    stale: int = 0
    """Subscriptions that gave no data and were renewed."""
    dropped: int = 0
    """Records and frames given up for want of room."""
    delay_ms: int = 0
    """Sum over all records of reception minus event; with `records_seen` the mean delay. Events that lie ahead of this clock make it smaller."""
    behind_ms: int = 0
    """That sum over the records whose event came before their reception: this and the next only grow."""
    ahead_ms: int = 0
    """Sum over the others of event minus reception."""
    records_seen: int = 0
    note: str = ""
    """The last thing that went wrong, in one line."""
    last_frame_time: int | None = None
    """When a frame came last, by this machine's clock, to the second: ms since 1970 UTC. None before the first."""
    frames_per_second: float | None = None
    """This and what follows: of about the last ten seconds. None before the second look at the counts."""
    records_per_second: float | None = None
    recent_delay_ms: float | None = None
    """Mean of reception minus event; None where no record came."""

    def saw(self, event_time: int, received_time: int) -> None:
        """A record came. Times in ms since 1970 UTC."""
        if self.newest_event_time is None or event_time > self.newest_event_time:
            self.newest_event_time = event_time
        delay = received_time - event_time
        self.delay_ms += delay
        self.behind_ms += max(0, delay)
        self.ahead_ms += max(0, -delay)
        self.records_seen += 1

    def count(self, kind: EventKind) -> None:
        """A line of the ledger was written."""
        match kind:
            case EventKind.GAP:
                self.gaps += 1
            case EventKind.FILLED:
                self.filled += 1
            case EventKind.STALE:
                self.stale += 1


class CollectorStatus(msgspec.Struct, kw_only=True):
    """One collector process: what it plays and how it fares. Rewritten whole, atomically, about once a second."""

    pid: int
    channels: tuple[str, ...]
    source: Source
    state: str
    """connecting, running, finished (a replay reached its end), stopped (it was asked to) or failed."""
    message: str = ""
    """What a person must know, for example that simulated data is shown because no exchange could be reached."""
    started_time: int
    updated_time: int
    sent: int = 0
    """Records acknowledged by Kafka."""
    waiting: int = 0
    """Messages that wait for Kafka, in memory and on disk."""
    queued: int = 0
    """Frames that wait to be parsed."""
    left: int | None = None
    """Frames still to play, where that is known (a replay)."""
    markets: dict[str, MarketStatus] = msgspec.field(default_factory=dict)


def status_path(home: Path, pid: int) -> Path:
    """Where a collector process keeps its status."""
    return home / "collect" / f"{pid}.json"


def write_status(path: Path, status: CollectorStatus) -> None:
    """Replace the status file in one step, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(status))
    fresh.replace(path)


def read_statuses(home: Path) -> list[CollectorStatus]:
    """What every collector process said last, the newest first; a file of another version is left out."""
    found = []
    for path in (home / "collect").glob("*.json"):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=CollectorStatus))
        except (OSError, msgspec.DecodeError):
            continue
    return sorted(found, key=lambda status: status.updated_time, reverse=True)


def read_status_of(home: Path, pid: int) -> CollectorStatus | None:
    """What one collector process said last; None before it has said anything."""
    try:
        return msgspec.json.decode(status_path(home, pid).read_bytes(), type=CollectorStatus)
    except (OSError, msgspec.DecodeError):
        return None


def read_status(home: Path, channel: str) -> CollectorStatus | None:
    """What the collectors of a channel say: the newest, with the markets of the others that are as fresh; None where there is none."""
    mine = [status for status in read_statuses(home) if channel in status.channels]
    if not mine:
        return None
    newest = mine[0]
    for other in mine[1:]:
        if newest.updated_time - other.updated_time < _SAME_MOMENT_MS and other.state == newest.state:
            newest.markets = other.markets | newest.markets
            newest.sent += other.sent
    return newest


def clear_statuses(home: Path, channels: tuple[str, ...]) -> None:
    """Take away what processes that are gone said of these channels: nobody asks for it any more."""
    for status in read_statuses(home):
        if not psutil.pid_exists(status.pid) and set(status.channels) <= set(channels):
            status_path(home, status.pid).unlink(missing_ok=True)
