"""Keeping to a rate: turns within a venue's limit, pauses that grow, what is not repeated too soon, and what is not done too often."""

from __future__ import annotations

import asyncio
import random
from collections import deque

from src.collect.exchange import RateLimit

_MARGIN = 1.05
"""What leaves here evenly may arrive there closer together."""
_FORGOTTEN_SECONDS = 60.0


class Pacer:
    """Gives turns within a limit, first come, first served."""

    def __init__(self, limit: RateLimit) -> None:
        self._seconds = limit.seconds * _MARGIN
        self._times: deque[float] = deque(maxlen=limit.count)
        self._not_before = float("-inf")
        self._line = asyncio.Lock()

    async def turn(self) -> None:
        """Return when the next one may be done; it counts from now."""
        loop = asyncio.get_running_loop()
        async with self._line:
            while (wait := self._next_time() - loop.time()) > 0:  # noqa: ASYNC110  a time sets no event
                await asyncio.sleep(wait)
            self._times.append(loop.time())

    def hold(self, seconds: float) -> None:
        """Give no turn for so long: the venue asked for a pause."""
        self._not_before = max(self._not_before, asyncio.get_running_loop().time() + seconds)

    def _next_time(self) -> float:
        full = len(self._times) == self._times.maxlen
        return max(self._not_before, self._times[0] + self._seconds) if full else self._not_before


class Budget:
    """Lets so much be done within any stretch of the limit's seconds."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._spent: deque[tuple[float, int]] = deque()

    def spend(self, count: int, now: float) -> bool:
        """Whether `count` more may be done now, which then counts as done. `now` is in seconds of any clock that only goes forward."""
        while self._spent and self._spent[0][0] <= now - self._limit.seconds:
            self._spent.popleft()
        if sum(spent for _, spent in self._spent) + count > self._limit.count:
            return False
        self._spent.append((now, count))
        return True


class Repeats:
    """Lets the same thing through at most once in `shortest` seconds, then in twice that and so on while it goes on being asked for."""

    def __init__(self, shortest: float, longest: float) -> None:
        self._shortest = shortest
        self._longest = longest
        self._allowed: dict[tuple[str, str], tuple[float, float]] = {}

    def may(self, key: tuple[str, str], now: float) -> bool:
        """Whether it may be done now, which then counts as done. `now` is in seconds of any clock that only goes forward."""
        next_time, wait = self._allowed.get(key, (float("-inf"), 0.0))
        if now < next_time:
            return False
        wait = self._shortest if now - next_time > _FORGOTTEN_SECONDS else min(self._longest, wait * 2)
        self._allowed[key] = (now + wait, wait)
        return True


def growing_pause(failures: int, shortest: float = 0.5, longest: float = 30.0) -> float:
    """Seconds to wait after so many failures in a row (from 1): twice as long each time, and by chance up to half more or less.

    The chance keeps many clients from coming back at the same moment.
    """
    return min(longest, shortest * 2.0 ** min(failures - 1, 20)) * random.uniform(0.5, 1.5)  # noqa: S311  nothing secret
