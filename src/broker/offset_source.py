"""A source of a streaming query whose rows are ranges of Kafka's offsets: what a batch is. Workers fetch the messages (src/panes/fetching.py).

Its offsets are those of Spark's own Kafka source, as JSON too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadLimit, SupportsTriggerAvailableNow
from pyspark.sql.types import StructType

from src.broker.connection import KafkaSecurity, secure_connection
from src.broker.patience import patient
from src.broker.ranges import OffsetRange, Offsets, as_offsets, as_places, limited, shares
from src.broker.topics import TopicPartition, beginning_offsets, end_offsets
from src.errors import TerminalError
from src.monitoring.query_report import MESSAGES, OBSERVED

RANGE_COLUMNS = OffsetRange._fields
_NAME = "kafka_offsets"
_SCHEMA = "topic string, partition int, begin long, end long"


@dataclass(frozen=True)
class OffsetSource:
    """What a query reads. Picklable: Spark asks for offsets in a process of its own.

    starting: "earliest" or "latest", for a query that has no checkpoint yet. most: messages in a batch, at most. tasks: in how many shares a
    batch is read.
    """

    bootstrap_servers: str
    security: KafkaSecurity
    topics: tuple[str, ...]
    starting: str
    most: int
    tasks: int

    def frame(self, session: SparkSession) -> DataFrame:
        """A streaming frame of `RANGE_COLUMNS`. The number of messages is reported with each batch (`src/monitoring/query_report.py`)."""
        source = self

        class Ranges(DataSource):
            # Here, so that it is pickled with what it needs to know: options of a source are shown in plans, and a password must not be.
            @classmethod
            def name(cls) -> str:
                return _NAME

            def schema(self) -> str:
                return _SCHEMA

            def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: N802  (Spark's name)
                del schema
                return _Reader(source)

        session.dataSource.register(Ranges)
        ranges = session.readStream.format(_NAME).load()
        return ranges.observe(OBSERVED, F.sum(F.col("end") - F.col("begin")).alias(MESSAGES))


@dataclass
class _Share(InputPartition):
    ranges: Sequence[OffsetRange]


class _Reader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    def __init__(self, source: OffsetSource) -> None:
        self._source = source
        self._newest: dict[TopicPartition, int] = {}
        self._until: dict[TopicPartition, int] | None = None

    def initialOffset(self) -> Offsets:  # noqa: N802
        return as_offsets(self._ends() if self._source.starting == "latest" else self._begins())

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802
        self._until = self._ends()

    def getDefaultReadLimit(self) -> ReadLimit:  # noqa: N802
        return ReadAllAvailable()

    def latestOffset(self, start: Offsets, limit: ReadLimit) -> Offsets:  # noqa: N802
        del limit
        begin = as_places(start)
        end = self._ends() if self._until is None else self._until
        if gone := [place for place, offset in begin.items() if end.get(place, offset) < offset]:
            raise TerminalError(f"Kafka has fewer messages than were read: {gone[0].topic}/{gone[0].partition} was made anew, or has lost some")
        # A partition that is not told of, as a topic that is gone has none, stays where it was.
        return as_offsets(begin | limited(begin, end, self._source.most))

    def reportLatestOffset(self) -> Offsets:  # noqa: N802
        return as_offsets(self._newest)

    def partitions(self, start: Offsets, end: Offsets) -> Sequence[InputPartition]:
        begin = as_places(start)
        ranges = [OffsetRange(place.topic, place.partition, begin.get(place, 0), offset) for place, offset in as_places(end).items()]
        return [_Share(each) for each in shares([each for each in ranges if each.size > 0], self._source.tasks)]

    def read(self, partition: InputPartition) -> Iterator[OffsetRange]:
        yield from cast("_Share", partition).ranges

    def _ends(self) -> dict[TopicPartition, int]:
        self._newest = self._asked(end_offsets)
        return self._newest

    def _begins(self) -> dict[TopicPartition, int]:
        return self._asked(beginning_offsets)

    def _asked(self, ask: Callable[[str, Sequence[str]], dict[TopicPartition, int]]) -> dict[TopicPartition, int]:
        source = self._source
        secure_connection(source.bootstrap_servers, source.security)
        return patient(ask)(source.bootstrap_servers, source.topics)
