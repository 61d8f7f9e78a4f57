"""Tables in ClickHouse: every batch is one Arrow insert for each of its tables; a row that changed replaces the one of its key."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import ClassVar

import pyarrow as pa
from clickhouse_connect.driver.client import Client

from src.errors import CoinSparkError, ConfigurationError
from src.schema.tables import TableSchema
from src.storage.clickhouse_address import SETTING, ClickHouseAddress, connected, parsed
from src.storage.clickhouse_errors import translated
from src.storage.clickhouse_schema import prepare
from src.storage.clickhouse_tables import BATCH, CURRENT, GENERATION, Layout, identifier
from src.storage.floats import without_non_finite
from src.storage.sink import Batch, Guarantee, Sink, check_widths

__all__ = ["ClickHouseSink", "current_view"]

LARGEST_INSERT = 100_000
"""Rows. A batch that has more of a table is cut, always at the same rows, as the server knows an insert by its token."""

_SETTINGS = {
    # The rows are stored when the call returns: no queue in the server, nor in a Distributed table.
    "async_insert": 0,
    "distributed_foreground_insert": 1,
    "insert_deduplicate": 1,
    # No key is twice in a batch, so there is nothing to replace within it; looking for it takes a third of the insert's time.
    "optimize_on_insert": 0,
    # A replay or a backfill may reach over more days than the 100 that are allowed to an insert.
    "max_partitions_per_insert_block": 0,
}


class ClickHouseSink(Sink):
    """Inserts into the ClickHouse that a URL names: `http://user:password@host:8123/database`, or `chdb:///folder` for the engine in this process.

    ttl_days: how long rows stay, 0 for ever. cluster, replicated: as in `Layout`. Raises ConfigurationError for a URL that cannot be read;
    no message holds a secret. Rows are read from the views `<table>_current`; the tables themselves also hold what is not merged yet.
    """

    guarantee: ClassVar[Guarantee] = Guarantee.EXACTLY_ONCE
    name: ClassVar[str] = "ClickHouse"

    def __init__(self, url: str, *, ttl_days: int = 7, cluster: str | None = None, replicated: bool = False) -> None:
        self._address = parsed(url)
        self._layout = Layout(self._address.database, ttl_days, cluster, replicated)
        self._client: Client | None = None

    def open(self, tables: Sequence[TableSchema]) -> None:
        check_widths(tables)
        self.close()
        self._client = self._reach()
        with translated(self._address, opening=True):
            prepare(self._client, tables, self._layout)

    def write(self, batch: Batch) -> None:
        with translated(self._address):
            if self._client is None:
                self._client = connected(self._address)
            generation, number = _version(batch)
            for schema, rows in batch.tables.items():
                if rows.num_rows:
                    versioned = _with_version(without_non_finite(rows)[0], generation, number)
                    for part, some in enumerate(_cut(versioned, schema)):
                        token = deduplication_token(batch, schema, part)
                        settings = _SETTINGS | ({"insert_deduplication_token": token} if token else {})
                        self._client.insert_arrow(identifier(schema.name), some, database=identifier(self._layout.database), settings=settings)

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close_connections()
                client.close()

    def _reach(self) -> Client:
        """Connect, and see that what answers is ClickHouse."""
        failure: str
        try:
            with translated(self._address, opening=True):
                return _opened(self._address)
        except CoinSparkError:
            raise
        except Exception as error:  # noqa: BLE001  (the client lets errors of any type through for answers that it cannot read)
            failure = type(error).__name__
        raise ConfigurationError(f"ClickHouse at {self._address.shown} does not answer as ClickHouse does ({failure}): correct {SETTING}")


def current_view(table: str) -> str:
    """The view that shows each row of a table once, with its last value."""
    return table + CURRENT


def deduplication_token(batch: Batch, schema: TableSchema, part: int = 0) -> str | None:
    """What a server knows the insert of a part of a table's rows by, so that it takes them once; None where batch ids tell nothing."""
    if not batch.checkpoint:
        return None
    identity = "\0".join((batch.query, batch.checkpoint, str(batch.generation), schema.name, str(batch.batch_id), *([str(part)] if part else [])))
    return hashlib.sha256(identity.encode()).hexdigest()


def _opened(address: ClickHouseAddress) -> Client:
    if address.folder is None:
        return connected(address)
    client = connected(address, "default")
    client.command(f"CREATE DATABASE IF NOT EXISTS {identifier(address.database)} ENGINE = Atomic")
    client.database = address.database
    return client


def _version(batch: Batch) -> tuple[int, int]:
    """What decides which of two rows of a key stays. Without a checkpoint the batch written last does."""
    return (batch.generation, batch.batch_id) if batch.checkpoint else (0, time.time_ns())


def _cut(rows: pa.Table, schema: TableSchema) -> Iterator[pa.Table]:
    if rows.num_rows > LARGEST_INSERT:
        # In what order Spark gives rows differs from time to time.
        rows = rows.sort_by([(name, "ascending") for name in schema.key])
    for begin in range(0, rows.num_rows, LARGEST_INSERT):
        yield rows.slice(begin, LARGEST_INSERT)


def _with_version(rows: pa.Table, generation: int, number: int) -> pa.Table:
    for name, value in ((GENERATION, generation), (BATCH, number)):
        rows = rows.append_column(pa.field(name, pa.uint64(), nullable=False), pa.repeat(pa.scalar(value, pa.uint64()), rows.num_rows))
    return rows
