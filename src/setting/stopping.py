"""SIGINT, SIGTERM and SIGHUP (the terminal was closed) ask a run to stop; what stops, and in which order, is the run's business."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], object] | int | None


@contextmanager
def signals_set(stopping: threading.Event) -> Iterator[None]:
    """The signals set `stopping` for the length of the block, in place of what they did before."""
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    listen(stopping)
    try:
        yield
    finally:
        for number, handler in before.items():
            _handle(number, handler)


def listen(stopping: threading.Event) -> None:
    """Let the signals set `stopping`, again when a library has put a handler of its own in place."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopping.set()

    for number in _NUMBERS:
        # A program started by nohup is to go on when its terminal is closed.
        if signal.getsignal(number) is not signal.SIG_IGN:
            _handle(number, stop)


def _handle(number: signal.Signals, handler: Handler) -> None:
    # Only the main thread may; a program that runs a job in another one stops it by setting the event.
    with suppress(ValueError):
        signal.signal(number, handler)
