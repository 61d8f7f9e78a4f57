"""What a running collector says of itself, in a small file that any job's view reads: `<home>/collect/<channel>.json`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from src.schema.records import Source


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
    note: str = ""
    """The last thing that went wrong, in one line."""


class CollectorStatus(msgspec.Struct, kw_only=True):
    """One collector process: what it plays and how it fares. Rewritten whole, atomically, about once a second."""

    pid: int
    channel: str
    source: Source
    state: str
    """connecting, running, finished (a replay reached its end), stopped (it was asked to) or failed."""
    message: str = ""
    """What a person must know, for example that simulated data is shown because no exchange could be reached."""
    started_time: int
    updated_time: int
    sent: int = 0
    """Records acknowledged by Kafka."""
    left: int | None = None
    """Frames still to play, where that is known (a replay)."""
    markets: dict[str, MarketStatus] = msgspec.field(default_factory=dict)


def status_path(home: Path, channel: str) -> Path:
    """Where the collector of a channel keeps its status."""
    return home / "collect" / f"{channel}.json"


def write_status(path: Path, status: CollectorStatus) -> None:
    """Replace the status file in one step, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(status))
    fresh.replace(path)


def read_status(path: Path) -> CollectorStatus | None:
    """The last status written, or None where there is none or it is of another version."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=CollectorStatus)
    except (OSError, msgspec.DecodeError):
        return None
