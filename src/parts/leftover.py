"""What an `up` that was killed has left running: stopped by the ids that it wrote down, in the order in which `up` itself stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from src.parts.identity import ProcessIdentity
from src.parts.plan import COLLECTOR, DASHBOARD
from src.parts.record import PartRecord, read_record, remove_record

_SECONDS = 60.0
_KILL_SECONDS = 10.0


def stop_leftovers(home: Path, say: Callable[[str], None]) -> list[str]:
    """Stop every part that the record names and that still lives; the names of those that were stopped. The record goes.

    Call it while no `up` runs.
    """
    record = read_record(home)
    if record is None:
        return []
    stopped = []
    for parts in _in_order(record.parts):
        living = [(part.name, part.process) for part in parts if part.process is not None and part.process.lives]
        for name, process in living:
            say(f"{name} (pid {process.pid}) was left by an `up` that was killed: it is stopped")
        end([process for _, process in living], _SECONDS)
        stopped += [name for name, _ in living]
    remove_record(home)
    return stopped


def end(processes: Sequence[ProcessIdentity], seconds: float) -> bool:
    """Ask processes to end, and end by force those that have not within so long; whether none had to be."""
    living = [process for identity in processes if (process := identity.process()) is not None]
    for process in living:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, slow = psutil.wait_procs(living, timeout=seconds)
    for process in slow:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(slow, timeout=_KILL_SECONDS)
    return not slow


def _in_order(parts: Sequence[PartRecord]) -> list[list[PartRecord]]:
    last = {COLLECTOR: 1, DASHBOARD: 2}
    return [[part for part in parts if last.get(part.name, 0) == place] for place in range(3)]
