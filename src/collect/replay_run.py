"""A replay's identity and what is kept of it on disk, so that one that was killed goes on instead of starting over."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from src.collect.message import Position
from src.collect.recording import Recording
from src.errors import ConfigurationError


class ReplayRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one replay. `identity` and `run` together are in the header of every message it sends."""

    identity: str
    run: int
    """When it was begun, ms since 1970 UTC, so that runs of several machines on one cluster differ; greater than the run before."""
    cluster_id: str
    first_time: int
    """Received time of the first frame, ms since 1970 UTC: the same after a restart, so that every record is the same."""
    start_offsets: Mapping[str, Sequence[int]]
    """By topic and partition, where each partition ended when the run began: its messages are not before that."""
    finished: bool = False
    """Whoever the replay is for has all of it: the same command does not go on with this run."""

    def header(self, position: Position) -> bytes:
        """The value of the `replay` header: identity:run:frame:record."""
        return f"{self.identity}:{self.run}:{position.frame}:{position.record}".encode()

    def position(self, header: bytes) -> Position | None:
        """The position in a header's value, or None when another run wrote it."""
        mine = f"{self.identity}:{self.run}:".encode()
        if not header.startswith(mine):
            return None
        frame, _, record = header[len(mine) :].partition(b":")
        return Position(int(frame), int(record))


def replay_identity(recordings: Sequence[Recording], options: Sequence[object]) -> str:
    """A name for a replay: its files in their order, and every option that changes what its messages are."""
    files = [f"{recording.market}={recording.digest}" for recording in recordings]
    return hashlib.sha256("\n".join([*files, *map(str, options)]).encode()).hexdigest()[:16]


def run_path(home: Path, identity: str) -> Path:
    """Where the state of a replay is kept."""
    return home / "replay" / f"{identity}.json"


def load_run(path: Path) -> ReplayRun | None:
    """The last run of a replay, or None where there was none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReplayRun)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(f"the state of the replay in {path} cannot be read ({error}); delete the file to begin the replay anew") from None


def save_run(path: Path, run: ReplayRun) -> None:
    """Keep a run, in one step."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(run))
        fresh.replace(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}; check the folder or set COINSPARK_HOME") from None


def finish_run(home: Path, identity: str) -> None:
    """The replay has been sent, and read by the job that it was for: its next start is a new run, or with fixed times nothing.

    A collector without a parent calls this at its end, a job for its collector when it has read everything: a job that is killed before
    that finds the same run again.
    """
    path = run_path(home, identity)
    run = load_run(path)
    if run is not None:
        save_run(path, msgspec.structs.replace(run, finished=True))
