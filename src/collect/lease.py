"""One source per channel: the lease that a collector holds while it runs, `<home>/collect/<channel>.lock`."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from src.errors import ConfigurationError

_STOPPING_SECONDS = 5.0
_POLL_SECONDS = 0.1


class _Holder(msgspec.Struct, frozen=True):
    """Who has the lease, as the file says it. The lock itself dies with its process, whatever the file says."""

    pid: int
    source: str
    stopping: bool = False


class CollectLease:
    """A held lease."""

    def __init__(self, file: BinaryIO, source: str) -> None:
        self._file = file
        self._source = source
        self._write(stopping=False)

    def stopping(self) -> None:
        """Tell whoever wants the lease next that a short wait is worth it."""
        self._write(stopping=True)

    def _write(self, *, stopping: bool) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(msgspec.json.encode(_Holder(os.getpid(), self._source, stopping)))
        self._file.flush()


@contextmanager
def collect_lease(home: Path, channel: str, source: str) -> Iterator[CollectLease]:
    """Hold the lease of a channel. `source` is what the holder is called to others: live, replay, simulate.

    Raises `ConfigurationError` when another collector has it (after 5 s at most, and only if that one is stopping).
    """
    path = home / "collect" / f"{channel}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}; check the folder or set COINSPARK_HOME") from None
    with file:
        deadline = time.monotonic() + _STOPPING_SECONDS
        while not _locked(file):
            holder = _holder(file)
            if not (holder and holder.stopping) or time.monotonic() > deadline:
                raise ConfigurationError(_already(channel, holder, home))
            time.sleep(_POLL_SECONDS)
        yield CollectLease(file, source)


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: BinaryIO) -> _Holder | None:
    file.seek(0)
    try:
        return msgspec.json.decode(file.read(), type=_Holder)
    except msgspec.DecodeError:
        return None


def _already(channel: str, holder: _Holder | None, home: Path) -> str:
    who = f"pid {holder.pid} (source {holder.source})" if holder else "another process"
    return (
        f"{channel} is already collected by {who}: stop that one first, read what it sends with --source none, "
        f"or set COINSPARK_HOME to another folder than {home}"
    )
