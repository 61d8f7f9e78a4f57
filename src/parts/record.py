"""What `up` has started, in a file of the home: `<home>/up/up.json`. `status` reads it, `down` stops by it, and so does the next `up`."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from src.errors import ConfigurationError
from src.parts.identity import ProcessIdentity


class PartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One part, as `up` sees it."""

    name: str
    state: str
    """waiting, running, restarting, finished, failed, stopping or stopped."""
    process: ProcessIdentity | None = None
    restarts: int = 0
    """How often it was started again since it last ran well."""
    message: str = ""
    """What went wrong last."""
    log: str
    """The file of what it says."""


class UpRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run of `up`."""

    supervisor: ProcessIdentity
    started_time: int
    """ms since 1970 UTC."""
    state: str
    """starting, running or stopping."""
    source: str
    """live, replay, simulate, none; `live or simulate` where it is found out."""
    dashboard: str | None = None
    """Its address, if there is one."""
    parts: tuple[PartRecord, ...] = ()

    @property
    def lives(self) -> bool:
        """Whether `up` itself runs."""
        return self.supervisor.lives


def up_folder(home: Path) -> Path:
    """Where `up` keeps its record and the logs of the parts."""
    return home.absolute() / "up"


def read_record(home: Path) -> UpRecord | None:
    """What `up` said last; None where it has not run, or has stopped in order."""
    try:
        return msgspec.json.decode((up_folder(home) / "up.json").read_bytes(), type=UpRecord)
    except (OSError, msgspec.DecodeError):
        return None


def write_record(home: Path, record: UpRecord) -> None:
    """Replace the record in one step. A disk that is full now ends nothing: the record is of use to others alone."""
    path = up_folder(home) / "up.json"
    with suppress(OSError):
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(record))
        fresh.replace(path)


def remove_record(home: Path) -> None:
    """Take the record away: nothing that it names runs any more."""
    with suppress(OSError):
        (up_folder(home) / "up.json").unlink(missing_ok=True)


def refuse_second(home: Path) -> None:
    """Raise ConfigurationError while everything is up in a home: to be asked before ports are, as the first `up` has those."""
    record = read_record(home)
    if record is not None and record.lives:
        raise _up_already(record)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """One `up` in a home, for the length of the block. Raises ConfigurationError while there is another one, or where nothing can be written."""
    folder = up_folder(home)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "up.lock").open("a")
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be written ({error.strerror}): choose another COINSPARK_HOME") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _up_already(read_record(home)) from None
        yield


def _up_already(record: UpRecord | None) -> ConfigurationError:
    who = f" as pid {record.supervisor.pid}" if record is not None else ""
    return ConfigurationError(f"everything is up already{who}: `status` shows it, `down` stops it")
