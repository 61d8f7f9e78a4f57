"""The streaming source of offsets over the real broker: every message once, in bounded batches, over restarts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from kafka import KafkaProducer
from kafka.admin import NewPartitions
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from src.broker.admin import administration
from src.broker.batch_room import BatchRoom
from src.broker.cluster import Cluster
from src.broker.connection import KafkaSecurity
from src.broker.offset_source import OffsetSource
from src.broker.ranges import OffsetRange
from src.broker.topics import TopicSpec, ensure_topics
from src.monitoring.query_report import QueryReport, query_report
from src.setting.checkpoint import Checkpoint

pytestmark = [pytest.mark.broker, pytest.mark.spark]
_numbers = itertools.count()


def _as_rows(ranges: Sequence[OffsetRange]) -> Iterator[pa.RecordBatch]:
    """The ranges themselves, in batches of one."""
    return (pa.RecordBatch.from_pylist([each._asdict()]) for each in ranges)


class Query:
    """A query over a topic of its own, run to its end again and again."""

    def __init__(self, spark: SparkSession, broker: Cluster, folder: Path) -> None:
        self.topic = f"offsets-{next(_numbers)}"
        self.batches: list[list[OffsetRange]] = []
        self.reports: list[QueryReport] = []
        self._spark, self._servers, self._folder = spark, broker.bootstrap_servers, folder
        ensure_topics(self._servers, [TopicSpec(self.topic, 2)])

    def send(self, partition: int, count: int) -> None:
        with closing(KafkaProducer(bootstrap_servers=self._servers)) as producer:
            for number in range(count):
                producer.send(self.topic, value=b"%d" % number, partition=partition)
            producer.flush()

    def run(self, *, most: int = 1_000, least: int | None = None, starting: str = "earliest", needed: int = 1) -> None:
        """least, most: messages in a batch. needed: bytes that each message's rows are said to need, of 100 that there are."""
        room = BatchRoom(self._folder.with_suffix(".room"), 100, most if least is None else least, most)

        def take(frame: DataFrame, _: int) -> None:
            self.batches.append([OffsetRange(**row.asDict()) for row in frame.collect()])
            room.tell(needed * sum(each.size for each in self.batches[-1]))

        source = OffsetSource(self._servers, KafkaSecurity(), (self.topic,), starting, room, 2)
        frame = source.frame(self._spark, _as_rows, "topic string, partition long, begin long, end long")
        assert frame.columns == [*OffsetRange._fields]
        writer = frame.writeStream.option("checkpointLocation", str(self._folder)).foreachBatch(take)
        query = writer.trigger(availableNow=True).start()
        try:
            query.awaitTermination()
            self.reports = [query_report(report.json) for report in query.recentProgress]
        finally:
            query.stop()

    def offsets(self) -> list[tuple[int, int]]:
        """Partition and offset of all that was read."""
        return sorted((each.partition, offset) for batch in self.batches for each in batch for offset in range(each.begin, each.end))


@pytest.fixture
def query(spark: SparkSession, broker: Cluster, tmp_path: Path) -> Query:
    return Query(spark, broker, tmp_path / "checkpoint")


def test_every_message_is_read_once_over_restarts(query: Query, tmp_path: Path) -> None:
    query.send(0, 70)
    query.send(1, 30)
    query.run(most=40)
    assert len(query.batches) == 3
    assert [sum(each.size for each in batch) for batch in query.batches] == [40, 40, 20]
    assert [report.records for report in query.reports if report.records] == [40, 40, 20]
    query.run()
    assert len(query.batches) == 3, "there was nothing new"
    query.send(1, 5)
    query.run()
    assert query.offsets() == [*((0, offset) for offset in range(70)), *((1, offset) for offset in range(35))]
    assert Checkpoint("any", tmp_path / "checkpoint").offsets() == {(query.topic, 0): 70, (query.topic, 1): 35}


def test_a_batch_has_as_many_messages_as_there_is_room_for_by_what_the_one_before_it_needed(query: Query) -> None:
    query.send(0, 60)
    query.send(1, 60)
    query.run(least=10, most=80, needed=2)
    sizes = [sum(each.size for each in batch) for batch in query.batches]
    assert sizes == [10, 50, 50, 10], "nobody knows of the first one"
    query.send(0, 60)
    query.run(least=10, most=40)
    assert [sum(each.size for each in batch) for batch in query.batches[len(sizes) :]] == [10, 40, 10]


def test_a_batch_is_shared_out_evenly(query: Query) -> None:
    query.send(0, 90)
    query.send(1, 10)
    query.run()
    (batch,) = query.batches
    assert sorted(batch) == [(query.topic, 0, 0, 50), (query.topic, 0, 50, 90), (query.topic, 1, 0, 10)]


def test_it_may_begin_with_what_comes_next(query: Query) -> None:
    query.send(0, 3)
    query.run(starting="latest")
    query.send(0, 2)
    query.run(starting="latest")
    assert query.offsets() == [(0, 3), (0, 4)]


def test_a_partition_that_is_added_is_read_from_its_beginning(query: Query, broker: Cluster) -> None:
    query.send(0, 3)
    query.run()
    with administration(broker.bootstrap_servers) as client:
        client.create_partitions({query.topic: NewPartitions(3)})
    query.send(2, 4)
    query.run()
    assert query.offsets() == [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (2, 2), (2, 3)]


def test_a_topic_that_was_made_anew_is_an_error(query: Query, broker: Cluster) -> None:
    query.send(0, 3)
    query.run()
    with administration(broker.bootstrap_servers) as client:
        client.delete_topics([query.topic])
    ensure_topics(broker.bootstrap_servers, [TopicSpec(query.topic, 2)])
    query.send(0, 2)
    with pytest.raises(StreamingQueryException, match=rf"fewer messages than were read: {query.topic}/0"):
        query.run()
