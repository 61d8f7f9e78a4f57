"""What a user is told when the broker cannot start: one line that names the cause and the way out."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from src.broker.embedded import EmbeddedBroker
from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError, MissingPartError, TerminalError
from src.setting.session import spark_jars
from tests.servers import ROOT, free_port


@pytest.mark.parametrize(("setting", "name"), [("broker_port", "COINSPARK_BROKER_PORT"), ("controller_port", "COINSPARK_CONTROLLER_PORT")])
def test_a_taken_port_is_named_with_its_holder_and_its_setting(embedded: EmbeddedBroker, settings: Settings, setting: str, name: str) -> None:
    port = getattr(settings, setting)
    with socket.create_server(("127.0.0.1", port)), pytest.raises(ConfigurationError) as refusal:
        embedded.acquire()
    message = str(refusal.value)
    assert f"port {port} is taken by" in message
    assert f"pid {os.getpid()}" in message
    assert name in message
    assert embedded.status() == (None, [])


def test_missing_jars_name_the_command_that_brings_them(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, jars=tmp_path / "none", broker_port=free_port(), controller_port=free_port())
    with pytest.raises(MissingPartError, match=r"run `make install`"):
        EmbeddedBroker(settings).acquire()


def test_relative_jars_are_the_project_s_wherever_the_command_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(home=tmp_path / "home", jars=Path("no-such-jars"), broker_port=free_port(), controller_port=free_port())
    for refused in (lambda: EmbeddedBroker(settings).acquire(), lambda: spark_jars(settings)):
        with pytest.raises(MissingPartError, match=f"{ROOT}/no-such-jars"):
            refused()


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = load_settings(home=tmp_path / "file" / "home", jars=ROOT / ".jars")
    with pytest.raises(ConfigurationError, match=r"cannot write in .*file/home/broker \(Not a directory\).*COINSPARK_HOME"):
        EmbeddedBroker(settings).acquire()


def test_asking_for_the_status_or_a_stop_makes_no_folder(settings: Settings) -> None:
    broker = EmbeddedBroker(settings)
    assert broker.status() == (None, [])
    assert broker.stop() is None
    assert not settings.home.exists()


def test_a_broker_that_dies_at_its_start_is_quoted(embedded: EmbeddedBroker, settings: Settings) -> None:
    data = settings.home / "broker" / "data"
    data.mkdir(parents=True)
    (data / "meta.properties").write_text("version=1\ncluster.id=ACyF1H1CRMSgEea6fOjj2w\nnode.id=42\n")
    with pytest.raises(TerminalError, match=r"stopped while it started: .*42.*broker\.log"):
        embedded.acquire()
    assert embedded.status() == (None, [])


def test_a_heap_that_java_refuses_is_quoted(settings: Settings) -> None:
    absurd = settings.model_copy(update={"broker_heap_megabytes": 10**12})
    with pytest.raises(TerminalError, match=r"Invalid maximum heap size|exceeds the maximum|heap"):
        EmbeddedBroker(absurd).acquire()
