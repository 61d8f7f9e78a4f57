"""A source of a streaming query that knows which of Kafka's offsets a batch has, and whose rows Python workers make of their messages themselves.

Its offsets are those of Spark's own Kafka source, as JSON too. Spark starts three processes for it one after the other before the first batch, each
of which loads this file: what only one of them needs is loaded there, and what only the workers need comes pickled.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pyspark.cloudpickle import dumps
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadLimit, SupportsTriggerAvailableNow
from pyspark.sql.types import StructType

from src.broker.batch_room import BatchRoom
from src.broker.connection import KafkaSecurity
from src.broker.ranges import OffsetRange, Offsets, TopicPartition, as_offsets, as_places, limited, shares
from src.errors import TerminalError
from src.monitoring.query_report import MESSAGES, OBSERVED

if TYPE_CHECKING:
    import pyarrow as pa

    from src.broker.reach import Reach

    Read = Callable[[Sequence[OffsetRange]], Iterator[pa.RecordBatch]]
    """Makes rows of the messages of ranges, in a worker; of a partition there is one range at most. Picklable."""

_NAME = "kafka_offsets"


@dataclass(frozen=True)
class OffsetSource:
    """Which messages a query reads. Picklable: Spark asks for offsets in a process of its own.

    starting: "earliest" or "latest", for a query that has no checkpoint yet. room: how many messages a batch may have. tasks: in how many shares
    a batch is read.
    """

    bootstrap_servers: str
    security: KafkaSecurity
    topics: tuple[str, ...]
    starting: str
    room: BatchRoom
    tasks: int

    def frame(self, session: SparkSession, read: Read, schema: str) -> DataFrame:
        """A streaming frame of what `read` gives, of columns as `schema` says in Spark's words.

        The number of messages is reported with each batch (`src/monitoring/query_report.py`).
        """
        source, columns = self, f"{schema}, {MESSAGES} long"

        pickled: bytes = dumps(read)  # type: ignore[no-untyped-call]

        class Ranges(DataSource):
            # Here, so that it is pickled with what it needs to know: options of a source are shown in plans, and a password must not be.
            @classmethod
            def name(cls) -> str:
                return _NAME

            def schema(self) -> str:
                return columns

            def streamReader(self, schema: StructType) -> DataSourceStreamReader:  # noqa: N802  (Spark's name)
                del schema
                return _Reader(source, pickled)

        session.dataSource.register(Ranges)
        rows = session.readStream.format(_NAME).load()
        return rows.observe(OBSERVED, F.sum(MESSAGES).alias(MESSAGES)).drop(MESSAGES)


@dataclass
class _Share(InputPartition):
    ranges: Sequence[OffsetRange]


class _Reader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    def __init__(self, source: OffsetSource, read: bytes) -> None:
        self._source = source
        self._read = read
        self._reach: Reach | None = None
        self._newest: dict[TopicPartition, int] = {}
        self._until: dict[TopicPartition, int] | None = None
        self._begins: list[dict[TopicPartition, int]] = []
        """Of the batch that is to be read next and of the one before it, as far as they are known."""

    def initialOffset(self) -> Offsets:  # noqa: N802
        return as_offsets(self._ends() if self._source.starting == "latest" else self._asked.begins())

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
        return as_offsets(begin | limited(begin, end, self._source.room.messages(self._last(begin))))

    def reportLatestOffset(self) -> Offsets:  # noqa: N802
        return as_offsets(self._newest)

    def partitions(self, start: Offsets, end: Offsets) -> Sequence[InputPartition]:
        begin = as_places(start)
        ranges = [OffsetRange(place.topic, place.partition, begin.get(place, 0), offset) for place, offset in as_places(end).items()]
        return [_Share(each) for each in shares([each for each in ranges if each.size > 0], self._source.tasks)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa  # noqa: PLC0415

        ranges = cast("_Share", partition).ranges
        read: Read = pickle.loads(self._read)  # noqa: S301  (the driver's own)
        count = sum(each.size for each in ranges)
        for rows in filter(len, read(ranges)):
            # The first row counts the messages for all.
            counts = pa.array([count] + [0] * (len(rows) - 1), pa.int64())
            yield pa.RecordBatch.from_arrays([*rows.columns, counts], names=[*rows.schema.names, MESSAGES])
            count = 0

    def _last(self, begin: dict[TopicPartition, int]) -> int:
        """How many messages the batch before `begin` had; 0 where this process has not seen it."""
        if begin not in self._begins[-1:]:
            self._begins = [*self._begins[-1:], begin]
        first = self._begins[0]
        return sum(offset - first.get(place, 0) for place, offset in begin.items())

    def _ends(self) -> dict[TopicPartition, int]:
        self._newest = self._asked.ends()
        return self._newest

    @property
    def _asked(self) -> Reach:
        if self._reach is None:
            from src.broker.reach import Reach  # noqa: PLC0415

            source = self._source
            self._reach = Reach(source.bootstrap_servers, source.security, source.topics)
        return self._reach
