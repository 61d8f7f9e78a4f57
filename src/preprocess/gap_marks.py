"""A mark of missing trades, cut at the minutes, so that every window of a minute or more that it touches holds a part of it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from src.schema.records import Trade

MINUTE_MS = 60_000
LONGEST = 100_000
"""Minutes of a gap that are marked at most, the newest ones: 69 days, longer than any window is kept open."""


def spread_gap_mark(trade: Trade) -> Iterator[Trade]:
    """The parts of a gap mark, made one by one, oldest first, each within one minute since 1970 UTC; of a trade the trade itself.

    A mark says that trades from `gap_since` to `event_time` (ms, both included) may be missing. Each part says the same of its minute, with
    `event_time` in that minute, and all parts together say what the mark said. A part is spread into itself. Of a gap longer than `LONGEST`
    minutes the oldest minutes are left out.
    """
    if trade.gap_since is None:
        yield trade
        return
    since, until = sorted((trade.gap_since, trade.event_time))
    last = until // MINUTE_MS
    first = max(since // MINUTE_MS, last - LONGEST + 1)
    for minute in range(first, last + 1):
        yield msgspec.structs.replace(trade, gap_since=max(since, minute * MINUTE_MS), event_time=min(until, (minute + 1) * MINUTE_MS - 1))
