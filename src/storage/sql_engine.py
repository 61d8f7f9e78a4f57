"""DATABASE_URL to a SQLAlchemy engine: which databases there are, with which driver, and how long each may take to answer."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pymysql.converters import conversions

from src.errors import ConfigurationError, MissingPartError
from src.storage.sql_literals import SqlText, written

_DRIVERS = {"mysql": "pymysql", "mariadb": "pymysql", "postgresql": "psycopg", "sqlite": "pysqlite"}
_HOW = (
    "it looks like mysql://user:password@host:3306/database or sqlite:////folder/file.db, "
    "and in user and password the characters @ : / % ? # are written %40 %3A %2F %25 %3F %23"
)
_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 8
_LOCK_SECONDS = 5


def create_engine(url: str, answer_seconds: int = _ANSWER_SECONDS) -> sa.Engine:
    """An engine for `url`. A server has `answer_seconds` for each statement; nothing connects before the engine is used.

    TLS, and whatever else the driver can do, is asked for by parameters of the URL, which are handed on to it: `?ssl_ca=/folder/ca.pem` (PyMySQL),
    `?sslmode=verify-full&sslrootcert=/folder/ca.pem` (psycopg).

    Raises ConfigurationError for a URL that cannot be read or names a database that rows cannot go to, MissingPartError for a missing driver.
    """
    address = parsed(url)
    if address.get_backend_name() == "sqlite":
        return _sqlite_engine(address)
    arguments = _mysql_arguments(address, answer_seconds) if address.get_backend_name() == "mysql" else _postgresql_arguments(address, answer_seconds)
    try:
        # A pre-ping finds a connection that was lost since the last batch before this one does. Errors must not quote rows.
        return sa.create_engine(address, pool_pre_ping=True, pool_recycle=1800, pool_size=2, hide_parameters=True, connect_args=arguments)
    except ModuleNotFoundError as error:
        raise MissingPartError(f"DATABASE_URL needs the Python package {error.name}, which is not installed: pip install {error.name}") from None


def parsed(url: str) -> sa.URL:
    """`url` with its driver's name. Raises ConfigurationError, which quotes nothing of a URL that may have its password in the wrong place."""
    address: sa.URL | None = None
    with suppress(sa.exc.ArgumentError, ValueError):
        address = sa.make_url(url)
    if address is None:
        raise ConfigurationError(f"DATABASE_URL is not a database address: {_HOW}")
    backend, _, driver = address.drivername.lower().partition("+")
    if backend not in _DRIVERS:
        raise ConfigurationError(f"DATABASE_URL names the database {backend!r}; rows can go to MySQL, MariaDB, PostgreSQL and SQLite: {_HOW}")
    if driver not in {"", _DRIVERS[backend]}:
        raise ConfigurationError(f"DATABASE_URL names the driver {driver!r}; the one used here is {backend}+{_DRIVERS[backend]}, or just {backend}")
    if backend == "sqlite":
        if address.database in {None, "", ":memory:"}:
            raise ConfigurationError("DATABASE_URL names no SQLite file, and rows in memory end with the job: sqlite:////folder/file.db")
    elif url.count("@") > 1:
        raise ConfigurationError(f"DATABASE_URL has more than one @, so where the password ends cannot be told: {_HOW}")
    elif not address.database:
        raise ConfigurationError(f"DATABASE_URL names no database on the server: {_HOW}")
    # SQLAlchemy's `mysql` finds out by itself which of the two answers; its `mariadb` refuses MySQL.
    backend = "mysql" if backend == "mariadb" else backend
    return address.set(drivername=f"{backend}+{_DRIVERS[backend]}")


def shown(url: sa.URL) -> str:
    """The address without password or parameters."""
    return sa.URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database).render_as_string(hide_password=True)


def _mysql_arguments(address: sa.URL, answer_seconds: int) -> dict[str, Any]:
    # As bytes: PyMySQL would write a text as Latin-1, which is another password than the one the server was given.
    password = {} if address.password is None else {"password": address.password.encode()}
    return {
        **password,
        "conv": conversions | {SqlText: written},
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": answer_seconds,
        "write_timeout": answer_seconds,
        "charset": "utf8mb4",
        # Whatever the server's default: a text that is too long is an error, as a key cut short would be another row's.
        "sql_mode": "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION",
        # A batch that waits for another job's lock is written again; a job that is asked to stop meanwhile must not wait for it.
        "init_command": f"SET SESSION lock_wait_timeout={_LOCK_SECONDS}, innodb_lock_wait_timeout={_LOCK_SECONDS}",
    }


def _postgresql_arguments(address: sa.URL, answer_seconds: int) -> dict[str, Any]:
    given = address.query.get("options", "")
    limits = f"-c statement_timeout={answer_seconds}s -c lock_timeout={_LOCK_SECONDS}s"
    return {
        "connect_timeout": _CONNECT_SECONDS,
        # A server that has gone without a word is noticed by what it does not acknowledge.
        "tcp_user_timeout": answer_seconds * 1000,
        "options": f"{limits} {given if isinstance(given, str) else ' '.join(given)}".strip(),
    }


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    folder = Path(url.database or "").parent
    try:
        if not str(folder).startswith("file:"):  # SQLite's own form of an address, with options behind it
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the folder {folder} of the database file cannot be made: {error.strerror}; choose another in DATABASE_URL or COINSPARK_HOME"
        ) from None
    engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": _LOCK_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _readers_do_not_block(connection: Any, record: Any) -> None:
        del record
        connection.execute("PRAGMA journal_mode=WAL")
        # Each batch is on the disk before Spark's checkpoint says so: a power cut loses none.
        connection.execute("PRAGMA synchronous=FULL")

    return engine
