"""`up --clean`: asks, refuses while anybody works, and deletes what it said and nothing else."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import kafka
import pytest

from src.broker.cluster import Cluster
from src.broker.embedded import EmbeddedBroker
from src.broker.topic_tools import describe_topic, list_topics
from src.broker.topics import TopicSpec, ensure_topics
from src.config.settings import Settings
from src.logs import configure_logs
from tests.command.command_line import CommandLine, running
from tests.command.homes import environment, files, leave_state, settings_of
from tests.servers import ROOT

pytestmark = pytest.mark.broker
PROGRAM = """
import typer
from src.command import down, up

app = typer.Typer(pretty_exceptions_enable=False)
up.register(app)
down.register(app)
app()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path / "home")


@pytest.fixture
def embedded(settings: Settings) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(settings)
    yield broker
    broker.stop(force=True)


@pytest.fixture
def command(settings: Settings) -> CommandLine:
    return CommandLine(running, environment(settings))


@pytest.fixture
def at_own_kafka(settings: Settings, broker: Cluster) -> CommandLine:
    return CommandLine(running, environment(settings) | {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers})


def write(servers: str, topic: str) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers=servers, acks="all")
    producer.send(topic, b"1").get(timeout=30)
    producer.close()


def test_topics_and_state_go_and_the_database_stays(command: CommandLine, embedded: EmbeddedBroker, settings: Settings) -> None:
    running = embedded.pin()
    ensure_topics(running.bootstrap_servers, [TopicSpec("clean-me", 1)])
    leave_state(settings.home)

    answer = command.run("up", "--broker-only", "--clean", "--yes")
    assert answer.status == 0
    assert f"what is in {settings.home}/broker/data" in answer.errors
    assert f"Kafka runs at 127.0.0.1:{settings.broker_port}" in answer.output
    assert files(settings.home) == {"checkpoints/ticker.lock", "coin.db", "mine.txt"}
    again = embedded.status()[0]
    assert again is not None
    assert again.cluster_id != running.cluster_id
    assert list_topics(again.bootstrap_servers) == []


@pytest.mark.usefixtures("embedded")
def test_the_database_file_goes_when_it_is_named(command: CommandLine, settings: Settings) -> None:
    leave_state(settings.home)
    answer = command.run("up", "--broker-only", "--clean", "--yes", "--database")
    assert str(settings.home / "coin.db") in answer.errors
    assert files(settings.home) == {"checkpoints/ticker.lock", "mine.txt"}


def test_what_is_asked_about_is_seen_whatever_level_the_log_has(command: CommandLine, settings: Settings) -> None:
    leave_state(settings.home)
    configure_logs("error")
    try:
        answer = command.run("up", "--broker-only", "--clean")
    finally:
        configure_logs()
    assert answer.status == 2
    assert f"what is in {settings.home}/checkpoints\n" in answer.errors


def test_without_a_terminal_and_without_yes_nothing_happens(command: CommandLine, settings: Settings) -> None:
    leave_state(settings.home)
    before = files(settings.home)
    answer = command.run("up", "--broker-only", "--clean")
    assert answer.status == 2
    assert "there is no terminal to ask at; --yes says yes beforehand" in answer.errors
    assert files(settings.home) == before


@pytest.mark.parametrize(("said", "status", "remains"), [("n", 1, True), ("", 1, True), ("y", 0, False)])
@pytest.mark.usefixtures("embedded")
def test_at_a_terminal_it_asks(settings: Settings, said: str, status: int, remains: bool) -> None:
    leave_state(settings.home)
    terminal, its_end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "up", "--broker-only", "--clean"],
        cwd=ROOT,
        env=os.environ | environment(settings),
        stdin=its_end,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.write(terminal, f"{said}\n".encode())
        _, errors = process.communicate(timeout=60)
    os.close(terminal)
    os.close(its_end)
    assert process.returncode == status, errors
    assert "Delete these?" in errors
    assert (settings.home / "replay" / "1.json").exists() is remains


def test_whoever_uses_the_broker_is_named(command: CommandLine, embedded: EmbeddedBroker, settings: Settings) -> None:
    leave_state(settings.home)
    before = files(settings.home)
    with embedded.acquire("a job"):
        answer = command.run("up", "--broker-only", "--clean", "--yes")
    assert answer.status == 2
    assert f"is in use by a job (pid {os.getpid()}): stop them first" in answer.errors
    assert files(settings.home) == before


@pytest.mark.parametrize(
    ("lock", "content", "named"),
    [
        ("checkpoints/ticker.lock", "4711", "the job ticker (pid 4711)"),
        ("collect/ticker.okx.lock", '{"pid":4712,"source":"live"}', "the collector of ticker.okx (pid 4712)"),
    ],
)
def test_whoever_holds_a_lock_of_the_home_is_named(at_own_kafka: CommandLine, settings: Settings, lock: str, content: str, named: str) -> None:
    leave_state(settings.home)
    before = files(settings.home) | {lock}
    with (settings.home / lock).open("w+") as file:
        file.write(content)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        answer = at_own_kafka.run("up", "--broker-only", "--clean", "--yes")
    assert answer.status == 2
    assert named in answer.errors
    assert files(settings.home) == before


def test_at_a_kafka_of_the_users_only_our_topics_are_emptied(at_own_kafka: CommandLine, broker: Cluster, settings: Settings) -> None:
    servers = broker.bootstrap_servers
    ensure_topics(servers, [TopicSpec("DeadLetter", 2), TopicSpec("TimeProcessedCoin", 3, retention_ms=3_600_000, cleanup="compact,delete")])
    ensure_topics(servers, [TopicSpec("clean-not-ours", 1), TopicSpec("CleanOwnProcessedCoin", 1)])
    for topic in ("DeadLetter", "clean-not-ours"):
        write(servers, topic)
    leave_state(settings.home)

    answer = at_own_kafka.run("up", "--broker-only", "--clean", "--yes")
    assert answer.status == 0
    assert re.search(r"`topics delete` takes them\): .*\bCleanOwnProcessedCoin\b", answer.errors)
    assert "Kafka runs at" not in answer.output
    found = {one.topic: one for one in list_topics(servers)}
    assert (found["DeadLetter"].records, found["DeadLetter"].partitions) == (0, 2)
    assert found["clean-not-ours"].records == 1
    kept = describe_topic(servers, "TimeProcessedCoin")
    assert len(kept.partitions) == 3
    assert kept.configuration == {"cleanup.policy": "compact,delete", "retention.ms": "3600000"}
    assert files(settings.home) == {"checkpoints/ticker.lock", "coin.db", "mine.txt"}
    assert not (settings.home / "broker").exists()


def test_options_that_do_not_go_together_are_refused(command: CommandLine, settings: Settings) -> None:
    assert command.run("up", "--yes").status == 2
    other = CommandLine(running, environment(settings) | {"DATABASE_URL": "sqlite:///elsewhere.db"})
    answer = other.run("up", "--broker-only", "--clean", "--database", "--yes")
    assert answer.status == 2
    assert "DATABASE_URL names another database" in answer.errors
