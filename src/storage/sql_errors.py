"""A database's errors as ours: what the user must mend, and what passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from src.errors import CoinSparkError, ConfigurationError, TransientError

_USER_MUST_ACT = {
    1044: "the user may not use the database",
    1045: "the user name or the password is wrong",
    1049: "the database does not exist; create it first",
    1142: "the user may not create or write these tables",
    1227: "the user lacks a privilege",
    1290: "the server is read-only",
    1698: "the user name or the password is wrong",
}
_PASSES = {1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1927, 2002, 2003, 2006, 2013, 2014, 2055, 4031}
_UNREACHABLE = {2002, 2003}


@contextmanager
def translated(url: sa.URL) -> Iterator[None]:
    """Turn a database error inside into a ConfigurationError or a TransientError that names the database but no secret."""
    try:
        yield
    except CoinSparkError:
        raise
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as error:
        raise _ours(url, error) from None


def _ours(url: sa.URL, error: sa.exc.SQLAlchemyError) -> CoinSparkError:
    place = f"{url.get_backend_name()} database {url.database!r}" + (f" on {url.host}:{url.port or 'default port'}" if url.host else "")
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else None
    code = original.args[0] if original is not None and original.args and isinstance(original.args[0], int) else None
    said = _said(original, error)
    if code in _USER_MUST_ACT:
        user = f" as user {url.username!r}" if url.username else ""
        return ConfigurationError(f"{place}{user}: {_USER_MUST_ACT[code]} (the server said: {said}); check DATABASE_URL")
    if code in _UNREACHABLE:
        return TransientError(f"{place} cannot be reached: {said}")
    if code in _PASSES or isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.TimeoutError):
        return TransientError(f"{place}: {said}")
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return TransientError(f"{place}: the connection was lost: {said}")
    return ConfigurationError(f"{place} refused the rows: {said}")


def _said(original: BaseException | None, error: sa.exc.SQLAlchemyError) -> str:
    """The driver's own words; never the statement and its parameters, which SQLAlchemy puts into its message."""
    if original is None:
        return type(error).__name__
    words = original.args[1] if len(original.args) > 1 else original
    return str(words).splitlines()[0] if str(words) else type(original).__name__
