"""Every place that rows go to, with a way to read them back: what the one suite over all sinks runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import sqlalchemy as sa
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from src.broker.topics import TopicSpec, ensure_topics
from src.schema.tables import TableSchema
from src.storage.kafka import KafkaSink, row_key
from src.storage.memory import MemorySink
from src.storage.sink import Sink
from src.storage.sql import SqlSink, create_engine, sql_table


class Store:
    """A store that a test writes to by an `opened` sink and reads by `rows`."""

    outlives_its_sink = True
    """Whether rows are still there when the sink is closed and another one is opened."""

    @contextmanager
    def opened(self, *tables: TableSchema) -> Iterator[Sink]:
        """A sink of these tables, as a job opens and closes it."""
        sink = self.sink()
        try:
            sink.open(tables)
            yield sink
        finally:
            sink.close()

    def sink(self) -> Sink:
        raise NotImplementedError

    def rows(self, table: TableSchema) -> list[dict[str, Any]]:
        """The rows that are there now; times as aware datetimes or ms."""
        raise NotImplementedError


class SqlStore(Store):
    """A database, by its DATABASE_URL."""

    def __init__(self, url: str) -> None:
        self.url = url

    def sink(self) -> SqlSink:
        return SqlSink(self.url)

    def rows(self, table: TableSchema) -> list[dict[str, Any]]:
        with connected(self.url) as connection:
            return [dict(found) for found in connection.execute(sa.select(sql_table(table, sa.MetaData()))).mappings()]


class KafkaStore(Store):
    """The topics of a cluster."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers

    def sink(self) -> KafkaSink:
        return KafkaSink(self.bootstrap_servers)

    @contextmanager
    def opened(self, *tables: TableSchema) -> Iterator[Sink]:
        ensure_topics(self.bootstrap_servers, [TopicSpec(table.topic, 2, cleanup="compact,delete") for table in tables])
        with super().opened(*tables) as sink:
            yield sink

    def rows(self, table: TableSchema) -> list[dict[str, Any]]:
        """The last value of each key, which is what compaction leaves."""
        last = {message.key: msgspec.json.decode(message.value) for message in messages(self.bootstrap_servers, table.topic)}
        assert all(key == row_key(table, found) for key, found in last.items())
        return list(last.values())


class MemoryStore(Store):
    """The rows that the live view shows."""

    outlives_its_sink = False

    def __init__(self) -> None:
        self._sink = MemorySink()

    def sink(self) -> MemorySink:
        return self._sink

    def rows(self, table: TableSchema) -> list[dict[str, Any]]:
        return self._sink.rows(table.name)


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def messages(bootstrap_servers: str, topic: str) -> list[ConsumerRecord]:
    """All messages of a topic, each partition in its order."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic))]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        found: list[ConsumerRecord] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for fetched in consumer.poll(timeout_ms=1000).values():
                found += fetched
        return found
    finally:
        consumer.close()
