"""The databases as the dashboard reads them: one bounded SELECT at a time, read-only, with a time-out."""

from __future__ import annotations

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from clickhouse_connect.driver.client import Client

from src.dashboard.clickhouse_select import clickhouse_select
from src.dashboard.question import ANSWER_SECONDS, Question, Row, place
from src.errors import CoinSparkError, ConfigurationError, TransientError
from src.schema.tables import TableSchema
from src.storage.clickhouse import current_view
from src.storage.clickhouse_address import ClickHouseAddress, connected
from src.storage.clickhouse_address import parsed as clickhouse_parsed
from src.storage.clickhouse_errors import translated as clickhouse_translated
from src.storage.sql_engine import create_engine, parsed, shown
from src.storage.sql_errors import translated
from src.storage.sql_tables import sql_table, time_column

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SQLITE_STEPS = 10_000
_READ_ONLY = {
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "postgresql": "SET default_transaction_read_only = on",
    "sqlite": "PRAGMA query_only = ON",
}
_COLUMNS_THERE = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"


class Store(ABC):
    """A database that holds metric tables."""

    shown: str
    """Where it is, for a person: no password."""

    @abstractmethod
    def rows(self, schema: TableSchema, question: Question) -> list[Row]:
        """The answer, the newest row first; none where the table is not made yet. Raises CoinSparkError that says what is wrong."""

    @abstractmethod
    def close(self) -> None:
        """Give connections back."""


class SqlStore(Store):
    """MySQL, MariaDB, PostgreSQL or SQLite, by DATABASE_URL. The file of a SQLite database is never made here."""

    def __init__(self, url: str, answer_seconds: int = ANSWER_SECONDS) -> None:
        address = parsed(url)
        self.shown = shown(address)
        self.address = address
        self._seconds = answer_seconds
        is_file = address.get_backend_name() == "sqlite" and not str(address.database).startswith("file:")
        self._file = Path(str(address.database)).absolute() if is_file else None
        self._file_id: tuple[int, int] | None = None
        self._engine = _sqlite(self._file) if self._file else create_engine(url, answer_seconds=answer_seconds)
        self._tables: dict[str, sa.Table] = {}
        sa.event.listen(self._engine, "connect", self._make_read_only)

    def rows(self, schema: TableSchema, question: Question) -> list[Row]:
        if not self.exists:
            return []
        self._leave_old_file()
        try:
            with self.connected() as connection:
                try:
                    found = connection.execute(self._select(schema, question)).mappings().all()
                    absent: tuple[str, ...] = ()
                except sa.exc.DBAPIError:
                    connection.rollback()
                    there = _columns_there(connection, schema.name)
                    wanted = question.columns or tuple(column.name for column in schema.columns)
                    absent = tuple(name for name in wanted if name not in there)
                    if not there:
                        return []
                    if not absent or len(absent) == len(wanted):
                        raise
                    # The job runs with other markets than these settings name: what it has no column for was not observed.
                    kept = replace(question, columns=tuple(name for name in wanted if name in there))
                    found = connection.execute(self._select(schema, kept)).mappings().all()
                blank = dict.fromkeys(absent)
                return [{name: _ms(value) if isinstance(value, datetime) else value for name, value in row.items()} | blank for row in found]
        except (CoinSparkError, sa.exc.SQLAlchemyError):
            raise
        except Exception as error:  # noqa: BLE001  (drivers let errors of any type through when a server goes away)
            raise TransientError(f"{self.shown}: {type(error).__name__}: {error}") from None

    @property
    def exists(self) -> bool:
        """Whether there is anything to connect to: the file of a SQLite database is made by a job."""
        return self._file is None or self._file.exists()

    @contextmanager
    def connected(self) -> Iterator[sa.Connection]:
        """A connection that can only read, and has so long for each statement. Raises CoinSparkError that says what is wrong."""
        with translated(self._engine.url), self._engine.connect() as connection:
            self._limit_time(connection)
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def _leave_old_file(self) -> None:
        """Connections to a file that was deleted or replaced would answer from it for ever."""
        if self._file is None:
            return
        with suppress(OSError):
            found = self._file.stat()
            there = found.st_dev, found.st_ino
            if self._file_id not in {None, there}:
                self._engine.dispose()
            self._file_id = there

    def _select(self, schema: TableSchema, question: Question) -> sa.Select[Any]:
        table = self._tables.get(schema.name)
        if table is None:
            table = self._tables[schema.name] = sql_table(schema, sa.MetaData())
        select = sa.select(*(table.c[name] for name in question.columns) if question.columns else table.columns)
        for name, value in question.where:
            select = select.where(table.c[name] == value)
        moment = time_column(schema)
        if moment is not None:
            if question.since is not None:
                select = select.where(table.c[moment] >= _moment(question.since))
            if question.until is not None:
                select = select.where(table.c[moment] < _moment(question.until))
        order = [table.c[name] for name in (place(schema) if question.is_ordered else (moment,)) if name is not None]
        if question.after:
            values = [_moment(value) if column.name == moment else value for column, value in zip(order, question.after, strict=True)]
            behind = [sa.literal(value, column.type) for column, value in zip(order, values, strict=True)]
            # The first of them once more, alone: of a whole tuple databases do not see that an index has it.
            select = select.where(order[0] <= behind[0], sa.tuple_(*order) < sa.tuple_(*behind))
        return select.order_by(*(column.desc() for column in order)).limit(question.limit)

    def _make_read_only(self, connection: Any, record: Any) -> None:
        del record
        cursor = connection.cursor()
        cursor.execute(_READ_ONLY[self._engine.dialect.name])
        cursor.close()
        if self._engine.dialect.name == "postgresql":
            connection.commit()

    def _limit_time(self, connection: sa.Connection) -> None:
        """Servers have their own time-outs; SQLite is asked to stop from within."""
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            until = time.monotonic() + self._seconds
            driver.set_progress_handler(lambda: time.monotonic() > until, _SQLITE_STEPS)


