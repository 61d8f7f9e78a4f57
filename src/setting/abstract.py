"""The plug points of a streaming job. A subclass overrides one of these to change one thing; their order here is the order of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from src.storage.sink import Batch


class AbstractSparkSettingOrganization(ABC):
    """What every job consists of."""

    @abstractmethod
    def _create_spark_session(self) -> SparkSession:
        """The session that the job runs in. Called once, first; a CoinSparkError from here ends the job with its message."""

    @abstractmethod
    def _stream_kafka_session(self, session: SparkSession) -> DataFrame:
        """The one read of the raw topics. Called at every start of the query.

        Its rows are panes already: Spark's Python workers fetch the messages of a batch, read and combine them, and what is no record goes to the
        dead letters from there. A subclass may give messages instead (value, topic, partition, offset, timestamp), from wherever it has them.
        """

    @abstractmethod
    def _process_select_expr(self, read: DataFrame) -> DataFrame:
        """What was read as panes: panes are left as they are, messages are read and combined in Spark's Python workers."""

    @abstractmethod
    def _process_and_send(self, combined: DataFrame) -> StreamingQuery:
        """Start the query that computes all metrics of the panes and hands each batch to the sinks."""

    @abstractmethod
    def _write_to_mysql(self, batch: Batch) -> None:
        """Store a batch in the database (MySQL, MariaDB, SQLite or PostgreSQL: all SQL goes through here).

        Called once per batch from one thread, and again with the same batch after a TransientError, a restart or a kill: a batch
        written twice must leave what one write leaves.
        """

    @abstractmethod
    def _topic_to_kafka_sending(self, batch: Batch) -> None:
        """Send a batch to the metrics' topics. Called like `_write_to_mysql`, after it."""

    @abstractmethod
    def _await_all(self, queries: Sequence[StreamingQuery]) -> None:
        """Return when the run is over: the queries ended, or the job was asked to stop. Raises what ended them otherwise."""
