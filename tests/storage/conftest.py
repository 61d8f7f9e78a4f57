"""The stores that the sinks' suite runs on, and a table of the test's own in each."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.schema.tables import TableSchema
from tests.storage.rows import schema
from tests.storage.stores import KafkaStore, MemoryStore, SqlStore, Store

DATABASES = [pytest.param("sqlite", id="sqlite"), pytest.param("mysql", id="mysql", marks=pytest.mark.mysql)]
STORES = [*DATABASES, pytest.param("kafka", id="kafka", marks=pytest.mark.broker), pytest.param("memory", id="memory")]


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """DATABASE_URL of a file that is not there yet, in a folder that is not there either."""
    return f"sqlite:///{tmp_path / 'state' / 'coin.db'}"


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    """Each store in turn, empty."""
    match request.param:
        case "kafka":
            cluster: Cluster = request.getfixturevalue("broker")
            return KafkaStore(cluster.bootstrap_servers)
        case "memory":
            return MemoryStore()
        case database:
            return SqlStore(request.getfixturevalue(f"{database}_url"))


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> SqlStore:
    """Each SQL database in turn, empty."""
    return SqlStore(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def table(request: pytest.FixtureRequest) -> TableSchema:
    """A table with a column of each type whose name no other test has."""
    return schema(f"rows_{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]}")
