"""Random processes in time. Each is asked in time order and remembers only where it is."""

from __future__ import annotations

import math
from random import Random


class MeanRevertingWalk:
    """An Ornstein-Uhlenbeck process: a random walk that is pulled back to its mean, so it never runs away however long it goes on."""

    def __init__(self, random: Random, *, mean: float, deviation: float, return_seconds: float) -> None:
        """`deviation` is the standard deviation in the long run, `return_seconds` the time in which the pull removes all but 1/e."""
        self._random = random
        self._mean = mean
        self._deviation = deviation
        self._return_seconds = return_seconds
        self._value = random.gauss(mean, deviation)
        self._time: float | None = None

    def at(self, time: float) -> float:
        """The value at `time`, in ms; times never go back."""
        if self._time is not None and time > self._time:
            kept = math.exp((self._time - time) / 1000 / self._return_seconds)
            noise = self._random.gauss(0, self._deviation * math.sqrt(1 - kept * kept))
            self._value = self._mean + (self._value - self._mean) * kept + noise
        self._time = time
        return self._value


class Episodes:
    """Something that is on for a while now and then: a burst of activity, an outage."""

    def __init__(self, random: Random, *, start_time: float, every_seconds: float, shortest_seconds: float, longest_seconds: float) -> None:
        """`every_seconds` is the mean time between the end of one episode and the start of the next."""
        self._random = random
        self._every_seconds = every_seconds
        self._lasting = (shortest_seconds, longest_seconds)
        self.count = 0
        """Episodes begun so far."""
        self._begin = self._end = start_time
        self._plan()

    def active(self, time: float) -> bool:
        """Whether one is on at `time`, in ms; times never go back."""
        while time >= self._end:
            self.count += 1
            self._plan()
        return time >= self._begin

    def _plan(self) -> None:
        self._begin = self._end + self._random.expovariate(1 / self._every_seconds) * 1000
        self._end = self._begin + self._random.uniform(*self._lasting) * 1000