class ClickHouseStore(Store):
    """ClickHouse, by COINSPARK_CLICKHOUSE_URL: the views that show each row once, with its last value."""

    def __init__(self, url: str, answer_seconds: int = ANSWER_SECONDS) -> None:
        self._seconds = answer_seconds
        self._address = clickhouse_parsed(url)
        self.shown = f"ClickHouse {self._address.shown}"
        self._client: Client | None = None
        self._lock = Lock()

    def rows(self, schema: TableSchema, question: Question) -> list[Row]:
        try:
            with clickhouse_translated(self._address):
                return self._read(*clickhouse_select(schema, question, self._seconds))
        except ConfigurationError:
            with clickhouse_translated(self._address):
                there = {row["name"] for row in self._read(_COLUMNS_THERE, {"table": current_view(schema.name)})}
            wanted = question.columns or tuple(column.name for column in schema.columns)
            kept = tuple(name for name in wanted if name in there)
            if not there:
                return []
            if not kept or len(kept) == len(wanted):
                raise
        except CoinSparkError:
            self.close()
            raise
        # A table of an earlier version, or of a job with other markets than these settings name: what it has no column for was not observed.
        with clickhouse_translated(self._address):
            found = self._read(*clickhouse_select(schema, replace(question, columns=kept), self._seconds))
        return [{name: row.get(name) for name in wanted} for row in found]

    def _read(self, text: str, parameters: dict[str, Any]) -> list[Row]:
        with self._lock:
            if self._client is None:
                self._client = connected(self._address)
            client = self._client
        found = client.query(text, parameters=parameters).named_results()
        return [{name: _ms(value) if isinstance(value, datetime) else value for name, value in row.items()} for row in found]

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close()

    @property
    def address(self) -> ClickHouseAddress:
        """Where it is."""
        return self._address


def _sqlite(path: Path) -> sa.Engine:
    # A thread of the web server may get the connection of another; the pool gives it to one at a time.
    arguments = {"timeout": ANSWER_SECONDS, "check_same_thread": False}
    return sa.create_engine(f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true", hide_parameters=True, connect_args=arguments)


def _columns_there(connection: sa.Connection, table: str) -> frozenset[str]:
    """The columns of a table; none where there is no table."""
    inspector = sa.inspect(connection)
    return frozenset(column["name"] for column in inspector.get_columns(table)) if inspector.has_table(table) else frozenset()


def _moment(milliseconds: float | str) -> datetime:
    return _EPOCH + timedelta(milliseconds=float(milliseconds))


def _ms(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round((aware - _EPOCH) / timedelta(milliseconds=1))
