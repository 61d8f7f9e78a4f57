"""Rows to each metric's Kafka topic: JSON, keyed by the table's key, so that a compacted topic holds the last value of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from src.broker.connection import client_options
from src.errors import ConfigurationError, TransientError
from src.schema.tables import TableSchema
from src.storage.floats import without_non_finite
from src.storage.sink import Batch, Guarantee, Sink, check_widths

_ANSWER_SECONDS = 4
_DELIVERY_SECONDS = 5
"""How long one attempt may last without an answer: short, as a job that is asked to stop waits for it; `deliver` makes the next one."""
_CLOSE_SECONDS = 2
_ROWS_AT_ONCE = 2000
"""Rows sent before their delivery is awaited, so that a batch of any size has the time that it needs."""
CLOSED_UNTIL = "closed_until"
"""The header that says up to which time the windows of the row's source are closed: ms since 1970 UTC, as text.

It is on the last row of each topic and source in a batch.
"""
NEWEST_EVENT_TIME = "newest_event_time"
"""The header with the newest event of the row's source that the job had read: ms since 1970 UTC, as text.

The message's own time minus this is how long the newest event took through Kafka and Spark to the metric's topic.
"""
_encode = msgspec.json.Encoder().encode


class KafkaSink(Sink):
    """Idempotent producer, acks=all: a batch written again repeats its messages, and the last one per key is right."""

    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE
    name: ClassVar[str] = "Kafka"

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._producer: KafkaProducer | None = None

    def open(self, tables: Sequence[TableSchema]) -> None:
        """Connect. The topics of `tables` are there: the job makes its topics before it opens its sinks."""
        check_widths(tables)
        self._connect()

    def write(self, batch: Batch) -> None:
        producer = self._producer or self._connect()
        common = [("query", batch.query.encode()), ("batch", str(batch.batch_id).encode())]
        newest = {source: [(NEWEST_EVENT_TIME, str(time).encode())] for source, time in batch.newest_event_time.items()}
        sent: list[Any] = []
        last: dict[tuple[TableSchema, str], dict[str, Any]] = {}
        try:
            for table, rows in batch.tables.items():
                for row in without_non_finite(rows)[0].to_pylist():
                    place = (table, row["source"])
                    ready = row if row["source"] not in batch.closed_until else last.get(place)
                    last[place] = row
                    if ready is not None:
                        sent.append(_send(producer, table, ready, [*common, *newest.get(ready["source"], [])]))
                    if len(sent) == _ROWS_AT_ONCE:
                        _await_delivery(producer, sent)
            _await_delivery(producer, sent)
            # Whoever reads that windows are closed must find all their rows there: so the last row of each topic says it, after all others.
            for (table, source), row in last.items():
                if source in batch.closed_until:
                    closed = (CLOSED_UNTIL, str(batch.closed_until[source]).encode())
                    sent.append(_send(producer, table, row, [*common, *newest.get(source, []), closed]))
            _await_delivery(producer, sent)
        except KafkaError as error:
            # An idempotent producer that gave up on a message may refuse all later ones; a new one has a clean state.
            self.close()
            raise TransientError(f"Kafka at {self._bootstrap_servers} did not take the rows: {error}") from None

    def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError):
                producer.close(timeout=_CLOSE_SECONDS)

    def _connect(self) -> KafkaProducer:
        try:
            self._producer = KafkaProducer(
                **client_options(self._bootstrap_servers),
                acks="all",
                enable_idempotence=True,
                linger_ms=5,
                compression_type="lz4",
                bootstrap_timeout_ms=_DELIVERY_SECONDS * 1000,
                max_block_ms=_DELIVERY_SECONDS * 1000,
                request_timeout_ms=_ANSWER_SECONDS * 1000,
                delivery_timeout_ms=_DELIVERY_SECONDS * 1000,
                reconnect_backoff_max_ms=500,
            )
        except ValueError as error:
            raise ConfigurationError(f"Kafka's address {self._bootstrap_servers!r} is not host:port,host:port: {error}") from None
        except KafkaError as error:
            raise TransientError(f"Kafka at {self._bootstrap_servers} cannot be reached: {error}") from None
        return self._producer


def row_key(table: TableSchema, row: Mapping[str, Any]) -> bytes:
    r"""The values of the table's key joined by `:`, a time as ms since 1970 UTC; a `:` or `\` within a value has a `\` before it."""
    return ":".join(str(wire_value(row[name])).replace("\\", "\\\\").replace(":", "\\:") for name in table.key).encode()


def wire_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it is written in JSON: times as ms since 1970 UTC."""
    return {name: wire_value(value) for name, value in row.items()}


def wire_value(value: Any) -> Any:
    """A value as it is written in JSON."""
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value


def _send(producer: KafkaProducer, table: TableSchema, row: Mapping[str, Any], headers: Sequence[tuple[str, bytes]]) -> Any:
    return producer.send(table.topic, key=row_key(table, row), value=_encode(wire_row(row)), headers=list(headers))


def _await_delivery(producer: KafkaProducer, sent: list[Any]) -> None:
    """Return when the broker has all of `sent`, and empty it. Raises the KafkaError of the first that it has not."""
    # Undelivered messages give up after the delivery time-out, so this ends a little later at the latest.
    producer.flush(timeout=_DELIVERY_SECONDS + _ANSWER_SECONDS)
    for future in sent:
        future.get(timeout=_DELIVERY_SECONDS)
    sent.clear()
