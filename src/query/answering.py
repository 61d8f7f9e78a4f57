"""A statement of the user's, put to the database or to ClickHouse: one that only reads, bounded in rows and in time by the server where it can."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from clickhouse_connect.driver.exceptions import ClickHouseError, Error

from src.dashboard.stores import ClickHouseStore, SqlStore
from src.errors import ConfigurationError
from src.nearest import did_you_mean
from src.query.result import Heading, Result
from src.query.units import unit_of_name
from src.storage.clickhouse_address import connected
from src.storage.clickhouse_errors import translated as clickhouse_translated
from src.storage.sql_errors import timed_out

_NAMED = re.compile(r"[`'\"]([\w.]+)[`'\"]|(?:column|table): ([\w.]+)")
_STREAMED = ("SELECT", "WITH", "VALUES", "TABLE")
# Accounts, connections and load: nothing of the statement's.
_MYSQL_OTHER = frozenset({1040, 1044, 1045, 1049, 1053, 1130, 1142, 1143, 1203, 1205, 1213, 1226, 1227, 1290, 1698})
# A statement that is wrong is SCHEMA on a connection that has not read the tables yet.
_SQLITE_MISTAKES = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH})
_POSTGRESQL_MISTAKES = ("42", "22", "21", "0A", "25", "3F")
_CLICKHOUSE_OTHER = frozenset({3, 81, 192, 193, 194, 195, 209, 210, 241, 291, 497, 516})
_CLICKHOUSE_TIME = frozenset({159, 160})
_PRIMARY_CODE = 0xFF


@dataclass(frozen=True)
class Bounds:
    """What an answer may cost."""

    rows: int
    seconds: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.seconds < 1:
            raise ConfigurationError("an answer has at least one row and one second: --limit and --timeout are 1 or more")


def ask_database(store: SqlStore, statement: str, bounds: Bounds, known: Iterable[str]) -> Result:
    """The answer of MySQL, MariaDB, PostgreSQL or SQLite. known: names of tables and columns, for words that are not.

    Raises ConfigurationError for a statement that is wrong, that writes or that takes too long, and CoinSparkError for a database that is away.
    """
    if not store.exists:
        raise ConfigurationError(f"there is no database yet at {store.shown}: a job makes it")
    with store.connected() as connection, _mistakes_told(bounds, known):
        _bound(connection, bounds)
        streamed = statement.lstrip("( ").upper().startswith(_STREAMED)
        # Without parameters a % is a %.
        with _ended_with(connection):
            found = connection.execution_options(no_parameters=True, stream_results=streamed).exec_driver_sql(statement)
            rows = [tuple(map(_plain, row)) for row in found.fetchmany(bounds.rows + 1)]
        return _result(tuple(found.keys()), rows, bounds)


def ask_clickhouse(store: ClickHouseStore, statement: str, bounds: Bounds, known: Iterable[str]) -> Result:
    """The answer of ClickHouse. Raises as `ask_database`."""
    with clickhouse_translated(store.address), _mistakes_told(bounds, known), closing(connected(store.address)) as client:
        wanted: Mapping[str, Any] = {
            "max_execution_time": bounds.seconds,
            "max_result_rows": bounds.rows + 1,
            "result_overflow_mode": "break",
            "readonly": 1,
        }
        # A user who may only read may not set anything, and need not.
        allowed = {name: value for name, value in wanted.items() if not getattr(client.server_settings.get(name), "readonly", 0)}
        found = client.query(statement, settings=allowed)
        rows = [tuple(map(_plain, row)) for row in found.result_rows[: bounds.rows + 1]]
        return _result(tuple(found.column_names), rows, bounds)


@contextmanager
def _ended_with(connection: sa.Connection) -> Iterator[None]:
    """Stop using a connection whose answer broke off: what is left of it would be taken for the next answer, and drivers warn of it."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        connection.invalidate(error)
        raise


