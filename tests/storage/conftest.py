"""The stores that the sinks' suite runs on, and a table of the test's own in each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from src.clickhouse.embedded import ClickHouseLease, EmbeddedClickHouse
from src.config.settings import load_settings
from src.schema.tables import TableSchema
from tests.servers import free_port
from tests.storage.clickhouse_store import ClickHouseStore, require_engine
from tests.storage.databases import DATABASES
from tests.storage.postgres import PostgreSql
from tests.storage.rows import schema
from tests.storage.stores import Place, SqlStore, Store, places


def _parameters(found: Sequence[Place]) -> list[Any]:
    return [pytest.param(place, id=place.name, marks=place.marks) for place in found]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """DATABASE_URL of a file that is not there yet, in a folder that is not there either."""
    return f"sqlite:///{tmp_path / 'state' / 'coin.db'}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """One PostgreSQL server for the whole run; tests keep apart by their databases' names."""
    server = PostgreSql()
    yield server
    server.stop()


@pytest.fixture
def postgresql_url(postgresql: PostgreSql, request: pytest.FixtureRequest) -> Iterator[str]:
    """DATABASE_URL of a new empty database, which goes with the test."""
    name = f"test_{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    postgresql.execute(f"CREATE DATABASE {name}")
    yield postgresql.address.set(database=name).render_as_string()
    postgresql.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=_parameters(places()))
def store(request: pytest.FixtureRequest) -> Store:
    """Each store in turn, empty."""
    place: Place = request.param
    return place.make(request)


@pytest.fixture(params=_parameters(DATABASES))
def database(request: pytest.FixtureRequest) -> SqlStore:
    """Each SQL database in turn, empty."""
    place: Place = request.param
    made = place.make(request)
    assert isinstance(made, SqlStore)
    return made


@pytest.fixture
def table(request: pytest.FixtureRequest) -> TableSchema:
    """A table with a column of each type whose name no other test has."""
    return schema(f"rows_{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]}")


@pytest.fixture(scope="session")
def clickhouse_owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseLease]:
    """One embedded ClickHouse for the whole run; tests keep apart by their databases' names."""
    require_engine()
    settings = load_settings(home=tmp_path_factory.mktemp("clickhouse-home"), clickhouse_port=free_port())
    with EmbeddedClickHouse(settings).acquire("tests") as lease:
        yield lease


@pytest.fixture
def clickhouse_server(clickhouse_owner: ClickHouseLease, request: pytest.FixtureRequest) -> ClickHouseStore:
    """A new database of it, over HTTP."""
    database = f"test_{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    address, reader = (url.rsplit("/", 1)[0] for url in (clickhouse_owner.url, clickhouse_owner.reader_url))
    store = ClickHouseStore(f"{address}/default")
    store.execute(f"CREATE DATABASE {database} ENGINE = Atomic")
    return ClickHouseStore(f"{address}/{database}", f"{reader}/{database}")


@pytest.fixture
def clickhouse_engine(tmp_path: Path) -> ClickHouseStore:
    """The engine in this process, on a folder that is not there yet."""
    require_engine()
    return ClickHouseStore(f"chdb://{tmp_path}/engine")


@pytest.fixture(params=["engine", "server"])
def clickhouse(request: pytest.FixtureRequest) -> ClickHouseStore:
    """Both in turn, empty."""
    store: ClickHouseStore = request.getfixturevalue(f"clickhouse_{request.param}")
    return store
