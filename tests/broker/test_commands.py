"""`up --broker-only`, `down` and `status` as a person uses them."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import psutil
import pytest
import typer
from typer.testing import CliRunner

from src.broker.embedded import EmbeddedBroker
from src.collect.status import CollectorStatus, status_path, write_status
from src.config.settings import Settings
from src.errors import ConfigurationError
from src.schema.records import Source
from tests.command.command_line import running


class CommandLine:
    """The commands with these settings in the environment."""

    def __init__(self, settings: Settings) -> None:
        self._app = typer.Typer()
        running(self._app)
        names = ("home", "jars", "broker_port", "controller_port")
        self._environment = {f"COINSPARK_{name.upper()}": str(getattr(settings, name)) for name in names}

    def run(self, *words: str) -> str:
        return CliRunner().invoke(self._app, words, env=self._environment, catch_exceptions=False).output

    def status(self) -> dict[str, Any]:
        return json.loads(self.run("status", "--json"))


@pytest.fixture
def command_line(settings: Settings) -> CommandLine:
    return CommandLine(settings)


def test_up_keeps_the_broker_until_down(command_line: CommandLine, embedded: EmbeddedBroker, settings: Settings) -> None:
    assert f"Kafka runs at 127.0.0.1:{settings.broker_port}" in command_line.run("up", "--broker-only")
    pid = command_line.status()["broker"]["pid"]

    with embedded.acquire("a job"):
        shown = command_line.status()
        assert shown["broker"]["pid"] == pid
        assert shown["broker"]["pinned"] is True
        assert shown["broker"]["resident_megabytes"] > 0
        assert [(user["pid"], user["purpose"]) for user in shown["users"]] == [(os.getpid(), "a job")]
        assert "a job" in command_line.run("status")
        with pytest.raises(ConfigurationError, match=rf"in use by a job \(pid {os.getpid()}\).*--force"):
            command_line.run("down")

    assert psutil.pid_exists(pid), "the last job stopped a broker that `up` had started"
    assert command_line.run("down") == f"Stopped the broker (pid {pid}).\n"
    assert not psutil.pid_exists(pid)
    assert command_line.run("down") == "No broker runs.\n"


def test_status_without_a_broker_says_so(command_line: CommandLine) -> None:
    said = command_line.run("status")
    assert "broker" in said
    assert "stopped" in said
    assert "Nothing runs" in said
    assert (command_line.status()["broker"]["running"], command_line.status()["well"]) == (False, False)


def test_status_shows_what_collectors_say(command_line: CommandLine, settings: Settings) -> None:
    now = time.time_ns() // 1_000_000
    said = CollectorStatus(
        pid=os.getpid(),
        channels=("ticker",),
        source=Source.SIMULATED,
        state="running",
        message="simulated",
        started_time=now,
        updated_time=now,
        sent=1234,
        waiting=1234,
    )
    write_status(status_path(settings.home, os.getpid()), said)
    assert command_line.status()["collectors"][0]["sent"] == 1234
    table = command_line.run("status")
    assert "1,234" in table
    assert "running" in table
