"""Is an event from the future, or is our clock slow? Decided by comparing the exchanges with each other."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from datetime import UTC, datetime
from statistics import median

from src.errors import BadInput

EARLIEST_MS = int(datetime(2009, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""Bitcoin's first block is of January 2009: no exchange's event is older."""
LATEST_MS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)
"""No event or reception is at this time or after it: what says so has a broken clock or another unit."""
_RECENT_FRAMES = 101
_FEWEST_MARKETS = 2


class _RunningMedian:
    """Median of the last frames' leads."""

    def __init__(self) -> None:
        self._arrived: deque[int] = deque()
        self._sorted: list[int] = []

    def add(self, lead: int) -> None:
        self._arrived.append(lead)
        insort(self._sorted, lead)
        if len(self._arrived) > _RECENT_FRAMES:
            del self._sorted[bisect_left(self._sorted, self._arrived.popleft())]

    @property
    def value(self) -> int:
        return self._sorted[len(self._sorted) // 2]


class ClockGuard:
    """Keeps events from the future out, without losing everything when it is our own clock that is wrong.

    The lead of a frame is its event time minus its received time. When the median of the markets' median leads is more than
    `ahead_seconds` from zero and at least half of two or more markets are near it, that lead is our clock's offset, and
    received times are corrected by it. Pure: a function of the frames observed.
    """

    def __init__(self, ahead_seconds: float) -> None:
        self._ahead = ahead_seconds * 1000
        self._leads: dict[str, _RunningMedian] = {}
        self._offset = 0

    def observe(self, market: str, event_time: int, received_time: int) -> str | None:
        """Take a frame into account; both times in ms. Returns a line for the user when the offset in force changes."""
        if not EARLIEST_MS <= event_time < LATEST_MS:
            return None
        lead = self._leads.get(market)
        if lead is None:
            lead = self._leads[market] = _RunningMedian()
            before = None
        else:
            before = lead.value
        lead.add(event_time - received_time)
        if lead.value == before:
            return None  # as before, so is everything that is made of it
        measured = self._measured_offset()
        # Leaving needs less than half of what entering needs, else noise around the limit would switch to and fro.
        if self._offset and abs(measured - self._offset) <= self._ahead / 2:
            return None
        fresh = measured if abs(measured) > self._ahead else 0
        if fresh == self._offset:
            return None
        self._offset = fresh
        return self._line()

    def corrected(self, received_time: int) -> int:
        """The received time, ms, as a right clock would have said it."""
        return received_time + self._offset

    def check(self, event_time: int, received_time: int) -> None:
        """Raise `BadInput` for an event time that cannot be; `received_time` is the corrected one. Both ms."""
        if not EARLIEST_MS <= event_time < LATEST_MS:
            raise BadInput(f"event time {event_time} ms is outside 2009..2100")
        ahead = event_time - received_time
        if ahead > self._ahead:
            raise BadInput(f"event {ahead / 1000:.0f} s ahead of its reception")

    def _measured_offset(self) -> int:
        medians = [lead.value for lead in self._leads.values()]
        offset = median(medians)
        agreeing = sum(abs(lead - offset) <= self._ahead for lead in medians)
        return round(offset) if len(medians) >= _FEWEST_MARKETS and 2 * agreeing >= len(medians) else 0

    def _line(self) -> str:
        if not self._offset:
            return "this machine's clock agrees with the exchanges' again: received times are taken as they are"
        side = "behind" if self._offset > 0 else "ahead of"
        return (
            f"this machine's clock is {abs(self._offset) / 1000:.1f} s {side} the exchanges' clocks: received times are corrected by that; "
            "set the clock (NTP) to make this line go away"
        )
