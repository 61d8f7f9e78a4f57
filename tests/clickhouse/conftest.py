"""Embedded ClickHouses of a test's own, users of them in processes of their own, and one that the tests of the protocol share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from src.clickhouse.embedded import ClickHouseLease, EmbeddedClickHouse
from src.config.settings import Settings, load_settings
from tests.clickhouse.asking import ask
from tests.servers import ROOT, free_port
from tests.storage.clickhouse_store import require_engine


class User:
    """A process that holds a lease (tests/clickhouse/user.py)."""

    def __init__(self, settings: Settings) -> None:
        arguments = [str(settings.home), str(settings.clickhouse_port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.clickhouse.user", *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def leave(self) -> None:
        self.tell("leave")
        assert self.answer() == {"left": True}
        assert self.process.wait() == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an embedded ClickHouse in a folder of the test's own, on a free port."""
    return load_settings(home=tmp_path / "home", clickhouse_port=free_port())


@pytest.fixture
def embedded(settings: Settings) -> Iterator[EmbeddedClickHouse]:
    """One that can be started; whatever the test leaves of it is stopped."""
    require_engine()
    server = EmbeddedClickHouse(settings)
    yield server
    server.stop(force=True)


@pytest.fixture
def start_user(settings: Settings, embedded: EmbeddedClickHouse) -> Iterator[Callable[[], User]]:
    """Start a user process of `embedded` and wait until it has its lease."""
    users: list[User] = []

    def start() -> User:
        user = User(settings)
        users.append(user)
        assert f"@127.0.0.1:{settings.clickhouse_port}/coinspark" in user.answer()["url"]
        return user

    yield start
    for user in users:
        user.kill()
        for stream in (user.process.stdin, user.process.stdout):
            assert stream
            stream.close()
    assert embedded.status()[1] == []


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseLease]:
    """One for all tests of a file; they keep apart by their tables' names."""
    require_engine()
    settings = load_settings(home=tmp_path_factory.mktemp("home"), clickhouse_port=free_port())
    with EmbeddedClickHouse(settings).acquire("tests") as lease:
        yield lease


@pytest.fixture
def url(served: ClickHouseLease) -> str:
    return served.url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    made = clickhouse_connect.get_client(dsn=url)
    yield made
    made.close()


@pytest.fixture
def numbers(url: str, request: pytest.FixtureRequest) -> str:
    """An empty table of the test's own: `a` Int64, `b` String, and no `a` of 100 or more."""
    name = request.node.originalname
    columns = "a Int64, b String DEFAULT 'none', CONSTRAINT small CHECK a < 100"
    assert ask(url, f"CREATE OR REPLACE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY a").status == 200
    return str(name)
