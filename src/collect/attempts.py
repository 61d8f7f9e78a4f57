"""Which address is tried next, and after what pause."""

from __future__ import annotations

from collections.abc import Sequence

from src.collect.opening import REGION_REFUSALS
from src.collect.pace import growing_pause

_LONGEST_REFUSED_PAUSE = 300.0


class Attempts:
    """The addresses of a subscription: the first, then its mirrors in turn. One that gave data is kept to.

    Pauses grow with the failures in a row, until market data comes: a socket that opens and gives nothing is a failure too.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self.pause = 0.0
        """Seconds to wait before the next attempt."""
        self._urls = urls
        self._place = 0
        self._failures = 0
        self._refusals = 0
        self._has_data = False

    @property
    def url(self) -> str:
        """The address to try next."""
        return self._urls[self._place % len(self._urls)]

    def opened(self) -> None:
        """A socket opened."""
        self.pause, self._refusals, self._has_data = 0.0, 0, False

    def saw_data(self) -> None:
        """Market data came."""
        self._failures, self._has_data = 0, True

    def failed(self, status: int | None) -> None:
        """No socket opened; `status` is that of the exchange's HTTP answer, where it answered."""
        self._failures += 1
        self._place += 1
        self._refusals = self._refusals + 1 if status in REGION_REFUSALS else 0
        if not self._refusals:
            self.pause = growing_pause(self._failures)
        elif self._refusals < len(self._urls):
            self.pause = 0.0  # the mirror may serve this country
        else:
            self.pause = growing_pause(self._failures, longest=_LONGEST_REFUSED_PAUSE)

    def lost(self) -> None:
        """An open socket was lost."""
        self._failures += 1
        self._place += 0 if self._has_data else 1
        self.pause = growing_pause(self._failures)
