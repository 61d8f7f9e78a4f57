"""`up --clean --database` where there is a ClickHouse: the embedded one is emptied once nobody uses it, the user's own stays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.broker.embedded import EmbeddedBroker
from src.clickhouse.embedded import EmbeddedClickHouse
from src.config.settings import Settings
from tests.command.command_line import CommandLine, running
from tests.command.homes import environment, leave_state, settings_of
from tests.storage.clickhouse_store import ClickHouseStore, require_engine

pytestmark = pytest.mark.broker


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = settings_of(tmp_path / "home")
    yield made
    EmbeddedBroker(made).stop(force=True)


@pytest.fixture
def command(settings: Settings) -> CommandLine:
    return CommandLine(running, environment(settings))


@pytest.fixture
def clickhouse(settings: Settings) -> Iterator[EmbeddedClickHouse]:
    server = EmbeddedClickHouse(settings)
    yield server
    server.stop(force=True)


def test_the_embedded_clickhouse_is_emptied_with_the_database_and_stays_without(
    command: CommandLine, clickhouse: EmbeddedClickHouse, settings: Settings
) -> None:
    require_engine()
    with clickhouse.acquire("a dashboard") as lease:
        ClickHouseStore(lease.url).execute("CREATE TABLE t (x Int64) ENGINE = MergeTree ORDER BY x")
        assert command.run("up", "--broker-only", "--clean", "--yes").status == 0, "who only reads rows is not in the way of a clean that leaves them"
        assert ClickHouseStore(lease.url).value("SELECT count() FROM t") == 0
        leave_state(settings.home)
        answer = command.run("up", "--broker-only", "--clean", "--yes", "--database")
        assert answer.status == 2
        assert f"is in use by a dashboard (pid {os.getpid()}): stop them first" in answer.errors
        assert (settings.home / "coin.db").exists()
    clickhouse.pin()
    assert command.run("down").status == 0
    assert clickhouse.status()[0] is None

    clickhouse.pin()
    answer = command.run("up", "--broker-only", "--clean", "--yes", "--database")
    assert answer.status == 0
    assert f"what is in {settings.home}/clickhouse/data" in answer.errors
    assert clickhouse.status() == (None, [])
    with clickhouse.acquire("after it") as lease:
        assert ClickHouseStore(lease.url).value("SELECT count() FROM system.tables WHERE name = 't'") == 0


def test_with_a_clickhouse_of_the_users_the_embedded_ones_data_stay(settings: Settings) -> None:
    leave_state(settings.home)
    mine = settings.home / "clickhouse" / "data" / "rows"
    mine.parent.mkdir(parents=True)
    mine.write_text("x")
    other = CommandLine(running, environment(settings) | {"COINSPARK_CLICKHOUSE_URL": "http://coin@127.0.0.1:1/coins"})
    answer = other.run("up", "--broker-only", "--clean", "--yes", "--database")
    assert answer.status == 0
    assert "The tables in the ClickHouse of COINSPARK_CLICKHOUSE_URL stay" in answer.errors
    assert mine.exists()
    assert not (settings.home / "coin.db").exists()
