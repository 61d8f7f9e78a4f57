"""Asking Kafka again while a broker that is gone is being replaced: that takes a cluster some seconds."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from src.errors import TransientError

PATIENCE_SECONDS = 20
_PAUSE_SECONDS = 0.5
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def patient(ask: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """A question, which changes nothing, that is asked again for `PATIENCE_SECONDS` when Kafka's error is one that passes; then it is raised.

    An error says so itself: it, or what a TransientError was made of, has `retriable`, as kafka-python's errors have.
    """

    @functools.wraps(ask)
    def asked(*args: Arguments.args, **named: Arguments.kwargs) -> Answer:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return ask(*args, **named)
            except Exception as error:
                if not _passes(error) or time.monotonic() > deadline:
                    raise
            time.sleep(_PAUSE_SECONDS)

    return asked


def _passes(error: Exception) -> bool:
    cause = error.__cause__ if isinstance(error, TransientError) else error
    return bool(getattr(cause, "retriable", False))
