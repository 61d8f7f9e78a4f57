"""Which process: its id, and when it began, as the system gives an id to another process later."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import psutil

_SAME_MOMENT_MS = 2_000
"""The system counts from its start, and tells by a clock that may be set."""


class ProcessIdentity(msgspec.Struct, frozen=True):
    """One process, for as long as the machine runs."""

    pid: int
    began_time: int
    """ms since 1970 UTC, as the system says it."""

    def process(self) -> psutil.Process | None:
        """The process, while it lives: not one that has ended and only waits to be asked for, nor another one of the same id."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() * 1000 - self.began_time) < _SAME_MOMENT_MS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None

    @property
    def lives(self) -> bool:
        """Whether the process lives."""
        return self.process() is not None


def identity_of(pid: int) -> ProcessIdentity | None:
    """The process that has this id now; None where there is none."""
    try:
        return ProcessIdentity(pid, round(psutil.Process(pid).create_time() * 1000))
    except psutil.Error:
        return None


def who_said(pid: int, time_ms: int) -> ProcessIdentity | None:
    """The process of an id that was written down at a time (ms since 1970 UTC), if it still lives: one that began later is another one."""
    found = identity_of(pid)
    return found if found is not None and found.began_time <= time_ms + _SAME_MOMENT_MS and found.lives else None


def writer_of(lock: Path) -> ProcessIdentity | None:
    """Who wrote its id into a lock file last, if it still lives. The lock is not tried: whoever takes it in this instant must get it."""
    try:
        found = re.search(rb"\d+", lock.read_bytes())
        return None if found is None else who_said(int(found[0]), round(lock.stat().st_mtime * 1000))
    except OSError:
        return None
