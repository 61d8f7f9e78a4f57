"""How fast each market's frames and records come now, of counts that only grow: what a status says besides the counts."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from src.collect.status import MarketStatus

SPAN_SECONDS = 10.0
"""The stretch that a pace is of: long enough to be steady, short enough to be of now."""


class _Counts(NamedTuple):
    frames: int
    records: int
    delay_ms: int
    records_seen: int


class MarketPaces:
    """Fills in the paces of markets, asked about once a second. It reads no clock."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, dict[str, _Counts]]] = deque()

    def look(self, markets: Mapping[str, MarketStatus], seconds: float, now: int) -> None:
        """Compare the counts with those of about ten seconds ago, and note where a frame has come since the last look.

        seconds: of a clock that never steps back. now: ms since 1970 UTC.
        """
        counts = {name: _Counts(market.frames, market.records, market.delay_ms, market.records_seen) for name, market in markets.items()}
        before = self._looks[-1][1] if self._looks else {}
        self._looks.append((seconds, counts))
        # The oldest look that is kept is at least as old as the span.
        while len(self._looks) > 1 and seconds - self._looks[1][0] >= SPAN_SECONDS:
            self._looks.popleft()
        since, first = self._looks[0]
        for name, market in markets.items():
            if market.frames != (before[name].frames if name in before else 0):
                market.last_frame_time = now
            if name in first and seconds > since:
                _fill(market, first[name], seconds - since)


def _fill(market: MarketStatus, first: _Counts, seconds: float) -> None:
    seen = market.records_seen - first.records_seen
    market.frames_per_second = round((market.frames - first.frames) / seconds, 2)
    market.records_per_second = round((market.records - first.records) / seconds, 2)
    market.recent_delay_ms = round((market.delay_ms - first.delay_ms) / seen, 1) if seen else None
