"""The end of a run's queries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from pyspark.sql.streaming.query import StreamingQuery

from src.monitoring.queries import Queries

_SECONDS = 2.0


def stop_queries(queries: Sequence[StreamingQuery], heard: Queries) -> None:
    """Stop them, and return when all that Spark tells of them has been heard, which it does a moment later."""
    stopped = []
    for query in queries:
        # Each for itself: one that goes on could not be started again. A JVM that is gone has none left to stop, and tells nothing more.
        with suppress(Exception):
            run = str(query.runId)
            query.stop()
            stopped.append(run)
    heard.await_ended(stopped, _SECONDS)
