"""How long a sink may fail: the same batch is written again with back-off, then the job stops in a state that it can go on from."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, stop_any, stop_when_event_set, wait_random_exponential
from tenacity.nap import sleep_using_event

from src.errors import TerminalError, TransientError
from src.storage.sink import Batch, Sink


def deliver(sink: Sink, write: Callable[[Batch], None], batch: Batch, seconds: float, stopping: threading.Event, tell: Callable[[str], None]) -> None:
    """Call `write` until it stored the batch. `tell` hears of a failure, and an empty text once it has passed.

    Raises TerminalError when the sink still fails after `seconds`, or when `stopping` is set meanwhile; other errors of `write` pass through.
    """

    def failed(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        tell(f"{sink.name}: {error}; trying again (attempt {state.attempt_number})")

    attempts = Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_any(stop_after_delay(seconds), stop_when_event_set(stopping)),
        wait=wait_random_exponential(multiplier=0.5, max=5),
        sleep=sleep_using_event(stopping),
        before_sleep=failed,
        reraise=True,
    )
    try:
        attempts(write, batch)
    except TransientError as error:
        raise TerminalError(
            f"{sink.name} did not take batch {batch.batch_id} for {seconds:g} s: {error}. Nothing is lost: mend it and start the same command "
            "again, it goes on at this batch"
        ) from error
    if attempts.statistics.get("attempt_number", 1) > 1:
        tell("")
