"""One part as a child process: started, watched, started again a bounded number of times, stopped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from src.logs import last_event
from src.parts.identity import ProcessIdentity, identity_of
from src.parts.record import PartRecord

LOG_LIMIT_BYTES = 10 * 1024 * 1024
"""A log larger than this is put aside, as one that was put aside before is forgotten."""
_TAIL_BYTES = 16_384
_WRONG_USE = 2


@dataclass(frozen=True)
class Patience:
    """How often a part that ends is started again."""

    restarts: int = 8
    """In a row."""
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 30.0
    """Pauses double up to this."""
    proven_seconds: float = 20.0
    """A part that has once run for so long can work as asked: only then is it started again when it says that it cannot (exit status 2)."""
    healthy_seconds: float = 300.0
    """After so long the count of restarts begins anew."""

    def pause(self, restarts: int) -> float:
        """Seconds before the restart of that number, from 1."""
        return min(self.first_pause_seconds * 2.0 ** (restarts - 1), self.longest_pause_seconds)


class Child:
    """A part's process. `finished`: called when it ends by itself with exit status 0; a part that never should is started again then."""

    def __init__(
        self,
        name: str,
        words: tuple[str, ...],
        environment: Mapping[str, str],
        log: Path,
        patience: Patience,
        finished: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.state = "waiting"
        self.message = ""
        self._words = words
        self._environment = dict(environment)
        self._log = log
        self._patience = patience
        self._finished = finished
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: ProcessIdentity | None = None
        self._restarts = 0
        self._is_proven = False
        self._cause = ""
        self._began = self._next_start = 0.0
        self._log_start = 0

    @property
    def record(self) -> PartRecord:
        """How it stands."""
        return PartRecord(name=self.name, state=self.state, process=self._identity, restarts=self._restarts, message=self.message, log=str(self._log))

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process. What cannot be started now (no memory, a log that cannot be written) is tried again like what has ended."""
        self._put_log_aside()
        try:
            self._process = self._begun()
        except OSError as error:
            self._try_again(f"cannot be started: {error}")
            return
        self._identity = identity_of(self._process.pid)
        self.message = f"started again, for the {_ordinal(self._restarts)} time in a row: {self._cause}" if self._restarts else ""
        self._began = time.monotonic()
        self.state = "running"

    def watch(self) -> None:
        """Look after it; call it often."""
        if self.state == "restarting" and time.monotonic() >= self._next_start:
            self.start()
            return
        if self._process is None or self.state != "running":
            return
        status = self._process.poll()
        ran = time.monotonic() - self._began
        if status is None:
            self._is_proven = self._is_proven or ran > self._patience.proven_seconds
            if ran > self._patience.healthy_seconds:
                self._restarts, self.message = 0, ""
            self._put_log_aside()
            return
        self._process = self._identity = None
        if status == 0 and self._finished is not None:
            self.state, self.message = "finished", ""
            self._finished()
        else:
            self._ended(status)

    def ask_to_stop(self) -> None:
        """Ask it to end in order."""
        if self.runs and self._process is not None:
            self.state = "stopping"
            self._process.terminate()
        elif self.state in {"running", "restarting", "waiting"}:
            self.state = "stopped"

    def kill(self) -> None:
        """End it by force."""
        if self.runs and self._process is not None:
            self.message = "was killed, as it did not stop"
            self._process.kill()

    def is_gone(self) -> bool:
        """Whether a process that was asked to stop has ended."""
        if self.runs:
            return False
        if self.state == "stopping":
            self.state = "stopped"
        self._process = self._identity = None
        return True

    def _begun(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            # A session of its own: Ctrl-C in the terminal is for `up`, which stops its parts in order.
            return subprocess.Popen(
                self._words, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _ended(self, status: int) -> None:
        said = self._last_words()
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"
        self._try_again(f"{how}: {said}" if said else how, is_hopeless=status == _WRONG_USE and not self._is_proven)

    def _try_again(self, cause: str, *, is_hopeless: bool = False) -> None:
        self._cause = self.message = cause
        if is_hopeless or self._restarts >= self._patience.restarts:
            self.state = "failed"
            return
        self._restarts += 1
        pause = self._patience.pause(self._restarts)
        self.message += f"; it starts again in {pause:g} s"
        self.state, self._next_start = "restarting", time.monotonic() + pause

    def _last_words(self) -> str:
        """The last line that this run has said."""
        try:
            with self._log.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(min(self._log_start, end), end - _TAIL_BYTES))
                said = last_event(log.read().decode(errors="replace"))
        except OSError:
            return ""
        return said.removeprefix("coinspark: ").removeprefix("error: ")

    def _put_log_aside(self) -> None:
        """Keep the log from growing for ever: it is copied and cut, as the process goes on writing into it."""
        with suppress(OSError):
            if self._log.stat().st_size > LOG_LIMIT_BYTES:
                shutil.copyfile(self._log, self._log.with_suffix(".log.1"))
                os.truncate(self._log, 0)
                self._log_start = 0


def _ordinal(number: int) -> str:
    return {1: "1st", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")
