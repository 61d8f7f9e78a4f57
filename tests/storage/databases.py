"""The SQL databases of the suite over all sinks, and how each of them is broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from src.schema.tables import TableSchema
from tests.servers import MariaDb
from tests.storage.disks import SmallDisk, small_disk
from tests.storage.postgres import PostgreSql
from tests.storage.stores import Place, SqlStore, Store, connected

PASSWORD = "hunter2SECRET"  # noqa: S105
_WAIT_SECONDS = 60


class SqliteStore(SqlStore):
    """A file."""

    @property
    def path(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    @contextmanager
    def read_only(self) -> Iterator[Store]:
        # A right that even root lacks: opened so that writing is refused.
        yield SqlStore(f"sqlite:///file:{self.path}?mode=ro&uri=true")

    @contextmanager
    def on_small_disk(self) -> Iterator[tuple[Store, SmallDisk]]:
        with small_disk(self.path.parent / "small") as disk:
            yield SqliteStore(f"sqlite:///{disk.folder}/coin.db"), disk


class MySqlStore(SqlStore):
    """A database of a MySQL-protocol server."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        super().__init__(request.getfixturevalue("mysql_url"))
        self._request = request

    @contextmanager
    def read_only(self) -> Iterator[Store]:
        server = self._request.getfixturevalue("mysql")
        address = sa.make_url(self.url)
        server.execute("DROP USER IF EXISTS reader", f"CREATE USER reader IDENTIFIED BY '{PASSWORD}'")
        server.execute(f"GRANT SELECT ON `{address.database}`.* TO reader")
        yield SqlStore(address.set(username="reader", password=PASSWORD).render_as_string(hide_password=False))
        server.execute("DROP USER reader")

    @contextmanager
    def on_small_disk(self) -> Iterator[tuple[Store, SmallDisk]]:
        server: MariaDb = self._request.getfixturevalue("stoppable_mysql")
        # To the server a folder of its data is a database.
        with small_disk(server._folder / "data" / "small", megabytes=32) as disk:
            yield SqlStore(server.administrator.set(database="small").render_as_string()), disk

    @contextmanager
    def held(self, table: TableSchema) -> Iterator[Callable[[], None]]:
        waiting = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        with connected(self.url) as blocker, connected(self.url) as administrator:
            blocker.exec_driver_sql(f"SELECT * FROM `{table.name}` FOR UPDATE").all()  # noqa: S608

            def cut() -> None:
                administrator.exec_driver_sql(f"KILL {_waited_for(administrator, waiting)}")

            yield cut


class PostgreSqlStore(SqlStore):
    """A database of a PostgreSQL server."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        super().__init__(request.getfixturevalue("postgresql_url"))
        self._server: PostgreSql = request.getfixturevalue("postgresql")

    @contextmanager
    def read_only(self) -> Iterator[Store]:
        address = sa.make_url(self.url)
        name = address.database or ""
        self._server.execute(f"CREATE USER reader PASSWORD '{PASSWORD}'")
        self._server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", database=name)
        yield SqlStore(address.set(username="reader", password=PASSWORD).render_as_string(hide_password=False))
        self._server.execute("DROP OWNED BY reader", database=name)
        self._server.execute("DROP USER reader")

    @contextmanager
    def on_small_disk(self) -> Iterator[tuple[Store, SmallDisk]]:
        with small_disk(self._server.folder / "small", megabytes=32, owner=self._server.user) as disk:
            self._server.execute(f"CREATE TABLESPACE small LOCATION '{disk.folder}'", "CREATE DATABASE small TABLESPACE small")
            try:
                yield SqlStore(self._server.address.set(database="small").render_as_string()), disk
            finally:
                self._server.execute("DROP DATABASE small WITH (FORCE)", "DROP TABLESPACE small")

    @contextmanager
    def held(self, table: TableSchema) -> Iterator[Callable[[], None]]:
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with connected(self.url) as blocker, connected(self.url) as administrator:
            blocker.exec_driver_sql(f'LOCK TABLE "{table.name}"')

            def cut() -> None:
                administrator.exec_driver_sql(f"SELECT pg_terminate_backend({_waited_for(administrator, waiting)})")

            yield cut


def _waited_for(connection: sa.Connection, query: str) -> int:
    """The server's number of the connection that waits for a lock, once one does."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        found = connection.exec_driver_sql(query).scalar_one_or_none()
        if found is not None:
            return int(found)
        assert time.monotonic() < deadline
        # InnoDB shows a new list of its transactions only when nobody has asked for it for a tenth of a second.
        time.sleep(0.2)


DATABASES = [
    Place("sqlite", lambda request: SqliteStore(request.getfixturevalue("sqlite_url"))),
    Place("mysql", MySqlStore, (pytest.mark.mysql,)),
    Place("postgresql", PostgreSqlStore),
]
