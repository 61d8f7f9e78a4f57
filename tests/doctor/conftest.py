"""The command in this process, with settings of its own; and a Kafka that only these tests use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from src.broker.embedded import BrokerLease, EmbeddedBroker
from src.command.doctor import register
from src.config.settings import Settings, load_settings
from src.errors import MissingPartError
from tests.command.command_line import Answer, CommandLine
from tests.servers import ROOT, free_port, missing

Doctor = Callable[..., Answer]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Run one check, or several with a space between, with these settings; the answer of the command."""
    environment = {
        "COINSPARK_HOME": str(tmp_path / "home"),
        "COINSPARK_JARS": str(ROOT / ".jars"),
        "COINSPARK_BROKER_PORT": str(free_port()),
        "COINSPARK_CONTROLLER_PORT": str(free_port()),
        # Nothing outside of this machine is asked.
        "COINSPARK_MARKETS": "upbit",
        "COINSPARK_REST_URLS": '{"upbit":""}',
    }

    def run(checks: str = "", *words: str, **settings: str) -> Answer:
        chosen = [word for name in checks.split() for word in ("--check", name)]
        return CommandLine(register, environment | settings).run("doctor", *chosen, *words)

    return run


@pytest.fixture(scope="session")
def embedded_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("doctor")
    return load_settings(home=home, jars=ROOT / ".jars", broker_port=free_port(), controller_port=free_port())


@pytest.fixture(scope="session")
def embedded(embedded_settings: Settings) -> Iterator[BrokerLease]:
    """An embedded broker that runs."""
    try:
        lease = EmbeddedBroker(embedded_settings).acquire("tests")
    except MissingPartError as error:
        raise missing(str(error)) from None
    with lease:
        yield lease
