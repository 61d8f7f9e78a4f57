"""A metric's table in a database: how it is made, how it grows by a column, and when one that is there cannot be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine.interfaces import ReflectedColumn

from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.schema.tables import TableSchema, check_identifier
from src.storage.column_comments import column_comments
from src.storage.sql_batches import NAME as LEDGER
from src.storage.sql_engine import shown
from src.storage.sql_types import MILLISECONDS, UtcDateTime

_KEY_LENGTH = 64
_TEXT_LENGTH = 255
_ADVICE = "Columns are added by themselves, and nothing else is changed: rename or drop the table, and it is made anew; a rename keeps its rows"
_LOCK = "coinspark tables"
_LOCK_SECONDS = 5


def sql_table(schema: TableSchema, metadata: sa.MetaData) -> sa.Table:
    """The SQLAlchemy table of a metric: its key as primary key, all other columns nullable, and an index for queries by time.

    Raises ConfigurationError for a name that is no safe identifier, or the ledger's own, and for a column of arrays.
    """
    check_identifier(schema.name, "table name")
    if schema.name == LEDGER:
        raise ConfigurationError(f"a metric cannot be named {LEDGER}: that is the table in which the batches are kept")
    comments, time = column_comments(schema), time_column(schema)
    columns = []
    for column in schema.columns:
        check_identifier(column.name, f"column of table {schema.name}")
        if column.kind is Kind.DOUBLES:
            raise ConfigurationError(f"column {column.name} of table {schema.name} is an array: ClickHouse takes it, SQL databases do not")
        is_key = column.name in schema.key
        # Quoted always: what is a reserved word differs by database and version.
        name = sa.sql.quoted_name(column.name, quote=True)
        kind = _type(column.kind, is_key=is_key)
        comment = comments.get(column.name)
        columns.append(sa.Column(name, kind, primary_key=is_key, nullable=not is_key, autoincrement=False, index=name == time, comment=comment))
    name = sa.sql.quoted_name(schema.name, quote=True)
    return sa.Table(name, metadata, *columns, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", sqlite_with_rowid=False)


def time_column(schema: TableSchema) -> str | None:
    """The column that a table is asked by, and that its rows age by: the window's start, else the first time there is."""
    times = [column.name for column in schema.columns if column.kind is Kind.TIMESTAMP]
    return "window_start" if "window_start" in times else next(iter(times), None)


def prepare(engine: sa.Engine, tables: Iterable[sa.Table]) -> None:
    """Make the tables that are missing, add the columns that a metric has gained, and see that rows can be written.

    Raises ConfigurationError for a table with other types or another key, and SQLAlchemy's errors, for a missing right among others.
    """
    with engine.begin() as connection, _alone(connection):
        for table in tables:
            inspector = sa.inspect(connection)
            if inspector.has_table(table.name):
                _grow(connection, inspector, table)
            else:
                table.create(connection)
            _try_rights(connection, table)


@contextmanager
def _alone(connection: sa.Connection) -> Iterator[None]:
    """Jobs that start together make the tables that they share one after the other."""
    match connection.dialect.name:
        case "mysql":
            connection.execute(sa.select(sa.func.get_lock(_LOCK, _LOCK_SECONDS)))
            try:
                yield
            finally:
                # A lost connection has given the lock back already.
                with suppress(sa.exc.SQLAlchemyError):
                    connection.execute(sa.select(sa.func.release_lock(_LOCK)))
        case "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
        case _:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(_LOCK))))
            yield


def _grow(connection: sa.Connection, inspector: sa.Inspector, table: sa.Table) -> None:
    there = {column["name"]: column for column in inspector.get_columns(table.name)}
    problems = [*_key_problems(inspector, table), *_column_problems(inspector, table, there)]
    if problems:
        raise ConfigurationError(f"table {table.name} in {shown(connection.engine.url)} is not the metric's: {'; '.join(problems)}. {_ADVICE}")
    for column in table.columns:
        if column.name not in there:
            added = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {connection.dialect.identifier_preparer.format_table(table)} ADD COLUMN {added}")
            if column.comment and connection.dialect.supports_comments and not connection.dialect.inline_comments:
                connection.execute(sa.schema.SetColumnComment(column))
    indexed = {tuple(index["column_names"])[:1] for index in inspector.get_indexes(table.name)}
    for index in table.indexes:
        if tuple(column.name for column in index.columns) not in indexed:
            index.create(connection)


