"""How far a work is, how fast it goes and how long it takes still: figures alone, nothing is shown here."""

from __future__ import annotations

from collections import deque

_LOOKED_BACK_SECONDS = 30.0
"""The rate is that of so long: a work that has become slow is said to be slow soon."""
_APART_SECONDS = 0.25
"""Moments nearer to each other are taken as one."""
_MINUTE, _HOUR = 60, 3600


class Advance:
    """What is done of a work, of how much, and since when. `unit` is what is counted: rows, frames, MB.

    total: None where nobody knows it. Moments are seconds of whatever clock the caller looks at, the same one each time.
    """

    def __init__(self, unit: str, total: float | None = None) -> None:
        self.unit = unit
        self.total = total
        self.done = 0.0
        self._seen: deque[tuple[float, float]] = deque()

    def reach(self, done: float, moment: float, total: float | None = None) -> None:
        """So much is done at this moment; the total where it is known only now, or has grown."""
        self.done = done
        self.total = self.total if total is None else total
        if len(self._seen) > 1 and moment - self._seen[-2][0] < _APART_SECONDS:
            self._seen.pop()
        self._seen.append((moment, done))
        while len(self._seen) > 2 and moment - self._seen[1][0] >= _LOOKED_BACK_SECONDS:  # noqa: PLR2004  (a rate is between two)
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Units a second of late; None before there is a time to measure it over."""
        if not self._seen or (seconds := self._seen[-1][0] - self._seen[0][0]) <= 0:
            return None
        return (self._seen[-1][1] - self._seen[0][1]) / seconds

    @property
    def left(self) -> float | None:
        """Units that are to be done still; None without a total."""
        return None if self.total is None else max(0.0, self.total - self.done)

    @property
    def seconds_left(self) -> float | None:
        """At the rate of late; None without a total, and while nothing moves."""
        rate, left = self.rate, self.left
        return left / rate if left is not None and rate is not None and rate > 0 else None

    def text(self) -> str:
        """`1,200 of 5,000 frames, 120 frames/s, 32 s left`, as far as it is known."""
        amount = _number(self.done) if self.total is None else f"{_number(self.done)} of {_number(self.total)}"
        parts = [f"{amount} {self.unit}"]
        # Of a work that lasts a given time the seconds are what is counted.
        if self.rate is not None and self.unit != "s":
            parts.append(f"{_number(self.rate)} {self.unit}/s")
        if self.seconds_left is not None:
            parts.append(f"{_duration(self.seconds_left)} left")
        return ", ".join(parts)

    def fields(self) -> dict[str, float | str]:
        """The same for a line of the log; what is not known is left out."""
        known = {"done": self.done, "total": self.total, "rate": self.rate, "left": self.left, "seconds_left": self.seconds_left}
        return {"unit": self.unit, **{name: round(value, 1) for name, value in known.items() if value is not None}}


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"  # noqa: PLR2004  (more digits tell nobody more)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}:{whole % _MINUTE:02d} min"
    return f"{whole // _HOUR}:{whole % _HOUR // _MINUTE:02d} h"
