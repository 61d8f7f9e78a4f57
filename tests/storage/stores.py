"""Every place that rows go to, with a way to read them back and to break it: what the one suite over all sinks runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest
import sqlalchemy as sa
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

from src.broker.topic_tools import delete_topics
from src.broker.topics import TopicSpec, ensure_topics
from src.schema.tables import TableSchema
from src.storage.kafka import KafkaSink, row_key
from src.storage.memory import MemorySink
from src.storage.parquet import ParquetSink, last_rows
from src.storage.sink import Sink, as_sink
from src.storage.sql import SqlSink, create_engine, sql_table
from tests.storage.disks import SmallDisk, small_disk


class Store:
    """A store that a test writes to by an `opened` sink and reads by `rows`. A fault that it cannot have skips the test and says why."""

    outlives_its_sink = True
    """Whether rows are still there when the sink is closed and another one is opened."""
    knows_batches = True
    """Whether a batch that comes after a later one changes nothing; else its older values hold until the later one comes again."""

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

    def drop(self, table: TableSchema) -> None:
        """Take the table away while sinks of it are open."""
        del table
        pytest.skip(f"{type(self).__name__} has no tables to drop")

    def read_only(self) -> AbstractContextManager[Store]:
        """The same place as somebody sees it who may read it and not write."""
        pytest.skip(f"{type(self).__name__} knows no rights")

    def on_small_disk(self) -> AbstractContextManager[tuple[Store, SmallDisk]]:
        """Another such store, empty, whose data lie on a disk that can be full."""
        pytest.skip(f"{type(self).__name__} has no disk of its own")

    def held(self, table: TableSchema) -> AbstractContextManager[Callable[[], None]]:
        """Make whoever writes to the table wait; what it gives ends the connection of the one that waits, once it does."""
        del table
        pytest.skip(f"{type(self).__name__} has no connection that could be ended")


class SqlStore(Store):
    """A database, by its DATABASE_URL."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def dialect(self) -> str:
        return sa.make_url(self.url).get_backend_name()

    def sink(self) -> SqlSink:
        return SqlSink(self.url)

    def rows(self, table: TableSchema) -> list[dict[str, Any]]:
        with connected(self.url) as connection:
            return [dict(found) for found in connection.execute(sa.select(sql_table(table, sa.MetaData()))).mappings()]

    def drop(self, table: TableSchema) -> None:
        with connected(self.url) as connection:
            sql_table(table, sa.MetaData()).drop(connection)


class KafkaStore(Store):
    """The topics of a cluster."""

    knows_batches = False

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers

    def sink(self) -> KafkaSink:
        return KafkaSink(self.bootstrap_servers)

    @contextmanager
    def opened(self, *tables: TableSchema) -> Iterator[Sink]:
        narrow = [table for table in tables if len(table.columns) < 100]
        ensure_topics(self.bootstrap_servers, [TopicSpec(table.topic, 2, cleanup="compact,delete") for table in narrow])
        with super().opened(*tables) as sink:
            yield sink

    def rows(self, table: TableSchema) -> list[dict[str, Any]]:
        """The last value of each key, which is what compaction leaves."""
        last = {message.key: msgspec.json.decode(message.value) for message in messages(self.bootstrap_servers, table.topic)}
        assert all(key == row_key(table, found) for key, found in last.items())
        return list(last.values())

    def drop(self, table: TableSchema) -> None:
        delete_topics(self.bootstrap_servers, [table.topic])

    def read_only(self) -> NoReturn:
        pytest.skip("the tests' broker has no accounts that could lack a right")

    def on_small_disk(self) -> NoReturn:
        pytest.skip("the tests' broker serves all tests: its disk must not be full")

    def held(self, table: TableSchema) -> NoReturn:
        del table
        pytest.skip("a broker that is gone within a batch is in test_kafka_sink.py")


class ParquetStore(Store):
    """A folder of Parquet files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sink(self) -> Sink:
        return as_sink(ParquetSink(self.folder))

    def rows(self, table: TableSchema) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = last_rows(self.folder, table).to_pylist()
        return found

    def drop(self, table: TableSchema) -> None:
        (self.folder / table.name).rename(self.folder / f"dropped-{table.name}")

    @contextmanager
    def read_only(self) -> Iterator[Store]:
        with small_disk(self.folder.parent / "read-only") as disk:
            disk.forbid_writing()
            yield ParquetStore(disk.folder)

    @contextmanager
    def on_small_disk(self) -> Iterator[tuple[Store, SmallDisk]]:
        with small_disk(self.folder.parent / "small") as disk:
            yield ParquetStore(disk.folder / "rows"), disk


class MemoryStore(Store):
    """The rows that the live view shows."""

    outlives_its_sink = False
    knows_batches = False

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


@dataclass(frozen=True)
class Place:
    """A store of the suite: its name in the tests' names, how it is made, and what it needs."""

    name: str
    make: Callable[[pytest.FixtureRequest], Store]
    marks: tuple[pytest.MarkDecorator, ...] = ()


def places() -> list[Place]:
    """Every store there is. Another sink joins the suite by its line here."""
    from tests.storage.databases import DATABASES  # noqa: PLC0415  (they build on what is above)

    return [
        *DATABASES,
        Place("kafka", lambda request: KafkaStore(request.getfixturevalue("broker").bootstrap_servers), (pytest.mark.broker,)),
        Place("parquet", lambda request: ParquetStore(request.getfixturevalue("tmp_path") / "parquet")),
        Place("memory", lambda _: MemoryStore()),
        Place("clickhouse-engine", lambda request: request.getfixturevalue("clickhouse_engine")),
        Place("clickhouse-server", lambda request: request.getfixturevalue("clickhouse_server")),
    ]
