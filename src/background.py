"""A thread that works for the length of a block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def in_background(name: str, work: Callable[[threading.Event], None], join_seconds: float) -> Iterator[None]:
    """Run `work` in a daemon thread; the event that it is given is set at the end of the block, which waits that long for the thread.

    What `work` raises is lost: it says itself what went wrong.
    """
    done = threading.Event()
    thread = threading.Thread(target=work, args=(done,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(join_seconds)
