"""Metric tables in MySQL, MariaDB, SQLite or PostgreSQL, by one code path through SQLAlchemy.

A row is inserted or, when its key is there, updated; all tables of a batch in one transaction. Writing a batch twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from src.errors import CoinSparkError, ConfigurationError
from src.schema.tables import TableSchema
from src.storage.floats import without_non_finite
from src.storage.sink import Batch, Guarantee, Sink
from src.storage.sql_engine import create_engine, shown
from src.storage.sql_errors import translated
from src.storage.sql_tables import prepare, sql_table

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

    def open(self, tables: Sequence[TableSchema]) -> None:
        metadata = sa.MetaData()
        self._tables = {table.name: sql_table(table, metadata) for table in tables}
        self._reach()
        with translated(self._engine.url, opening=True):
            prepare(self._engine, self._tables.values())

    def write(self, batch: Batch) -> None:
        with translated(self._engine.url), self._engine.begin() as connection:
            for schema, rows in batch.tables.items():
                if rows.num_rows:
                    connection.execute(upsert(self._tables[schema.name], connection.dialect.name), _parameters(rows))

    def close(self) -> None:
        self._engine.dispose()

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


def upsert(table: sa.Table, dialect: str) -> sa.sql.dml.Insert:
    """INSERT that updates the row of the same key, in the words of the dialect. Run it with a list of parameters, not `.values()`: far faster."""
    others = [column.name for column in table.columns if not column.primary_key]
    if dialect == "mysql":
        statement = mysql.insert(table)
        return statement.on_duplicate_key_update({name: statement.inserted[name] for name in others})
    insert: Callable[..., Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect]
    statement = insert(table)
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=[column.name for column in table.primary_key.columns],
        set_={name: statement.excluded[name] for name in others},
    )


def _parameters(rows: pa.Table) -> list[dict[str, Any]]:
    return without_non_finite(rows)[0].to_pylist()  # type: ignore[no-any-return]
