"""One sink of a job with all that stands between it and a batch: retries, and the batches that wait for it on disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from src.errors import TerminalError, TransientError, UnreachableError
from src.storage.delivery import GaveUp, deliver
from src.storage.parked import ParkedBatches
from src.storage.sink import Batch, Sink

PROBE_SECONDS = 5.0
"""How often a sink that batches wait for is tried: each batch that comes would make the other sinks wait for it."""


@dataclass(frozen=True)
class Rules:
    """What holds of all outlets of a job."""

    retry_seconds: float
    """How long a failing sink is retried with one batch."""
    parks: bool
    """Whether a batch that a sink does not take is then parked; else the job stops."""
    stopping: threading.Event
    tell: Callable[[str], None]
    """Hears of each failure, and an empty text once it has passed."""


@dataclass(frozen=True)
class Unopened:
    """A sink that was away when the job began."""

    open: Callable[[], None]
    """As `Sink.open`, with the job's tables."""
    why: str


class Outlet:
    """Delivers each batch once and in order, also one that the query makes again after a fault; what is parked goes first.

    `write` is what takes a batch: the sink's own method, or what a job has put in front of it. `parked` is None for a sink that keeps
    nothing anyway. `unopened` is there for a sink that was away when the job began: it is opened before the first batch that it takes.
    Two threads may deliver and retry at once: one of them waits.
    """

    def __init__(
        self, sink: Sink, write: Callable[[Batch], None], rules: Rules, parked: ParkedBatches | None = None, unopened: Unopened | None = None
    ) -> None:
        self.sink = sink
        self._write = write
        self._rules = rules
        self._parked = parked
        self._taken: dict[tuple[str, str], int] = {}
        self._unopened = unopened
        self._writing = threading.Lock()
        # One that was away at the start was tried just now.
        self._next_probe = 0.0 if unopened is None else time.monotonic() + PROBE_SECONDS
        self._why = "not tried yet" if unopened is None else unopened.why
        # Those of an earlier run have been parked already when the query makes the last of them again.
        self._waiting = 0
        if parked is not None:
            for path in parked.waiting():
                self._took(parked.head(path))
                self._waiting += 1

    @property
    def waiting(self) -> int:
        """How many batches are parked."""
        return self._waiting

    def deliver(self, batch: Batch) -> None:
        """Store the batch, or park it. Raises TerminalError when neither could be done, and what `write` raises that does not pass."""
        with self._writing:
            if self._has(batch):
                return
            try:
                if self._unpark():
                    deliver(self.sink, self._write, batch, self._rules.retry_seconds, self._rules.stopping, self._rules.tell)
                else:
                    self._park(batch)
            except GaveUp as error:
                if not self._rules.parks or self._parked is None:
                    raise
                self._missed(error.__cause__ or error)
                self._park(batch)
            self._took(batch)

    def retry(self) -> None:
        """Try again to write what is parked, where it is time to. Raises what `write` and the sink's `open` raise that does not pass."""
        while self.waiting and self._rules.parks and not self._rules.stopping.is_set():
            # A batch that comes meanwhile waits for one of those that are parked, not for all of them, and is then written behind them.
            with self._writing:
                if not self._unpark(most=1):
                    return

    def _unpark(self, most: int | None = None) -> bool:
        """Open the sink where that is still to be done, and write what waits, the oldest first; whether the sink took it all, or `most` of it."""
        if self._parked is None or not (self._waiting or self._unopened):
            return True
        if self._rules.parks and time.monotonic() < self._next_probe:
            return False
        try:
            self._open()
        except TransientError as error:
            self._missed(error)
            return False
        for path in self._parked.waiting()[:most]:
            if self._rules.stopping.is_set():
                return self._stopped()
            batch = self._parked.read(path)
            try:
                if self._rules.parks:
                    self._write(batch)
                else:
                    deliver(self.sink, self._write, batch, self._rules.retry_seconds, self._rules.stopping, self._rules.tell)
            except TransientError as error:
                self._missed(error)
                return False
            self._parked.done(path)
            self._waiting -= 1
        if not self._waiting:
            self._rules.tell("")
        return True

    def _open(self) -> None:
        if self._unopened is not None:
            try:
                self._unopened.open()
            except UnreachableError as error:
                raise TransientError(str(error)) from None
            self._unopened = None

    def _stopped(self) -> bool:
        if self._rules.parks:
            return False
        raise TerminalError(f"stopped while {self._waiting} parked batches waited for {self.sink.name}. The next start goes on with them")

    def _park(self, batch: Batch) -> None:
        if self._parked is not None:
            self._parked.park(batch)
            self._waiting += 1
            self._rules.tell(
                f"{self.sink.name}: {self._why}; {self._waiting} batches wait in {self._parked.folder}, and are written in order once it takes them"
            )

    def _missed(self, error: BaseException) -> None:
        self._why = str(error)
        self._next_probe = time.monotonic() + PROBE_SECONDS

    def _has(self, batch: Batch) -> bool:
        return bool(batch.checkpoint) and batch.batch_id <= self._taken.get((batch.query, batch.checkpoint), -1)

    def _took(self, batch: Batch) -> None:
        if batch.checkpoint:
            self._taken[batch.query, batch.checkpoint] = batch.batch_id
