"""What every test may ask for: one Kafka broker and one MySQL-protocol server for the whole run, both real."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import hypothesis
import pytest

from src.broker.cluster import Cluster, cluster
from src.config.settings import Settings, load_settings
from src.errors import MissingPartError
from src.logs.libraries import ToLog
from tests.servers import ROOT, DatabaseServer, MariaDb, database_server_program, free_port, given_database_server, missing

# Time is measured in bench/, not here: a slow machine is no failure.
hypothesis.settings.register_profile("coinspark", deadline=None)
hypothesis.settings.load_profile("coinspark")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_developer() -> None:
    """Tests must not read the developer's .env: it may name a database that matters."""
    Settings.model_config["env_file"] = None
    for name in [*os.environ]:
        if name.startswith(("COINSPARK_", "DATABASE_", "KAFKA_")):
            del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> None:
    """Whoever starts the tests in the background, or under nohup, has them ignore signals, and what they start would inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.fixture(autouse=True)
def _libraries_are_heard_no_longer() -> Iterator[None]:
    """A command that ran in the test's process has taken what libraries log to its own log."""
    yield
    logging.captureWarnings(capture=False)
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, ToLog)]:
        root.removeHandler(handler)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One embedded broker for the whole run; tests keep apart by their topics' names."""
    settings = load_settings(home=tmp_path_factory.mktemp("broker-home"), jars=ROOT / ".jars", broker_port=free_port(), controller_port=free_port())
    with ExitStack() as stack:
        try:
            running = stack.enter_context(cluster(settings, "tests"))
        except MissingPartError as error:
            raise missing(str(error)) from None
        yield running


@pytest.fixture(scope="session")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """One MySQL-protocol server for the whole run; tests keep apart by their databases' names (`mysql.url(name)`)."""
    given = given_database_server()
    if given:
        yield given
        return
    server = _own_server(tmp_path_factory)
    yield server
    server.stop()


@pytest.fixture
def stoppable_mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A server of the test's own, to be stopped, killed and started again."""
    server = _own_server(tmp_path_factory)
    yield server
    server.stop()


@pytest.fixture
def mysql_url(mysql: DatabaseServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """DATABASE_URL of a new empty database, which goes with the test."""
    name = f"test_{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    mysql.execute(f"DROP DATABASE IF EXISTS `{name}`")
    yield mysql.url(name)
    mysql.execute(f"DROP DATABASE `{name}`")


def _own_server(tmp_path_factory: pytest.TempPathFactory) -> MariaDb:
    program = database_server_program()
    if program is None:
        raise missing("no mariadbd or mysqld on this machine: `make test` installs one on Debian, TEST_MYSQL_URL names one elsewhere")
    server = MariaDb(tmp_path_factory.mktemp("mysql"), program)
    server.start()
    return server
