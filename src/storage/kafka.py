"""Rows to each metric's Kafka topic: JSON, keyed by the table's key, so that a compacted topic holds the last value of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from src.errors import TransientError
from src.schema.tables import TableSchema
from src.storage.floats import without_non_finite
from src.storage.sink import Batch, Guarantee, Sink

_SEND_SECONDS = 30
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
        del tables
        self._connect()

    def _connect(self) -> KafkaProducer:
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=self._bootstrap_servers.split(","), acks="all", enable_idempotence=True, linger_ms=5, compression_type="lz4"
            )
        except KafkaError as error:
            raise TransientError(f"Kafka at {self._bootstrap_servers} cannot be reached: {error}") from None
        return self._producer

    def write(self, batch: Batch) -> None:
        producer = self._producer or self._connect()
        headers = [("query", batch.query.encode()), ("batch", str(batch.batch_id).encode())]
        try:
            sent = [
                producer.send(table.topic, key=row_key(table, row), value=_encode(wire_row(row)), headers=headers)
                for table, rows in batch.tables.items()
                for row in without_non_finite(rows)[0].to_pylist()
            ]
            producer.flush(timeout=_SEND_SECONDS)
            for future in sent:
                future.get(timeout=_SEND_SECONDS)
        except KafkaError as error:
            # An idempotent producer that gave up on a message may refuse all later ones; a new one has a clean state.
            self.close()
            raise TransientError(f"Kafka at {self._bootstrap_servers} did not take the rows: {error}") from None

    def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=5)


def row_key(table: TableSchema, row: Mapping[str, Any]) -> bytes:
    """The values of the table's key joined by `:`, a time as ms since 1970 UTC."""
    return ":".join(str(wire_value(row[name])) for name in table.key).encode()


def wire_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it is written in JSON: times as ms since 1970 UTC."""
    return {name: wire_value(value) for name, value in row.items()}


def wire_value(value: Any) -> Any:
    """A value as it is written in JSON."""
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value
