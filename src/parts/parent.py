"""A command that another process of ours has started ends with it, however that one ends."""

from __future__ import annotations

import os
import signal
import threading
import time

VARIABLE = "_COIN_SPARK_PARENT"
"""The id of the process to live with. It is for the command itself, and taken away before it starts others."""
_EVERY_SECONDS = 0.5


def follow_parent() -> None:
    """Where the environment names a parent: stop in order, as by SIGTERM, once that is gone."""
    given = os.environ.pop(VARIABLE, "")
    if given.isdecimal():
        threading.Thread(target=_watch, args=(int(given),), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    # The end of a parent sets no event; who is left behind gets another one.
    while os.getppid() == parent:
        time.sleep(_EVERY_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