def _result(names: tuple[str, ...], rows: list[tuple[Any, ...]], bounds: Bounds) -> Result:
    is_time = [any(isinstance(row[place], datetime) for row in rows) for place in range(len(names))]
    headings = tuple(Heading(name, unit_of_name(name, is_time=time)) for name, time in zip(names, is_time, strict=True))
    return Result(headings, rows[: bounds.rows], more=len(rows) > bounds.rows)


def _bound(connection: sa.Connection, bounds: Bounds) -> None:
    """What the server can see to itself. The time of PostgreSQL and SQLite is in the connection."""
    if connection.dialect.name != "mysql":
        return
    connection.exec_driver_sql(f"SET SESSION sql_select_limit = {bounds.rows + 1}")
    is_mariadb = getattr(connection.dialect, "is_mariadb", False)
    time = f"max_statement_time = {bounds.seconds}" if is_mariadb else f"max_execution_time = {bounds.seconds * 1000}"
    # A server that is too old for it stops when this client goes away.
    with suppress(sa.exc.DBAPIError):
        connection.exec_driver_sql(f"SET SESSION {time}")


@contextmanager
def _mistakes_told(bounds: Bounds, known: Iterable[str]) -> Iterator[None]:
    """What is wrong with the statement is the user's to mend; all other errors pass through."""
    problem = ""
    try:
        yield
    except sa.exc.ResourceClosedError:
        problem = "the statement gives no rows: `query` only reads"
    except sa.exc.DBAPIError as error:
        problem = _problem(_words(error.orig), _is_mistake(error), timed_out(error.orig), bounds, known)
        if not problem:
            raise
    except ClickHouseError as error:
        code = error.code if isinstance(error, Error) else None
        is_mistake = code is not None and code not in _CLICKHOUSE_OTHER
        problem = _problem(_first_line(str(error)), is_mistake and code not in _CLICKHOUSE_TIME, code in _CLICKHOUSE_TIME, bounds, known)
        if not problem:
            raise
    if problem:
        # Out here it has no context: a driver's error may quote what it was given.
        raise ConfigurationError(problem)


def _problem(said: str, is_mistake: bool, is_late: bool, bounds: Bounds, known: Iterable[str]) -> str:
    if is_late:
        return f"no answer within {bounds.seconds} s: ask for less (a shorter time, fewer columns), or allow more by --timeout"
    if not is_mistake:
        return ""
    names = set(known)
    wrong = [word.rpartition(".")[2] for found in _NAMED.findall(said) for word in found if word]
    hints = [did_you_mean(word, names) for word in wrong if word not in names]
    return " ".join(filter(None, [f"the database refuses the statement: {said}", next(filter(None, hints), "")]))


def _is_mistake(error: sa.exc.DBAPIError) -> bool:
    """Whether an error says that the statement is wrong."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", 0) & _PRIMARY_CODE in _SQLITE_MISTAKES
    code = original.args[0] if original is not None and original.args else None
    if isinstance(code, int):
        # First, for MySQL's driver names a state as well.
        is_servers = 1000 <= code < 2000 or code >= 3000  # noqa: PLR2004  (2000 and above are the client's)
        return is_servers and code not in _MYSQL_OTHER
    return str(getattr(original, "sqlstate", None)).startswith(_POSTGRESQL_MISTAKES)


def _words(original: BaseException | None) -> str:
    """The driver's words, without the statement, which SQLAlchemy puts behind them."""
    if original is None:
        return "no reason is given"
    return _first_line(str(original.args[1] if len(original.args) > 1 else original))


def _first_line(text: str) -> str:
    text = text.rpartition("DB::Exception: ")[2]
    return (text.strip().splitlines() or ["no reason is given"])[0]


def _plain(value: Any) -> Any:
    """A value as it can be shown and written down, whatever the driver makes of it."""
    match value:
        case datetime():
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        case Decimal():
            return int(value) if value == value.to_integral_value() and value.is_finite() else float(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode(errors="replace")
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return str(value)
