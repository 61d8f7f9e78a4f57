"""What `up` and `down` say where they cannot do as they are told."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from src.command import down as down_module
from src.command import up as up_module
from src.config.settings import Settings
from src.errors import CoinSparkError, ConfigurationError, TerminalError
from src.parts.identity import ProcessIdentity, identity_of
from src.parts.record import UpRecord, up_folder, write_record
from tests.command.command_line import CommandLine, running
from tests.command.homes import environment, settings_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


@pytest.fixture
def me() -> ProcessIdentity:
    identity = identity_of(os.getpid())
    assert identity is not None
    return identity


def record(me: ProcessIdentity) -> UpRecord:
    return UpRecord(supervisor=me, started_time=1, state="running", source="simulate")


def test_a_second_up_is_told_of_the_first_and_not_of_its_port(settings: Settings, me: ProcessIdentity) -> None:
    up_folder(settings.home).mkdir(parents=True)
    write_record(settings.home, record(me))
    own_words = up_folder(settings.home) / "up.log"
    own_words.write_text("what the first one said\n")
    command = CommandLine(running, environment(settings))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for more in ((), ("--detach",)):
            answer = command.run("up", "--source", "simulate", "--port", str(taken.getsockname()[1]), *more)
            assert answer.status == 2
            assert f"everything is up already as pid {me.pid}: `status` shows it, `down` stops it" in answer.errors
    assert own_words.read_text() == "what the first one said\n"


@pytest.mark.parametrize(("status", "kind"), [(1, TerminalError), (2, ConfigurationError)])
def test_what_a_detached_up_said_last_is_told_plainly(tmp_path: Path, settings: Settings, status: int, kind: type[CoinSparkError]) -> None:
    log = tmp_path / "up.log"
    log.write_text('{"event":"first","level":"info"}\n{"event":"the port is taken","level":"error","exit_status":2}\n')
    with subprocess.Popen([sys.executable, "-c", f"raise SystemExit({status})"]) as child:
        child.wait()
    with pytest.raises(CoinSparkError, match=r"^it ended while it started: the port is taken \(all in .*up\.log\)$") as ended:
        up_module._wait(settings, child, log)
    assert type(ended.value) is kind


def test_an_up_of_another_user_is_said_to_be_that(monkeypatch: pytest.MonkeyPatch, me: ProcessIdentity) -> None:
    def refused(pid: int, number: int) -> None:
        assert (pid, number) == (me.pid, signal.SIGTERM)
        raise PermissionError

    monkeypatch.setattr(down_module.os, "kill", refused)
    with pytest.raises(ConfigurationError, match=rf"`up` \(pid {me.pid}\) was started by another user"):
        down_module._signal(record(me))
