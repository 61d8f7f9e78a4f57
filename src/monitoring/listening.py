"""Hears of Spark what its queries do: each batch, each look without anything to read, each end.

A listener misses no batch and hears of queries that stand idle, which asking them once a second does not. Spark's JVM calls it through the port that
it calls the job's `foreachBatch` by, so it opens none; and it calls between batches, from a thread of its own, so that no batch waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pyspark import SparkContext
from pyspark.sql import SparkSession
from pyspark.sql.streaming.listener import StreamingQueryListener

from src.monitoring.queries import Queries
from src.monitoring.query_report import QueryReport, query_report


class QueryListener(StreamingQueryListener):
    """Puts what it hears into `queries`, and gives `finished` each batch that is done.

    It is called with the JVM's own events and takes a report as one text. PySpark's events ask the JVM for each of a report's numbers in turn, some
    two hundred calls a batch, as RocksDB has many.
    """

    def __init__(self, queries: Queries, finished: Callable[[QueryReport], None] = lambda _: None) -> None:
        self._queries = queries
        self._finished = finished
        self._wrapped: Any = None

    @property
    def _jlistener(self) -> Any:
        if self._wrapped is None:
            jvm: Any = SparkContext._jvm  # noqa: SLF001  (PySpark's way to register one, with this object in place of its own)
            self._wrapped = jvm.PythonStreamingQueryListenerWrapper(self)
        return self._wrapped

    def onQueryStarted(self, event: Any) -> None:  # noqa: N802  (Spark's names)
        self._queries.started(event.runId().toString(), event.name() or "")

    def onQueryProgress(self, event: Any) -> None:  # noqa: N802
        report = query_report(event.progress().json())
        self._queries.finished_batch(report)
        self._finished(report)

    def onQueryIdle(self, event: Any) -> None:  # noqa: N802
        self._queries.idle(event.runId().toString())

    def onQueryTerminated(self, event: Any) -> None:  # noqa: N802
        self._queries.ended(event.runId().toString())

    class Java:
        """What py4j reads."""

        implements = ("org.apache.spark.sql.streaming.PythonStreamingQueryListener",)


@contextmanager
def listening(session: SparkSession, listener: QueryListener) -> Iterator[None]:
    """The listener hears of the session's queries for the length of the block."""
    session.streams.addListener(listener)
    try:
        yield
    finally:
        with suppress(Exception):  # a JVM that is gone calls nobody
            session.streams.removeListener(listener)
