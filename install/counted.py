"""Parts of a step counted as they are done: which of how many, how fast, how long it takes still."""

from __future__ import annotations

import time
from collections.abc import Callable


class Counted:
    """`unit` is what is counted: jars, packages. Say how many there are (`expect`), then each that is done."""

    def __init__(self, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit = unit
        self._clock = clock
        self._total = 0
        self._done = 0
        self._began = clock()

    def expect(self, count: int) -> None:
        """So many more are to be done."""
        self._total += count
        self._began = self._clock()

    def done(self, name: str) -> str:
        """One is done: `12 of 50 jars, 3.4/s, 11 s left: kafka-clients-4.1.2`, as far as it is known."""
        self._done += 1
        seconds = self._clock() - self._began
        parts = [f"{self._done} of {self._total} {self._unit}" if self._done <= self._total else f"{self._done} {self._unit}"]
        # The first ones tell little of the others.
        if self._done > 1 and seconds > 0:
            rate = self._done / seconds
            parts.append(f"{rate:.1f}/s")
            if self._done < self._total:
                parts.append(f"{(self._total - self._done) / rate:.0f} s left")
        return f"{', '.join(parts)}: {name}"
