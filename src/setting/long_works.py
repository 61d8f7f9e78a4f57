"""The long works of a job, as its views show them: a replay, records that Kafka held before the start, old rows that are deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from src.long_work.advance import Advance
from src.setting.progress import Progress

_MANY_RECORDS = 5_000
"""So many unread records at the start are a work of their own; fewer are what came while Spark was starting."""
_CAUGHT_UP = 1_000
"""With fewer unread records a job reads what comes, not what is stored."""


class LongWorks:
    """Made of each look at a job in turn, as a look alone does not tell how much there was in the beginning."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._works: dict[str, Advance] = {}
        self._has_caught_up = False
        self._deleted_before = 0

    def look(self, progress: Progress) -> Mapping[str, Advance]:
        """The works that go on now, by what they are called."""
        self._replay(progress)
        self._stored(progress)
        self._old_rows(progress)
        return self._works

    def _replay(self, progress: Progress) -> None:
        left = None if progress.collector is None else progress.collector.left
        work = self._works.get("replay")
        total = max(left or 0, int(work.total or 0) if work else 0)
        self._reach("replay", "frames", left, total)

    def _stored(self, progress: Progress) -> None:
        lag = progress.lag_records
        if lag is None or self._has_caught_up:
            return
        work = self._works.get("stored records")
        total = lag + progress.records if work is None else int(work.total or 0)
        self._has_caught_up = lag < _CAUGHT_UP or total < _MANY_RECORDS
        # What comes meanwhile is behind what was there.
        self._reach("stored records", "records", None if self._has_caught_up else min(lag, total), total)

    def _old_rows(self, progress: Progress) -> None:
        left = progress.old_rows_left
        if not left:
            # What goes on next counts from here.
            self._deleted_before = progress.old_rows_deleted
        self._reach("old rows", "rows", left, progress.old_rows_deleted - self._deleted_before + (left or 0))

    def _reach(self, name: str, unit: str, left: int | None, total: int) -> None:
        if not left:
            self._works.pop(name, None)
        else:
            self._works.setdefault(name, Advance(unit)).reach(total - left, self._clock(), total)
