"""ClickHouse's errors as ours: what the user must mend, and what passes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import ClickHouseError, Error
from urllib3.exceptions import HTTPError

from src.errors import CoinSparkError, ConfigurationError, TransientError
from src.storage.clickhouse_address import SETTING, ClickHouseAddress
from src.storage.reaching import not_reached

_PASSWORD = f"the user name or the password is wrong; in {SETTING} the characters @ : / % of a password are written %40 %3A %2F %25"
_RIGHTS = "the user may not create, read or write these tables: grant SELECT, INSERT, CREATE TABLE, CREATE VIEW, DROP VIEW and ALTER on the database"
_CLUSTER = "the cluster is not in the server's configuration: correct COINSPARK_CLICKHOUSE_CLUSTER (SELECT cluster FROM system.clusters lists them)"
_MUST_ACT = {
    60: "a table is gone: start the same command again, it is made anew",
    81: "the database does not exist: create it first",
    139: "the server has no such entry in its configuration: a replicated table needs the macros shard and replica, ON CLUSTER needs Keeper",
    164: _RIGHTS,
    170: _CLUSTER,
    192: _PASSWORD,
    193: _PASSWORD,
    194: _PASSWORD,
    195: "the server does not let this host in",
    291: _RIGHTS,
    497: _RIGHTS,
    516: _PASSWORD,
    701: _CLUSTER,
}
_PASSES = {
    # Time, load, memory, disk.
    *(74, 75, 159, 160, 202, 203, 241, 242, 243, 252, 745),
    # Network, other replicas, Keeper.
    *(3, 32, 33, 198, 209, 210, 225, 279, 285, 286, 287, 289, 319, 341, 415, 425, 517, 999),
    # Stopped from outside, or in another request's way.
    *(236, 373, 394, 473, 734),
}
_OTHER_PROCESS = "Error initializing EmbeddedServer"


@contextmanager
def translated(address: ClickHouseAddress, *, opening: bool = False) -> Iterator[None]:
    """Turn an error of clickhouse-connect inside into one of ours that names the server but no secret.

    `opening`: before the first batch. A server that cannot be reached is an UnreachableError then (a MissingPartError where its address or its
    certificate is wrong), and what is no ClickHouse at all the user's to mend; later both are a TransientError.
    """
    failure: CoinSparkError | None = None
    try:
        yield
    except (ClickHouseError, HTTPError) as error:
        failure = _ours(address, error, opening=opening)
    if failure is not None:
        # Out here it has no context: nothing that prints a whole chain of errors can print a request.
        raise failure


def _ours(address: ClickHouseAddress, error: ClickHouseError | HTTPError, *, opening: bool) -> CoinSparkError:
    place = f"ClickHouse at {address.shown}"
    code = error.code if isinstance(error, Error) else None
    said = _said(address, error)
    if _OTHER_PROCESS in str(error):
        return ConfigurationError(
            f"{place} cannot be opened: another process has the folder (one alone may), or it is no folder of ClickHouse's. "
            f"Stop that process, or reach it over HTTP: {SETTING}=embedded"
        )
    if code in _MUST_ACT:
        user = f" as user {address.user!r}" if address.user else ""
        return ConfigurationError(f"{place}{user}: {_MUST_ACT[code]} (it said: {said})")
    if isinstance(error, HTTPError) or isinstance(error.__cause__, HTTPError):
        message = f"{place} cannot be reached: {said}"
        return not_reached(f"{message}; start it, or correct {SETTING}", said) if opening else TransientError(message)
    if code in _PASSES:
        return TransientError(f"{place}: {said}")
    if code is None:
        message = f"{place} does not answer as ClickHouse does: {said}"
        return ConfigurationError(f"{message}; correct {SETTING}") if opening else TransientError(message)
    return ConfigurationError(f"{place} cannot be used: {said}" if opening else f"{place} refused the rows: {said}")


def _said(address: ClickHouseAddress, error: BaseException) -> str:
    """The server's own words in one line; of a failed connection what the network said."""
    cause = error.__cause__
    text = str(getattr(cause, "reason", None) or cause) if isinstance(cause, HTTPError) else str(error)
    text = text.rpartition("DB::Exception: ")[2] if "DB::Exception: " in text else re.sub(r"^Received ClickHouse exception, |^<.*?>: ", "", text)
    words = " ".join(text.split()) or type(error).__name__
    secret = address.password.get_secret_value()
    words = words.replace(secret, "***") if secret else words
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."


_LONGEST = 400
