"""Leases: who uses the broker. A lease is a locked file, and the lock dies with its process, however that process ends."""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import msgspec


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """One user of the broker, as a person is shown it."""

    pid: int
    purpose: str
    """What the user does with the broker, for example `ticker`."""
    since: int
    """ms since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that this process holds. A process forked from this one holds it too; one started with `subprocess` does not."""

    path: Path
    descriptor: int

    def release(self) -> None:
        """Give the lease back."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


class LeaseFolder:
    """The leases on one broker. Call everything under that broker's lock: a lease is a file first and locked an instant later."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, purpose: str) -> Lease:
        """A new lease of this process."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}.lease"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        holder = Holder(pid=os.getpid(), purpose=purpose, since=time.time_ns() // 1_000_000)
        os.write(descriptor, msgspec.json.encode(holder))
        return Lease(path, descriptor)

    def holders(self) -> list[Holder]:
        """Everyone who holds a lease now, the oldest first. Files of dead processes are removed."""
        holders = [holder for path in self._folder.glob("*.lease") if (holder := _holder(path))]
        return sorted(holders, key=lambda holder: holder.since)


def _holder(path: Path) -> Holder | None:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return msgspec.json.decode(file.read(), type=Holder)
        path.unlink()
        return None
