"""A database's errors as ours: what the user must mend, and what passes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from src.errors import CoinSparkError, ConfigurationError, TransientError
from src.storage.reaching import not_reached

_WHO = (
    "the user name or the password is wrong, or the account asks for TLS (?ssl_ca=/folder/ca.pem); "
    "in DATABASE_URL the characters @ : / % of a password are written %40 %3A %2F %25"
)
_NO_TABLE = "a table, or a column of one, is gone: start the same command again, and what is missing is made"
_MYSQL_MUST_ACT = {
    1044: "the database does not exist, or the user may not use it",
    1045: _WHO,
    1049: "the database does not exist: create it first",
    1130: "the server does not let this host in",
    1142: "the user may not create, read or write these tables: grant SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER and INDEX on the database",
    1143: "the user may not write these columns",
    1054: _NO_TABLE,
    1146: _NO_TABLE,
    1227: "the user lacks a privilege",
    3159: "the server takes TLS connections alone: add ?ssl_ca=/folder/ca.pem to DATABASE_URL",
    1698: _WHO,
}
_MYSQL_UNREACHABLE = {0, 2002, 2003, 2005, 2006, 2013, 2014, 2055}
_MYSQL_PASSES = {
    *(1040, 1053, 1077, 1129, 1158, 1159, 1160, 1161, 1203, 1205, 1206, 1213, 1317, 1684, 1927, 4031),
    # Read-only while a cluster changes its primary.
    *(1290, 1792, 1836),
}
_SQLITE_MUST_ACT = {
    sqlite3.SQLITE_PERM: "the file may not be used by this user",
    sqlite3.SQLITE_READONLY: "the file or its folder may not be written by this user",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: move it away, and a new one is made",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened or made here",
    sqlite3.SQLITE_NOTADB: "the file is not a SQLite database",
}
_SQLITE_PASSES = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL}
_PRIMARY_CODE = 0xFF
_MYSQL_TIME = {1317, 1969, 3024}
_MYSQL_LOST = 2013
_POSTGRESQL_TIME = "57014"
_POSTGRESQL_MUST_ACT = {
    "28000": _WHO,
    "28P01": _WHO,
    "3D000": "the database does not exist: create it first",
    "42501": "the user may not create, read or write these tables: grant CREATE on the schema, and SELECT, INSERT, UPDATE, DELETE on its tables",
    "42P01": _NO_TABLE,
    "42703": _NO_TABLE,
}
_POSTGRESQL_PASSES = ("08", "53", "57", "58", "40001", "40P01", "55P03", "25006")
"""Classes of SQLSTATE, and single ones: lost connections, a lack of means, a shutdown or time-out, serialization, deadlock, lock, read-only."""
_POSTGRESQL_SAYS = (
    ("password authentication failed", _WHO),
    ("no password supplied", _WHO),
    ('role "', "the user does not exist, or may not log in"),
    ('database "', "the database does not exist: create it first"),
    ("no pg_hba.conf entry", "the server does not let this host or user in"),
)
"""Of a connection that was refused the driver has nothing but the server's words."""


@contextmanager
def translated(url: sa.URL, *, opening: bool = False) -> Iterator[None]:
    """Turn a database error inside into one of ours that names the database but no secret.

    `opening`: before the first batch. A server that cannot be reached is an UnreachableError then (a MissingPartError where its address or its
    certificate is wrong), and an error that nobody knows is the user's to mend; later both are a TransientError.
    """
    failure: CoinSparkError | None = None
    try:
        yield
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        failure = _ours(url, error, opening=opening)
    if failure is not None:
        # Out here it has no context: nothing that prints a whole chain of errors can print the driver's.
        raise failure


def timed_out(original: BaseException | None) -> bool:
    """Whether a driver's error says that a statement took longer than it may."""
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", 0) & _PRIMARY_CODE == sqlite3.SQLITE_INTERRUPT
    if type(original).__module__.startswith("psycopg"):
        return getattr(original, "sqlstate", None) == _POSTGRESQL_TIME
    code = original.args[0] if original is not None and original.args else None
    return code in _MYSQL_TIME or (code == _MYSQL_LOST and "timed out" in str(original))


def _ours(url: sa.URL, error: sa.exc.SQLAlchemyError, *, opening: bool) -> CoinSparkError:
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    said = _said(original, error)
    place = f"{url.get_backend_name()} database {url.database!r}" + (f" on {url.host}:{url.port or 'default port'}" if url.host else "")
    if timed_out(original):
        return TransientError(f"{place} has not answered in the time that it was given: {said}")
    advice, passes, unreachable = _sorted(original)
    if advice:
        user = f" as user {url.username!r}" if url.username else ""
        return ConfigurationError(f"{place}{user}: {advice} (it said: {said}); check DATABASE_URL")
    if unreachable and opening:
        return not_reached(f"{place} cannot be reached: {said}; start it, or correct DATABASE_URL", said)
    if unreachable:
        return TransientError(f"{place} cannot be reached: {said}")
    lost = isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
    # Of a server, errors of these kinds may pass; SQLite's codes say it all.
    may_pass = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.InternalError | sa.exc.TimeoutError)
    if passes or lost or (may_pass and not opening and not isinstance(original, sqlite3.Error)):
        return TransientError(f"{place}: {said}")
    return ConfigurationError(f"{place} cannot be used: {said}" if opening else f"{place} refused the rows: {said}")


def _sorted(original: BaseException | None) -> tuple[str, bool, bool]:
    """What the user must mend, if that is known; whether the error is known to pass; whether it says that the server cannot be reached."""
    if isinstance(original, sqlite3.Error):
        if str(original).startswith(("no such table", "no such column")):
            return _NO_TABLE, False, False
        code = getattr(original, "sqlite_errorcode", 0) & _PRIMARY_CODE
        return _SQLITE_MUST_ACT.get(code, ""), code in _SQLITE_PASSES, False
    if type(original).__module__.startswith("psycopg"):
        return _sorted_postgresql(original)
    code = original.args[0] if original is not None and original.args else None
    if isinstance(code, int):
        return _MYSQL_MUST_ACT.get(code, ""), code in _MYSQL_PASSES, code in _MYSQL_UNREACHABLE
    return "", False, False


def _sorted_postgresql(error: BaseException | None) -> tuple[str, bool, bool]:
    state = getattr(error, "sqlstate", None)
    if state is not None:
        return _POSTGRESQL_MUST_ACT.get(state, ""), state.startswith(_POSTGRESQL_PASSES), False
    words = str(error)
    advice = next((advice for said, advice in _POSTGRESQL_SAYS if f"FATAL:  {said}" in words), "")
    return advice, False, type(error).__name__ in {"OperationalError", "ConnectionTimeout"}


def _said(original: BaseException | None, error: sa.exc.SQLAlchemyError) -> str:
    """The driver's own words; never the statement, which SQLAlchemy puts into its message."""
    if original is None:
        return type(error).__name__
    words = str(original.args[1] if len(original.args) > 1 else original).strip()
    return words.splitlines()[0] if words else "the connection was lost"
