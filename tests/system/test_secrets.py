"""Passwords are nowhere: a job on a secured Kafka, MySQL and ClickHouse runs through failures, and all that it shows, says and leaves is searched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from pyspark.sql import SparkSession

from src.clickhouse.embedded import ClickHouseLease, EmbeddedClickHouse
from src.collect.options import CollectOptions, SourceChoice
from src.config.settings import load_settings
from src.errors import CoinSparkError
from src.setting.jobs import SparkStreamingTicker
from src.setting.session import create_spark_session
from tests.kafka_node import KafkaNode
from tests.loopback import NOTHING_OUTSIDE
from tests.servers import LOOPBACK, ROOT, MariaDb, free_port
from tests.storage.clickhouse_store import require_engine
from tests.system.searched import CANARY, PASSWORD, WRONG, Searched

pytestmark = [pytest.mark.mysql, pytest.mark.broker, pytest.mark.timeout(600)]
PATIENCE = 240.0


class Watched(SparkStreamingTicker):
    """The ticker job with Spark's pages, which are off otherwise."""

    ui_port: str

    def _create_spark_session(self) -> SparkSession:
        return create_spark_session(self.settings, self.name, {"spark.ui.enabled": "true", "spark.ui.port": self.ui_port})


def main() -> None:
    """The job as a process of its own; how it ends is told with all that hangs on the error."""
    job = Watched(load_settings(), collect=CollectOptions(source=SourceChoice.SIMULATE))
    job.ui_port = sys.argv[1]
    try:
        job.run()
    except CoinSparkError as error:
        traceback.print_exception(error)
        sys.exit(f"coinspark: {error}")


@dataclass
class Servers:
    """The user's own stores; the canary opens each of them."""

    kafka: KafkaNode
    sasl_address: str
    database: MariaDb
    clickhouse: ClickHouseLease
    clickhouse_port: int

    def settings(self, folder: Path) -> dict[str, str]:
        """Each password comes in another way."""
        password_file = folder / "kafka-password"
        password_file.write_text(PASSWORD)
        return {
            **NOTHING_OUTSIDE,
            "COINSPARK_HOME": str(folder / "home"),
            "COINSPARK_JARS": str(ROOT / ".jars"),
            "COINSPARK_TOPIC_PARTITIONS": "1",
            "COINSPARK_ON_SINK_FAILURE": "park",
            "COINSPARK_SINK_RETRY_SECONDS": "0.5",
            "KAFKA_BOOTSTRAP_SERVERS": self.sasl_address,
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_USERNAME": "coin",
            "KAFKA_SASL_PASSWORD_FILE": str(password_file),
            "DATABASE_URL": f"mysql://tester:{quote(PASSWORD, safe='')}@{LOOPBACK}:{self.database.port}/coin",
            "COINSPARK_CLICKHOUSE_URL": f"http://coinspark@{LOOPBACK}:{self.clickhouse_port}/coinspark",
            "COINSPARK_CLICKHOUSE_PASSWORD": PASSWORD,
        }


@pytest.fixture
def servers(tmp_path: Path, stoppable_mysql: MariaDb) -> Iterator[Servers]:
    require_engine()
    address = f"{LOOPBACK}:{free_port()}"
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    kafka = KafkaNode(
        tmp_path / "kafka",
        {
            "listeners": f"SASL_PLAINTEXT://{address}",
            "listener.security.protocol.map": "SASL_PLAINTEXT:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": f'{module} required user_coin="{PASSWORD}";',
        },
    )
    passwords = tmp_path / "clickhouse" / "clickhouse"
    passwords.mkdir(parents=True)
    (passwords / "password").write_text(PASSWORD)
    settings = load_settings(home=tmp_path / "clickhouse", clickhouse_port=free_port())
    stoppable_mysql.execute(
        "CREATE DATABASE coin", f"CREATE USER tester IDENTIFIED BY '{PASSWORD}'".replace(":", r"\:"), "GRANT ALL ON coin.* TO tester"
    )
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(kafka.start)
        with EmbeddedClickHouse(settings).acquire("tests") as clickhouse:
            starting.result()
            yield Servers(kafka, address, stoppable_mysql, clickhouse, settings.clickhouse_port)
    kafka.stop()


