"""ClickHouse as a store of the suite: the engine in the test's own process, and the same engine over HTTP by its owner."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest
from clickhouse_connect.driver.client import Client

from src.schema.tables import TableSchema
from src.storage.clickhouse import ClickHouseSink, current_view
from src.storage.clickhouse_address import connected, parsed
from src.storage.clickhouse_tables import identifier
from tests.servers import missing
from tests.storage.stores import Store


class ClickHouseStore(Store):
    """A ClickHouse, by its address. Rows are kept for ever, as those of the tests are old."""

    knows_batches = True

    def __init__(self, url: str, reader_url: str | None = None) -> None:
        self.url = url
        self.reader_url = reader_url

    def sink(self, **layout: Any) -> ClickHouseSink:
        return ClickHouseSink(self.url, **{"ttl_days": 0, **layout})

    def rows(self, table: TableSchema) -> list[dict[str, Any]]:
        return self.read(f"SELECT * FROM {identifier(current_view(table.name))}")  # noqa: S608

    def drop(self, table: TableSchema) -> None:
        self.execute(f"DROP TABLE {identifier(table.name)} SYNC")

    @contextmanager
    def read_only(self) -> Iterator[Store]:
        if self.reader_url is None:
            pytest.skip("the engine in the process knows no rights")
        yield ClickHouseStore(self.reader_url)

    @contextmanager
    def on_small_disk(self) -> Iterator[tuple[Store, Any]]:
        """Only of the engine in the process: the owner serves all tests."""
        from tests.storage.disks import small_disk  # noqa: PLC0415  (comes with the suite that breaks every store)

        folder = parsed(self.url).folder
        if folder is None:
            pytest.skip("the tests' ClickHouse serves all tests: its disk must not be full")
        with small_disk(folder.parent / "small", megabytes=64) as disk:
            yield ClickHouseStore(f"chdb://{disk.folder}/engine"), disk

    def held(self, table: TableSchema) -> NoReturn:
        del table
        pytest.skip("an owner that is killed within a batch is in test_clickhouse_outage.py")

    def read(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query, by column; times as aware datetimes."""
        with self.client() as client:
            return list(client.query(query, tz_mode="aware").named_results())

    def value(self, query: str) -> Any:
        """The one value of a query."""
        ((value,),) = [found.values() for found in self.read(query)]
        return value

    def execute(self, *statements: str) -> None:
        with self.client() as client:
            for statement in statements:
                client.command(statement)

    @contextmanager
    def client(self) -> Iterator[Client]:
        address = parsed(self.url)
        client = connected(address, "default" if address.folder is not None else None)
        try:
            if address.folder is not None:
                client.command(f"CREATE DATABASE IF NOT EXISTS {identifier(address.database)} ENGINE = Atomic")
                client.database = address.database
            yield client
        finally:
            client.close_connections()
            client.close()


def require_engine() -> None:
    """Skip, or fail where CI=true, without chdb."""
    if importlib.util.find_spec("chdb") is None:
        raise missing("the ClickHouse engine (chdb) is not installed: `make test` installs it, or `poetry install --with test-engine`")
