"""How new what a job has written is: the newest event that it has read, by its own count of the input."""

from __future__ import annotations

from src.config.settings import Settings
from src.dashboard.question import Question
from src.dashboard.reading import Newest, Reading

FRESH_MS = 90_000
"""Older than this is not called now."""
_SPAN_MS = 600_000
_MINUTE = 60_000


def newest_event(reading: Reading, newest: Newest, channel: str) -> int:
    """Event time of the newest record of a job's channel, ms since 1970 UTC; the newest window's beginning where the job does not say.

    newest: the newest row of one of the job's tables, whose source is asked for.
    """
    return max(_by_market(reading, newest, channel).values(), default=newest.time)


def newest_event_at(reading: Reading, newest: Newest, channel: str, market: str, shown_until: int) -> int:
    """The same of one market: others that go on make nothing of it newer.

    shown_until: where what is shown of it ends, ms since 1970 UTC. Of a market that has sent nothing for ten minutes that tells since when, where
    it is longer ago.
    """
    known = _by_market(reading, newest, channel)
    if known and market not in known:
        return min(shown_until, newest.time - _SPAN_MS)
    return known.get(market, newest.time)


def prices_since(newest_time: int, settings: Settings) -> int:
    """Where a last price can begin to be fresh, ms since 1970 UTC: in windows that began earlier it is older than COINSPARK_TICKER_MAX_AGE_SECONDS.

    newest_time: the beginning of the newest window. The newest window of a price begins in the minute of its last record, as one begins every
    minute.
    """
    return newest_time - _MINUTE - round(settings.ticker_max_age_seconds * 1000)


def _by_market(reading: Reading, newest: Newest, channel: str) -> dict[str, int]:
    """The newest event of each market that has sent something in the last ten minutes."""
    where = (("source", newest.source), ("channel", channel))
    found: dict[str, int] = {}
    for row in reading.rows(Question("input_quality", ("market", "newest_event_time"), where, newest.time - _SPAN_MS)):
        if row["newest_event_time"] is not None:
            found[row["market"]] = max(row["newest_event_time"], found.get(row["market"], 0))
    return found
