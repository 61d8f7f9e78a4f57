"""The end of a run's queries."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql.streaming.query import StreamingQuery

from src.monitoring.queries import Queries

_SECONDS = 2.0


def stop_queries(queries: Sequence[StreamingQuery], heard: Queries) -> None:
    """Stop them, and return when all that Spark tells of them has been heard, which it does a moment later."""
    runs = []
    for query in queries:
        try:
            runs.append(str(query.runId))
            query.stop()
        except Exception:  # noqa: BLE001  (a JVM that is gone has no query left to stop, and tells nothing more)
            return
    heard.await_ended(runs, _SECONDS)
