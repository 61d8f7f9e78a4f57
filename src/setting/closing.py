"""When windows are closed: how far the event times of a source have come, told by the records of each batch.

Closing decides when folds over windows (candles into indicators) take a window. It never decides what counts: a record that comes after
its window was closed still corrects it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from src.schema.tables import TableSchema


@dataclass(frozen=True)
class Newest:
    """What a batch held of one market: its newest event and its newest reception, ms since 1970 UTC."""

    source: str
    market: str
    event_time: int
    received_time: int


def newest_in(tables: Mapping[TableSchema, pa.Table]) -> list[Newest]:
    """What a batch's rows of `input_quality` say of the markets; what could be used of none is left out."""
    return [
        Newest(row["source"], row["market"], row["newest_event_time"], row["newest_received_time"])
        for table, rows in tables.items()
        if table.name == "input_quality"
        for row in rows.to_pylist()
        if row["newest_event_time"] is not None
    ]


class Frontier:
    """The time of each source up to which windows are closed.

    A window is closed when the newest events of all markets that are not stale have passed its end plus the allowance. A market is stale while
    its newest event is older than the allowed age, against the newest of all markets of the source, so a silent one holds nothing up. And it
    is closed by the clock, which is the newest reception, when that has passed its end by the allowance and the age: then a market whose event
    times stand still is stale as well. Sources have each a time of their own: a replay must not close the windows of live records.
    """

    def __init__(self, allowance_ms: int, stale_ms: int) -> None:
        """allowance_ms: how long after its event a record may come; stale_ms: the age at which a market stops to be waited for."""
        self._allowance = allowance_ms
        self._stale = stale_ms
        self._events: dict[str, dict[str, int]] = defaultdict(dict)
        self._clock: dict[str, int] = {}
        self._closed: dict[str, int] = {}
        self._newest: Mapping[str, int] = {}

    @property
    def closed_until(self) -> Mapping[str, int]:
        """By source the time, ms since 1970 UTC, at or before which the closed windows end. It never goes back; a source without records has none."""
        return dict(self._closed)

    @property
    def newest(self) -> Mapping[str, int]:
        """By source the newest event of all that was taken, ms since 1970 UTC."""
        return self._newest

    def advance(self, batch: Iterable[Newest]) -> Mapping[str, int]:
        """Take what a batch held, records that cannot be used left out, and return `closed_until`."""
        for newest in batch:
            events = self._events[newest.source]
            events[newest.market] = max(newest.event_time, events.get(newest.market, newest.event_time))
            self._clock[newest.source] = max(newest.received_time, self._clock.get(newest.source, newest.received_time))
        for source, events in self._events.items():
            latest = max(events.values())
            by_events = min(time for time in events.values() if time >= latest - self._stale) - self._allowance
            by_clock = self._clock[source] - self._stale - self._allowance
            self._closed[source] = max(by_events, by_clock, self._closed.get(source, by_events))
        # Another thread may read it.
        self._newest = {source: max(events.values()) for source, events in self._events.items()}
        return self.closed_until
