"""Embedded brokers of a test's own, and users of them in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from src.broker.embedded import EmbeddedBroker
from src.broker.java import find_java
from src.config.settings import Settings, load_settings
from src.errors import MissingPartError
from tests.servers import ROOT, free_port, missing


class User:
    """A process that holds a lease (tests/broker/user.py)."""

    def __init__(self, settings: Settings) -> None:
        arguments = [settings.home, settings.jars, settings.broker_port, settings.controller_port]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.broker.user", *map(str, arguments)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def leave(self) -> None:
        self.tell("leave")
        assert self.answer() == {"left": True}
        assert self.process.wait() == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an embedded broker in a folder of the test's own, on free ports."""
    return load_settings(home=tmp_path / "home", jars=ROOT / ".jars", broker_port=free_port(), controller_port=free_port())


@pytest.fixture
def embedded(settings: Settings) -> Iterator[EmbeddedBroker]:
    """A broker that can be started; whatever the test leaves of it is stopped."""
    try:
        find_java()
    except MissingPartError as error:
        raise missing(str(error)) from None
    if not (settings.jars / "broker").is_dir():
        raise missing("the broker's jars are not in .jars: run `make install`")
    broker = EmbeddedBroker(settings)
    yield broker
    broker.stop(force=True)


@pytest.fixture
def start_user(settings: Settings, embedded: EmbeddedBroker) -> Iterator[Callable[[], User]]:
    """Start a user process of `embedded` and wait until it has its lease."""
    users: list[User] = []

    def start() -> User:
        user = User(settings)
        users.append(user)
        assert user.answer()["bootstrap_servers"] == f"127.0.0.1:{settings.broker_port}"
        return user

    yield start
    for user in users:
        user.kill()
        for stream in (user.process.stdin, user.process.stdout):
            assert stream
            stream.close()
    assert embedded.status()[1] == []
