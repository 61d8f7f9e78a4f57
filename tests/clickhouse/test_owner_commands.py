"""`status` and `down` know the embedded ClickHouse."""

from __future__ import annotations

import json
import os

import psutil
import pytest
from typer.testing import CliRunner

from src.clickhouse.embedded import EmbeddedClickHouse
from src.command.app import app
from src.config.settings import Settings


@pytest.fixture
def command(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("COINSPARK_HOME", str(settings.home))
    monkeypatch.setenv("COINSPARK_CLICKHOUSE_PORT", str(settings.clickhouse_port))
    return CliRunner()


def test_status_shows_it_and_down_stops_it(command: CliRunner, embedded: EmbeddedClickHouse, settings: Settings) -> None:
    pinned = embedded.pin()
    with embedded.acquire("a job"):
        shown = json.loads(command.invoke(app, ["status", "--json"]).stdout)["clickhouse"]
        assert shown["running"] is True
        assert (shown["pid"], shown["port"]) == (pinned.pid, settings.clickhouse_port)
        assert [(user["pid"], user["purpose"]) for user in shown["users"]] == [(os.getpid(), "a job")]
        refused = command.invoke(app, ["down"])
        assert refused.exit_code != 0
        assert f"in use by a job (pid {os.getpid()})" in str(refused.exception) + refused.output
        assert psutil.pid_exists(pinned.pid)
    assert f"Stopped ClickHouse (pid {pinned.pid})." in command.invoke(app, ["down"]).stdout
    assert not psutil.pid_exists(pinned.pid)
    assert json.loads(command.invoke(app, ["status", "--json"]).stdout)["clickhouse"]["running"] is False
