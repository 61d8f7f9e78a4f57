"""How new what a job has written is: the newest event that it has read, by its own count of the input."""

from __future__ import annotations

from src.dashboard.question import Question
from src.dashboard.reading import Newest, Reading

_SPAN_MS = 600_000


def newest_event(reading: Reading, newest: Newest, channel: str) -> int:
    """Event time of the newest record of a job's channel, ms since 1970 UTC; the newest window's beginning where the job does not say.

    newest: the newest row of one of the job's tables, whose source is asked for.
    """
    since = newest.time - _SPAN_MS
    question = Question("input_quality", ("newest_event_time",), (("source", newest.source), ("channel", channel)), since)
    return max([row["newest_event_time"] for row in reading.rows(question) if row["newest_event_time"] is not None], default=newest.time)
