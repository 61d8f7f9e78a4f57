"""The stores at the end beside the batch oracle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from kafka import KafkaConsumer, TopicPartition

from src.preprocess.oracle import batch_rows
from src.preprocess.series import SeriesMetric, series_rows
from src.schema.tables import TableSchema
from src.setting.streaming import SparkStreamingCoinAverage
from src.storage.clickhouse import current_view
from src.storage.kafka import CLOSED_UNTIL
from src.storage.sql import create_engine, sql_table
from tests.equality import Rows, Tolerance, differences, plain_rows, same

Key = tuple[Any, ...]
_TOLD = 5


@dataclass
class Compared:
    """Rows of all tables of all stores."""

    rows: int = 0
    lost: int = 0
    duplicate: int = 0
    """Rows that came twice, or that the oracle does not have."""
    different: int = 0
    told: list[str] = field(default_factory=list)
    """What was found, the first few of each kind."""

    def note(self, what: str, text: str) -> None:
        """Count one."""
        count = getattr(self, what) + 1
        setattr(self, what, count)
        if count <= _TOLD:
            self.told.append(f"{what}: {text}")


class Stored:
    """Rows of one store by table, as they are read: more than one of a key is found out by whoever compares."""

    def __init__(self, name: str, rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        self.name = name
        self._rows = rows

    def rows(self, table: TableSchema, channel: str, compared: Compared) -> dict[Key, dict[str, Any]]:
        """By key, times as integer ms. Of a table that several jobs write those of the job with this channel."""
        found: dict[Key, dict[str, Any]] = {}
        for row in self._rows.get(table.name, ()):
            if row.get("channel", channel) != channel:
                continue
            plain = {name: round(value.timestamp() * 1000) if isinstance(value, datetime) else value for name, value in row.items()}
            key = tuple(plain[name] for name in table.key)
            if key in found:
                compared.note("duplicate", f"{self.name} {table.name}: {key} twice")
            found[key] = plain
        return found


def in_sql(url: str, tables: Iterable[TableSchema]) -> Stored:
    """The rows in the database."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return Stored(
                "database",
                {table.name: [dict(row) for row in connection.execute(sa.select(sql_table(table, sa.MetaData()))).mappings()] for table in tables},
            )
    finally:
        engine.dispose()


def in_clickhouse(client: Any, tables: Iterable[TableSchema]) -> Stored:
    """The rows that the views show."""
    found = {}
    for table in tables:
        columns = ", ".join(f"`{name}`" for name in table.arrow().names)
        read = client.query_arrow(f"SELECT {columns} FROM {current_view(table.name)}", use_strings=True)
        found[table.name] = read.cast(table.arrow()).to_pylist()
    return Stored("clickhouse", found)


def in_kafka(bootstrap_servers: str, tables: Iterable[TableSchema]) -> tuple[Stored, dict[str, int]]:
    """The last value of each key, and by source the time until which windows are closed."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers.split(","), enable_auto_commit=False)
    closed: dict[str, int] = {}
    found: dict[str, list[Mapping[str, Any]]] = {}
    try:
        for table in tables:
            last: dict[bytes, Mapping[str, Any]] = {}
            for message in _all(consumer, table.topic):
                row = msgspec.json.decode(message.value)
                last[message.key] = row
                for name, value in message.headers:
                    if name == CLOSED_UNTIL:
                        closed[row["source"]] = max(int(value), closed.get(row["source"], 0))
            found[table.name] = list(last.values())
    finally:
        consumer.close()
    return Stored("kafka", found), closed


def _all(consumer: KafkaConsumer, topic: str) -> Iterator[Any]:
    places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    consumer.assign(places)
    consumer.seek_to_beginning(*places)
    ends = consumer.end_offsets(places)
    while any(consumer.position(place) < ends[place] for place in places):
        for messages in consumer.poll(500).values():
            yield from messages


def compare(
    job: SparkStreamingCoinAverage, records: Iterable[Any], stores: Iterable[Stored], closed_until: Mapping[str, int], compared: Compared
) -> None:
    """Add what is found of a job's tables."""
    plain = plain_rows(records, job.organization)
    tables = {table.name: table for table in job.tables}
    expected: dict[str, Rows] = {metric.name: batch_rows(metric, plain) for metric in job.plan.metrics}
    stores = list(stores)
    for metric in job.plan.metrics:
        for store in stores:
            actual = store.rows(tables[metric.name], job.channel.value, compared)
            _compare(store.name, metric.name, actual, expected[metric.name], compared)
            for text in differences(actual, {key: row for key, row in expected[metric.name].items() if key in actual}, metric):
                compared.note("different", f"{store.name} {metric.name}: {text}")
    for series in job.series.metrics:
        rows = _series_rows(series, expected, closed_until)
        for store in stores:
            actual = {
                key: row
                for key, row in store.rows(tables[series.name], job.channel.value, compared).items()
                if not _is_withdrawn(row, tables[series.name])
            }
            _compare(store.name, series.name, actual, rows, compared)
            for key, row in rows.items():
                if key in actual and not all(same(actual[key][name], value, Tolerance.RELATIVE) for name, value in row.items()):
                    compared.note("different", f"{store.name} {series.name}: {key}: {actual[key]} is not {row}")


def _compare(store: str, table: str, actual: Rows, expected: Rows, compared: Compared) -> None:
    compared.rows += len(expected)
    for key in set(expected) - set(actual):
        compared.note("lost", f"{store} {table}: {key} is not there")
    for key in set(actual) - set(expected):
        compared.note("duplicate", f"{store} {table}: {key} should not be there")


def _is_withdrawn(row: Mapping[str, Any], table: TableSchema) -> bool:
    """Whether a correction has taken the row away: it stays, with nothing but its key."""
    return all(value is None for name, value in row.items() if name not in {*table.key, "window_end"})


def _series_rows(series: SeriesMetric, expected: Mapping[str, Rows], closed_until: Mapping[str, int]) -> Rows:
    given = {name: [row for row in expected[name].values() if row["window_end"] <= closed_until.get(row["source"], 0)] for name in series.of}
    return series_rows(series, given)
