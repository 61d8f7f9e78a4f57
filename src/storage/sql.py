"""Metric tables in MySQL, MariaDB, SQLite or PostgreSQL, by one code path through SQLAlchemy.

A row is inserted or, when its key is there, updated; all tables of a batch in one transaction, with the line of the ledger that says so. A batch
that was written, or that a later one followed, changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa
import sqlalchemy as sa

from src.errors import CoinSparkError, ConfigurationError
from src.schema.tables import TableSchema
from src.storage.floats import without_non_finite
from src.storage.sink import Batch, Guarantee, Sink, check_widths
from src.storage.sql_batches import ledger_table, note
from src.storage.sql_engine import create_engine, shown
from src.storage.sql_errors import translated
from src.storage.sql_literals import row_texts, upsert_text
from src.storage.sql_tables import prepare, sql_table
from src.storage.sql_types import upsert

__all__ = ["SqlSink", "create_engine", "shown", "sql_table", "upsert"]

_REACH_SECONDS = 5


class SqlSink(Sink):
    """Upserts into the database that a URL names. Raises what `create_engine` raises; no message holds a secret."""

    guarantee: ClassVar[Guarantee] = Guarantee.EXACTLY_ONCE
    name: ClassVar[str] = "database"

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        self._first = create_engine(url, answer_seconds=_REACH_SECONDS)
        self._tables: dict[str, sa.Table] = {}
        self._ledger = ledger_table(sa.MetaData())

    def open(self, tables: Sequence[TableSchema]) -> None:
        check_widths(tables)
        metadata = sa.MetaData()
        self._tables = {table.name: sql_table(table, metadata) for table in tables}
        self._reach()
        with translated(self._engine.url, opening=True):
            prepare(self._engine, [self._ledger, *self._tables.values()])

    def write(self, batch: Batch) -> None:
        with translated(self._engine.url), self._engine.begin() as connection:
            if not note(connection, self._ledger, batch):
                return
            for schema, rows in batch.tables.items():
                if rows.num_rows:
                    self._upsert(connection, self._tables[schema.name], without_non_finite(rows)[0])

    def close(self) -> None:
        self._engine.dispose()

    @staticmethod
    def _upsert(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
        if connection.dialect.name != "mysql":
            connection.execute(upsert(table, connection.dialect.name), rows.to_pylist())
            return
        statement = upsert_text(table, rows.column_names, connection.dialect)
        for texts in row_texts(rows):
            connection.exec_driver_sql(statement, (texts,))

    def _reach(self) -> None:
        """Connect once, and do not wait long: what answers may not be a database at all."""
        failure: str | None = None
        try:
            with translated(self._first.url, opening=True), self._first.connect():
                pass
        except CoinSparkError:
            raise
        except Exception as error:  # noqa: BLE001  (drivers let errors of any type through for what they cannot read: struct.error, TypeError)
            failure = str(error)
        finally:
            self._first.dispose()
        if failure is not None:
            raise ConfigurationError(
                f"{shown(self._first.url)} does not answer as a database of that kind, or its address has a wrong parameter: {failure}"
            )
