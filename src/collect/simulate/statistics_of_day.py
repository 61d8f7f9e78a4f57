"""What a venue says of the day besides the price: rolling over 24 hours, or since the venue's midnight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

_PART = 600_000  # ms: the rolling day moves on by ten minutes
_PARTS = 144
_DAY = _PART * _PARTS


@dataclass(slots=True)
class _Part:
    start: float
    open: float
    high: float
    low: float
    volume: float = 0.0
    quote_volume: float = 0.0

    def trade(self, price: float, volume: float) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.volume += volume
        self.quote_volume += volume * price


class RollingDay:
    """The last 24 hours in parts of ten minutes, so its memory has a bound. It begins with a day that could have been."""

    def __init__(self, random: Random, time: float, price: float, daily_volume: float, *, calm: bool = False) -> None:
        """`calm` is for a pair of currencies, which moves less than a coin."""
        step = 0.0001 if calm else 0.0015
        past: deque[_Part] = deque()
        for age in range(1, _PARTS + 1):
            volume = daily_volume / _PARTS * random.uniform(0.6, 1.4)
            past.appendleft(_Part(time - age * _PART, price, price * (1 + step), price / (1 + step), volume, volume * price))
            price *= 1 + random.gauss(0, step)
        self._past = past
        self._now = _Part(time, past[-1].open, past[-1].open, past[-1].open)
        self._sum_up()

    def trade(self, time: float, price: float, volume: float) -> None:
        """Add what was traded at `time` (ms); times never go back."""
        while time >= self._now.start + _PART:
            self._past.append(self._now)
            self._past.popleft()
            self._now = _Part(self._now.start + _PART, price, price, price)
            self._sum_up()
        self._now.trade(price, volume)

    def _sum_up(self) -> None:
        self._volume = sum(part.volume for part in self._past)
        self._quote_volume = sum(part.quote_volume for part in self._past)
        self._high = max(part.high for part in self._past)
        self._low = min(part.low for part in self._past)

    @property
    def open(self) -> float:
        """The price when the 24 hours began."""
        return self._past[0].open

    @property
    def high(self) -> float:
        """The highest price."""
        return max(self._high, self._now.high)

    @property
    def low(self) -> float:
        """The lowest price."""
        return min(self._low, self._now.low)

    @property
    def volume(self) -> float:
        """Base coin traded."""
        return self._volume + self._now.volume

    @property
    def quote_volume(self) -> float:
        """Quote currency traded."""
        return self._quote_volume + self._now.quote_volume


class DaySinceMidnight:
    """The day so far, for venues that count from midnight; it begins anew when midnight has passed."""

    def __init__(self, midnight: Callable[[int], int], time: float, price: float, daily_volume: float) -> None:
        """`midnight` gives the start of the day that a time falls into, both ms since 1970 UTC."""
        self._midnight = midnight
        self.since = midnight(int(time))
        self.prev_close = price
        self._last = price
        self._part = _Part(self.since, price, price, price, daily_volume * (time - self.since) / _DAY)

    def trade(self, time: float, price: float, volume: float) -> None:
        """Add what was traded at `time` (ms); times never go back."""
        since = self._midnight(int(time))
        if since != self.since:
            self.since = since
            self.prev_close = self._last
            self._part = _Part(since, price, price, price)
        self._last = price
        self._part.trade(price, volume)

    @property
    def open(self) -> float:
        """The first price of the day."""
        return self._part.open

    @property
    def high(self) -> float:
        """The highest price of the day."""
        return self._part.high

    @property
    def low(self) -> float:
        """The lowest price of the day."""
        return self._part.low

    @property
    def volume(self) -> float:
        """Base coin traded since midnight."""
        return self._part.volume