def _try_rights(connection: sa.Connection, table: sa.Table) -> None:
    """Write no row at all: a user who may only read, or a file that may only be read, is found before the first batch."""
    names = [column.name for column in table.columns]
    nothing = sa.select(*table.columns).where(sa.false())
    connection.execute(table.insert().from_select(names, nothing))
    connection.execute(table.update().values({name: table.columns[name] for name in names}).where(sa.false()))


def table_problems(inspector: sa.Inspector, table: sa.Table) -> list[str]:
    """What keeps a table that is there from holding the metric's rows; none where it fits, also where it has yet to grow by a column."""
    there = {column["name"]: column for column in inspector.get_columns(table.name)}
    return [*_key_problems(inspector, table), *_column_problems(inspector, table, there)]


def _key_problems(inspector: sa.Inspector, table: sa.Table) -> list[str]:
    wanted = [column.name for column in table.primary_key.columns]
    there = inspector.get_pk_constraint(table.name)["constrained_columns"]
    return [] if set(there) == set(wanted) else [f"its primary key is ({', '.join(there)}), the metric's is ({', '.join(wanted)})"]


def _column_problems(inspector: sa.Inspector, table: sa.Table, there: Mapping[str, ReflectedColumn]) -> list[str]:
    problems = []
    collation = inspector.get_table_options(table.name).get("mysql_collate")
    for name, column in there.items():
        wanted = table.columns.get(name)
        if wanted is None:
            if not column["nullable"] and column["default"] is None:
                problems.append(f"column {name}, which the metric has not, does not take NULL")
            continue
        if not _holds(column["type"], wanted.type):
            problems.append(f"column {name} is {column['type']}, the metric's is {wanted.type.compile(dialect=inspector.dialect)}")
        if not column["nullable"] and wanted.nullable:
            problems.append(f"column {name} does not take NULL")
        if inspector.dialect.name == "mysql" and isinstance(wanted.type, sa.String):
            compared = getattr(column["type"], "collation", None) or collation or "the server's default"
            if not (compared.startswith("utf8mb4") and compared.endswith("_bin")):
                problems.append(f"column {name} compares by {compared}, not utf8mb4_bin")
    return problems


def _holds(there: sa.types.TypeEngine[Any], wanted: sa.types.TypeEngine[Any]) -> bool:
    """Whether a column of the type `there` keeps every value of the type `wanted` unchanged."""
    match wanted:
        case sa.Double():
            return isinstance(there, sa.Double)
        case sa.BigInteger():
            return isinstance(there, sa.BigInteger)
        case sa.Boolean():
            return isinstance(there, sa.Boolean | mysql.TINYINT)
        case sa.String():
            return isinstance(there, sa.String) and (there.length is None or there.length >= (wanted.length or 0))
        case _:
            # MySQL's TIMESTAMP is not one, nor PostgreSQL's WITH TIME ZONE: they follow the session's time zone.
            follows_session = isinstance(there, mysql.TIMESTAMP) or getattr(there, "timezone", False)
            return isinstance(there, sa.DateTime) and not follows_session and getattr(there, "fsp", MILLISECONDS) == MILLISECONDS


def _type(kind: Kind, *, is_key: bool) -> sa.types.TypeEngine[Any]:
    types: Mapping[Kind, sa.types.TypeEngine[Any]] = {
        Kind.DOUBLE: sa.Double(),
        Kind.LONG: sa.BigInteger(),
        Kind.BOOLEAN: sa.Boolean(),
        Kind.STRING: sa.String(_KEY_LENGTH if is_key else _TEXT_LENGTH),
        Kind.TIMESTAMP: UtcDateTime(),
    }
    return types[kind]
