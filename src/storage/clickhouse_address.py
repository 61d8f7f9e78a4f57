"""COINSPARK_CLICKHOUSE_URL to a client of clickhouse-connect: a server over HTTP or HTTPS, or the engine in this process on a folder."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.httputil import get_pool_manager
from pydantic import SecretStr
from urllib3.exceptions import InsecureRequestWarning

from src.clickhouse.names import CHDB_MISSING, EMBEDDED_DATABASE
from src.errors import ConfigurationError, MissingPartError
from src.logs import quiet_libraries

SETTING = "COINSPARK_CLICKHOUSE_URL"
_HOW = (
    "it looks like http://user:password@host:8123/database, https://... for TLS, chdb:///folder or the word embedded, "
    "and in user and password the characters @ : / % ? # are written %40 %3A %2F %25 %3F %23"
)
_PORTS = {"http": 8123, "https": 8443}
_ALIASES = {"clickhouse": "http", "clickhouses": "https"}
_DATABASE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_TLS_PARAMETERS = frozenset({"verify", "ca_cert", "client_cert", "client_cert_key", "server_host_name"})
_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 30
_NEAR = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class ClickHouseAddress:
    """Where ClickHouse is. Prints without its password."""

    database: str
    scheme: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: SecretStr = field(default_factory=lambda: SecretStr(""))
    folder: Path | None = None
    """Of the engine in this process; none for a server."""
    tls: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """The address as messages give it: no user, no password."""
        if self.folder is not None:
            return f"chdb://{self.folder}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/{self.database}"


def parsed(url: str) -> ClickHouseAddress:
    """`url` in its parts. Raises ConfigurationError, which quotes nothing of a URL that may have its password in the wrong place."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigurationError(f"{SETTING} is not an address: {_HOW}") from None
    scheme = _ALIASES.get(parts.scheme, parts.scheme)
    if scheme == "chdb":
        if parts.netloc or parts.path in {"", "/"}:
            raise ConfigurationError(f"{SETTING} names no folder, and rows in memory end with the job: chdb:////folder or chdb:///folder")
        return ClickHouseAddress(EMBEDDED_DATABASE, "chdb", folder=Path(unquote(parts.path)))
    if scheme not in _PORTS or not parts.hostname:
        raise ConfigurationError(f"{SETTING} is not an address of ClickHouse: {_HOW}")
    if url.count("@") > 1:
        raise ConfigurationError(f"{SETTING} has more than one @, so where the password ends cannot be told: {_HOW}")
    database = unquote(parts.path.strip("/")) or "default"
    if not _DATABASE.fullmatch(database):
        raise ConfigurationError(f"{SETTING} names a database of other characters than letters, digits and _: {_HOW}")
    tls = dict(parse_qsl(parts.query))
    unknown = sorted(name for name in tls if name not in _TLS_PARAMETERS)
    if unknown:
        raise ConfigurationError(f"{SETTING} has a parameter that is not known; those that are: {', '.join(sorted(_TLS_PARAMETERS))}")
    user, password = unquote(parts.username or ""), SecretStr(unquote(parts.password or ""))
    return ClickHouseAddress(database, scheme, parts.hostname, port or _PORTS[scheme], user, password, tls=tls)


def connected(address: ClickHouseAddress, database: str | None = None) -> Client:
    """A client, after it asked the server for its version and settings. `database`: another one than the address's.

    Raises what clickhouse-connect raises (see `clickhouse_errors.translated`), MissingPartError where the engine's package is missing.
    """
    quiet_libraries("clickhouse_connect")
    database = database or address.database
    if address.folder is not None:
        try:
            address.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"the folder {address.folder} of {SETTING} cannot be made: {error.strerror}") from None
        try:
            return clickhouse_connect.get_client(interface="chdb", path=str(address.folder), database=database, show_clickhouse_errors="scrub")
        except ImportError:
            raise MissingPartError(CHDB_MISSING) from None
    return clickhouse_connect.get_client(
        interface=address.scheme,
        host=address.host,
        port=address.port,
        username=address.user or "default",
        password=address.password.get_secret_value(),
        database=database,
        # Within one machine packing costs more than it saves.
        compress=False if address.host in _NEAR else "lz4",
        connect_timeout=_CONNECT_SECONDS,
        send_receive_timeout=_ANSWER_SECONDS,
        query_retries=0,
        # A session would be locked on the server by a request that was broken off.
        autogenerate_session_id=False,
        # Without the server's URL and version; see clickhouse_errors.
        show_clickhouse_errors="scrub",
        **_pool(address),
        **_tls_arguments(address.tls),
    )


def answers_ping(address: ClickHouseAddress, seconds: float) -> bool:
    """Whether what is at the address of a server answers as ClickHouse does, asked without user and password, and by the TLS that `connected` uses.

    Raises urllib3's HTTPError, or an OSError for a file of the TLS parameters, when nothing answers.
    """
    tls = _tls_arguments(address.tls) if address.scheme == "https" else {}
    name = tls.pop("server_host_name", None)
    if name is not None:
        tls |= {"server_hostname": name} | ({"assert_hostname": name} if tls.get("verify", True) else {})
    pool = get_pool_manager(**tls)
    try:
        # No database: /ping has none. No redirect: it would lead to somebody else.
        place = address.shown.rpartition("/")[0]
        with warnings.catch_warnings():
            # Whoever writes verify=false knows what it means.
            warnings.simplefilter("ignore", InsecureRequestWarning)
            answer = pool.request("GET", f"{place}/ping", timeout=seconds, retries=False, redirect=False)
        return bool(answer.status == HTTPStatus.OK and answer.data.strip() == b"Ok.")
    finally:
        pool.clear()


def _pool(address: ClickHouseAddress) -> dict[str, Any]:
    # A proxy that the environment names is for hosts elsewhere; given a pool the client does not look for one.
    return {"pool_mgr": get_pool_manager()} if address.host in _NEAR and address.scheme == "http" else {"dedicated_pool": True}


def _tls_arguments(tls: Mapping[str, str]) -> dict[str, Any]:
    return {name: value.lower() not in {"false", "0", "no"} if name == "verify" else value for name, value in tls.items()}
