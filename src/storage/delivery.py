"""How long a sink may fail: the same batch is written again with back-off, then the job stops in a state that it can go on from."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from itertools import count

from src.errors import TerminalError, TransientError
from src.storage.sink import Batch, Sink

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0


class GaveUp(TerminalError):
    """A sink still failed when its time was over; a stop that was asked for is a plain TerminalError."""


def deliver(sink: Sink, write: Callable[[Batch], None], batch: Batch, seconds: float, stopping: threading.Event, tell: Callable[[str], None]) -> None:
    """Call `write` until it stored the batch. `tell` hears of each failure, and an empty text once it has passed.

    Raises GaveUp when the sink still fails after `seconds`, TerminalError when `stopping` is set meanwhile; other errors of `write` pass through.
    """
    deadline = time.monotonic() + seconds
    for attempt in count(1):
        try:
            write(batch)
        except TransientError as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise GaveUp(
                    f"{sink.name} did not take batch {batch.batch_id} for {seconds:g} s: {error}. Nothing is lost: mend it and start the same "
                    "command again, it goes on at this batch"
                ) from error
            tell(f"{sink.name}: {error}; trying again (attempt {attempt + 1})")
            if stopping.wait(min(left, _pause(attempt))):
                raise TerminalError(
                    f"stopped while {sink.name} did not take batch {batch.batch_id}: {error}. The next start goes on at this batch"
                ) from error
        else:
            if attempt > 1:
                tell("")
            return


def _pause(attempt: int) -> float:
    """Seconds before the next attempt: twice as long each time, and never the same for two jobs that wait for one server."""
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311  (no secret)
