"""Whether there is something to read: the database, what jobs have written last, and what reading has cost."""

from __future__ import annotations

from typing import Any

from src.collect.exchange import Channel
from src.dashboard.api.answers import Api
from src.dashboard.freshness import FRESH_MS, newest_event
from src.dashboard.question import Question
from src.dashboard.reading import Newest

APPLICATION = "coinspark"


def health_answer(api: Api, feeds: int) -> dict[str, Any]:
    """An answer as `HealthModel` describes it. Raises DatabaseAway."""
    reading = api.reading
    jobs = [_job(api, channel) for channel in Channel]
    costs = reading.costs
    return {
        "application": APPLICATION,
        "now": reading.now,
        "database": reading.store.shown,
        "refresh_seconds": reading.seconds,
        "jobs": jobs,
        "queries": costs.queries,
        "rows": costs.rows,
        "query_seconds": costs.seconds,
        "connections": api.clients.connections,
        "feeds": feeds,
        "cut_off": api.clients.cut_off,
    }


def _job(api: Api, channel: Channel) -> dict[str, Any]:
    newest = api.reading.rows(Question("input_quality", ("source", "window_start"), (("channel", channel.value),), limit=1))
    if not newest:
        return {"job": channel.value, "source": None, "newest_event_time": None, "age_ms": None, "is_stale": None}
    source, start = newest[0]["source"], newest[0]["window_start"]
    time = newest_event(api.reading, Newest(source, start), channel.value)
    age = api.reading.now - time
    return {"job": channel.value, "source": source, "newest_event_time": time, "age_ms": age, "is_stale": age > FRESH_MS}
