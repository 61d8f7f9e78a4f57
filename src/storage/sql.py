"""Metric tables in MySQL, MariaDB, SQLite or PostgreSQL, by one code path through SQLAlchemy.

A row is inserted or, when its key is there, updated; all tables of a batch in one transaction. Writing a batch twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.schema.tables import TableSchema
from src.storage.floats import without_non_finite
from src.storage.sink import Batch, Guarantee, Sink
from src.storage.sql_errors import translated

_KEY_LENGTH = 64


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime, kept as UTC to the millisecond: DATETIME(3) in MySQL, which has no zone of its own."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(mysql.DATETIME(fsp=3) if dialect.name in {"mysql", "mariadb"} else sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


def sql_table(schema: TableSchema, metadata: sa.MetaData) -> sa.Table:
    """The SQLAlchemy table of a metric: primary key (source, keys, window_start), and an index for queries by time."""
    columns = []
    for column in schema.columns:
        is_key = column.name in schema.key
        columns.append(sa.Column(column.name, _type(column.kind, is_key=is_key), primary_key=is_key, nullable=not is_key, autoincrement=False))
    index = sa.Index(f"ix_{schema.name}_window_start"[:64], "window_start")
    return sa.Table(schema.name, metadata, *columns, index, mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin", sqlite_with_rowid=False)


def _type(kind: Kind, *, is_key: bool) -> sa.types.TypeEngine[Any]:
    types: Mapping[Kind, sa.types.TypeEngine[Any]] = {
        Kind.DOUBLE: sa.Double(),
        Kind.LONG: sa.BigInteger(),
        Kind.BOOLEAN: sa.Boolean(),
        Kind.STRING: sa.String(_KEY_LENGTH if is_key else 255),
        Kind.TIMESTAMP: UtcDateTime(),
    }
    return types[kind]


class SqlSink(Sink):
    """Upserts into a database named by a SQLAlchemy URL. Raises ConfigurationError for a wrong URL, password or database, naming no secret."""

    guarantee: ClassVar[Guarantee] = Guarantee.EXACTLY_ONCE
    name: ClassVar[str] = "database"

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        self._tables: dict[str, sa.Table] = {}

    def open(self, tables: Sequence[TableSchema]) -> None:
        metadata = sa.MetaData()
        self._tables = {table.name: sql_table(table, metadata) for table in tables}
        with translated(self._engine.url):
            metadata.create_all(self._engine)
            inspector = sa.inspect(self._engine)
            for table in self._tables.values():
                missing = {column.name for column in table.columns} - {column["name"] for column in inspector.get_columns(table.name)}
                if missing:
                    raise ConfigurationError(
                        f"table {table.name} in {shown(self._engine.url)} was made for another set of metrics or markets: "
                        f"it has no column {', '.join(sorted(missing))}; rename or drop it, and it is made anew"
                    )

    def write(self, batch: Batch) -> None:
        with translated(self._engine.url), self._engine.begin() as connection:
            for schema, rows in batch.tables.items():
                table = self._tables[schema.name]
                connection.execute(upsert(table, self._engine.dialect.name), _parameters(rows))

    def close(self) -> None:
        self._engine.dispose()


def create_engine(url: str) -> sa.Engine:
    """An engine with time-outs for `url`. Raises ConfigurationError for a URL that SQLAlchemy cannot read or a missing driver."""
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() in {"mysql", "mariadb"}:
            parsed = parsed.set(drivername=f"{parsed.get_backend_name()}+pymysql") if "+" not in parsed.drivername else parsed
            arguments = {"connect_timeout": 5, "read_timeout": 30, "write_timeout": 30, "charset": "utf8mb4"}
            # Windows are compared and updated by key, so a lost connection costs a retry; a pre-ping finds it before the batch does.
            return sa.create_engine(parsed, pool_pre_ping=True, pool_recycle=1800, pool_size=2, connect_args=arguments)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite_engine(parsed)
        return sa.create_engine(parsed, pool_pre_ping=True, pool_size=2)
    except sa.exc.ArgumentError:
        raise ConfigurationError("DATABASE_URL is not a database address; it looks like mysql+pymysql://user:password@host:3306/database") from None
    except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as error:
        raise ConfigurationError(f"DATABASE_URL names a driver that is not installed: {error}") from None


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if url.database and url.database != ":memory:":
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"the database file {url.database} cannot be made: {error.strerror}; choose another COINSPARK_HOME") from None
    engine = sa.create_engine(url, connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def _readers_do_not_block(connection: Any, record: Any) -> None:
        del record
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


def upsert(table: sa.Table, dialect: str) -> sa.sql.dml.Insert:
    """INSERT that updates the row of the same key, in the words of the dialect. Run it with a list of parameters, not `.values()`: far faster."""
    others = [column.name for column in table.columns if not column.primary_key]
    if dialect in {"mysql", "mariadb"}:
        statement = mysql.insert(table)
        return statement.on_duplicate_key_update({name: statement.inserted[name] for name in others})
    insert: Callable[..., Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect]
    statement = insert(table)
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=[column.name for column in table.primary_key.columns],
        set_={name: statement.excluded[name] for name in others},
    )


def shown(url: sa.URL) -> str:
    """The address without password or parameters."""
    return sa.URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database).render_as_string(hide_password=True)


def _parameters(rows: pa.Table) -> list[dict[str, Any]]:
    return without_non_finite(rows)[0].to_pylist()  # type: ignore[no-any-return]