class Commands:
    """Processes of the command line and of the job, with these settings."""

    def __init__(self, folder: Path, settings: dict[str, str], searched: Searched) -> None:
        self._folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COINSPARK_")}
        self._environment = inherited | settings
        self._searched = searched

    def start(self, name: str, *words: str, **changed: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.txt").open("wb") as output:
            environment = {key: value for key, value in (self._environment | changed).items() if value}
            return subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def output(self, name: str) -> str:
        return (self._folder / f"{name}.txt").read_text(errors="replace")

    def ended(self, name: str, process: subprocess.Popen[bytes]) -> tuple[int, str]:
        """Status and output of a command, once it has ended by itself."""
        self.wait_for(lambda: process.poll() is not None)
        output = self.output(name)
        self._searched.look("output", name, output)
        return process.returncode, output

    def wait_for(self, condition: Callable[[], Any], process: subprocess.Popen[bytes] | None = None) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert process is None or process.poll() is None, self.output("job").replace(CANARY, "***")
            assert time.monotonic() < deadline, self.output("job").replace(CANARY, "***")
            self._searched.processes()
            time.sleep(0.4)


@pytest.fixture
def searched() -> Searched:
    return Searched()


@pytest.fixture
def commands(servers: Servers, tmp_path: Path, searched: Searched) -> Commands:
    return Commands(tmp_path, servers.settings(tmp_path), searched)


@pytest.fixture
def job(commands: Commands) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The running job and the port of Spark's pages; what is left of it afterwards is killed."""
    port = free_port()
    process = commands.start("job", "-m", "tests.system.test_secrets", str(port))
    yield process, port
    with suppress(psutil.NoSuchProcess):
        for each in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                each.kill()
    process.kill()
    process.wait()


@pytest.mark.slow
def test_no_password_is_in_anything_that_a_job_with_failures_shows_says_or_leaves(
    servers: Servers, commands: Commands, job: tuple[subprocess.Popen[bytes], int], searched: Searched, tmp_path: Path
) -> None:
    process, ui_port = job
    home, program = tmp_path / "home", str(ROOT / "coin_spark.py")
    # Wrong passwords at the start, while the job starts too.
    wrong = {
        "wrong-database": {"DATABASE_URL": f"mysql://tester:{WRONG}@{LOOPBACK}:{servers.database.port}/coin"},
        "wrong-clickhouse": {"COINSPARK_CLICKHOUSE_PASSWORD": WRONG},
        "wrong-kafka": {"KAFKA_SASL_PASSWORD": WRONG, "KAFKA_SASL_PASSWORD_FILE": "", "DATABASE_URL": "", "COINSPARK_CLICKHOUSE_URL": ""},
    }
    started = {}
    for name, changed in wrong.items():
        words = ("topics", "list") if name == "wrong-kafka" else ("ticker", "--source", "simulate")
        started[name] = commands.start(name, program, *words, COINSPARK_HOME=str(home / name), **changed)
    for name, trying in started.items():
        status, output = commands.ended(name, trying)
        assert status != 0, output.replace(CANARY, "***")
        assert "password" in output.lower(), output.replace(CANARY, "***")

    # While all is well.
    def parked(sink: str) -> list[Path]:
        return [*(home / "parked" / sink).rglob("*.arrow")]

    commits = home / "checkpoints"
    commands.wait_for(lambda: [*commits.glob("*/commits/[1-9]*")], process)
    searched.spark_pages(ui_port)

    # Without its stores, which batches are parked for.
    servers.database.kill()
    _kill_owner(tmp_path / "clickhouse")
    commands.wait_for(lambda: parked("database") and parked("clickhouse"), process)
    asked = {name: commands.start(name, program, *words) for name, words in {"doctor": ["doctor"], "status": ["status", "--json"]}.items()}
    for name, asking in asked.items():
        commands.ended(name, asking)
    searched.folder(home)

    # The database is back, and then has another password.
    servers.database.start()
    commands.wait_for(lambda: not parked("database"), process)
    servers.database.execute("ALTER USER tester IDENTIFIED BY 'another'", "FLUSH PRIVILEGES")
    servers.database.kill()
    servers.database.start()
    status, output = commands.ended("job", process)
    assert status == 1, output.replace(CANARY, "***")
    assert "the user name or the password is wrong" in output, output.replace(CANARY, "***")
    searched.folder(home)
    assert parked("clickhouse")

    own = Searched()
    own.folder(tmp_path / "kafka")
    own.folder(tmp_path / "clickhouse")
    assert len(own.found) >= 2, "what is searched for is found where it must be: in the servers' own files"
    assert searched.found == set()
    assert searched.places["page of a plan over Kafka"] > 0
    assert searched.places["file"] > 100
    assert searched.places["page of Spark's"] > 20


def _kill_owner(home: Path) -> None:
    running, _ = EmbeddedClickHouse(load_settings(home=home)).status()
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
