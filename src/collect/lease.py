"""One source per market and channel: the leases that a collector holds while it runs, `<home>/collect/<channel>.<market>.lock`."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import count, product
from pathlib import Path
from typing import IO, BinaryIO

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
    """Held leases."""

    def __init__(self, files: Sequence[BinaryIO], source: str) -> None:
        self._files = files
        self._source = source
        self._write(stopping=False)

    def stopping(self) -> None:
        """Tell whoever wants a lease next that a short wait is worth it; a full disk keeps nobody from stopping."""
        with suppress(OSError):
            self._write(stopping=True)

    def _write(self, *, stopping: bool) -> None:
        holder = msgspec.json.encode(_Holder(os.getpid(), self._source, stopping))
        for file in self._files:
            file.seek(0)
            file.truncate()
            file.write(holder)
            file.flush()


@contextmanager
def collect_lease(home: Path, channels: Sequence[str], markets: Sequence[str], source: str) -> Iterator[CollectLease]:
    """Hold the leases of these channels of these markets. `source` is what the holder is called to others: live, replay, simulate.

    Raises `ConfigurationError` when another collector has one of them (after 5 s at most, and only if that one is stopping).
    """
    with ExitStack() as stack:
        files: list[BinaryIO] = []
        deadline = time.monotonic() + _STOPPING_SECONDS
        # In one order everywhere, so that two that want the same ones do not both give up.
        for channel, market in sorted(product(channels, markets)):
            file = stack.enter_context(_opened(lease_path(home, channel, market)))
            while not _locked(file):
                holder = _holder(file)
                if not (holder and holder.stopping) or time.monotonic() > deadline:
                    raise ConfigurationError(_already(f"{market} {channel}", holder, home))
                time.sleep(_POLL_SECONDS)
            files.append(file)
        yield CollectLease(files, source)


def lease_path(home: Path, channel: str, market: str) -> Path:
    """The file whose lock is the lease of a channel of a market."""
    return home / "collect" / f"{channel}.{market}.lock"


def is_collected(home: Path, channel: str) -> bool:
    """Whether any process collects a channel."""
    for path in (home / "collect").glob(f"{channel}.*.lock"):
        try:
            with path.open("ab") as file:
                if not _locked(file):
                    return True
        except OSError:
            continue
    return False


@contextmanager
def spool_folder(home: Path) -> Iterator[Path]:
    """A folder for records that wait for Kafka, for this process alone: the first that no other one uses, so that what a process left is found."""
    for number in count():
        with _opened(home / "spool" / f"{number}.lock") as file:
            if _locked(file):
                yield home / "spool" / str(number)
                return


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+b")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}; check the folder or set COINSPARK_HOME") from None


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[bytes]) -> _Holder | None:
    file.seek(0)
    try:
        return msgspec.json.decode(file.read(), type=_Holder)
    except msgspec.DecodeError:
        return None


def _already(what: str, holder: _Holder | None, home: Path) -> str:
    who = f"pid {holder.pid} (source {holder.source})" if holder else "another process"
    return (
        f"{what} is already collected by {who}: stop that one first, read what it sends with --source none, "
        f"or set COINSPARK_HOME to another folder than {home}"
    )
