"""Runs `python coin_spark.py` in a home of its own, and reads what it left: tables, topics, status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import psutil
import sqlalchemy as sa
from kafka import KafkaConsumer, TopicPartition

from src.broker.cluster import cluster
from src.config.settings import load_settings
from src.preprocess.oracle import batch_rows
from src.schema.records import DEAD_LETTER_TOPIC, DeadLetter, Region, Ticker, ticker_topic
from src.setting.jobs import SparkStreamingTicker
from src.setting.streaming import SparkStreamingCoinAverage
from src.storage.sql import create_engine, sql_table
from tests.equality import assert_equal_rows, keyed, plain_rows
from tests.loopback import NOTHING_OUTSIDE
from tests.servers import ROOT, free_port

PATIENCE = 240.0
RAW_TOPICS = tuple(ticker_topic(region) for region in Region)
Message = tuple[bytes | None, bytes]
Tables = Mapping[str, Mapping[tuple[Any, ...], Mapping[str, Any]]]


class Home:
    """One home folder with its own embedded broker, and the settings that go with it."""

    def __init__(
        self, folder: Path, database_url: str | None = None, job: type[SparkStreamingCoinAverage] = SparkStreamingTicker, **settings: str
    ) -> None:
        """`job` is the one whose tables are looked at."""
        self.folder = folder
        self.environment = {
            **NOTHING_OUTSIDE,
            "COINSPARK_HOME": str(folder / "state"),
            "COINSPARK_JARS": str(ROOT / ".jars"),
            "COINSPARK_BROKER_PORT": str(free_port()),
            "COINSPARK_CONTROLLER_PORT": str(free_port()),
            **{f"COINSPARK_{name.upper()}": value for name, value in settings.items()},
            **({"DATABASE_URL": database_url} if database_url else {}),
        }
        with patch.dict(os.environ, self.environment):
            self.settings = load_settings()
        self.database_url = database_url or f"sqlite:///{folder / 'state' / 'coin.db'}"
        self.job = job(self.settings)
        self.plan = self.job.plan

    def seen_by(self, job: type[SparkStreamingCoinAverage]) -> Home:
        """The same home, for a job of other metrics."""
        other = copy(self)
        other.job = job(self.settings)
        other.plan = other.job.plan
        return other

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command as a process; whatever is left of it afterwards is killed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("COINSPARK_")}
        with (
            (self.folder / "output.txt").open("w") as output,
            subprocess.Popen(
                [sys.executable, str(ROOT / "coin_spark.py"), *words],
                cwd=self.folder,
                env={**inherited, **self.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.kill()

    def run(self, *words: str) -> tuple[int, str]:
        """A command to its end: exit status and all that it printed."""
        with self.started(*words) as process:
            return process.wait(PATIENCE), self.output

    @property
    def output(self) -> str:
        """What the last command has printed so far."""
        return (self.folder / "output.txt").read_text()

    def wait_for(self, condition: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
        """The first true value of `condition` while the process runs."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            assert process.poll() is None, self.output
            time.sleep(0.2)
        raise AssertionError(f"not within {PATIENCE:.0f} s:\n{self.output}")

    def rows(self, table: str) -> list[Mapping[str, Any]]:
        """The rows of a metric's table, times as aware datetimes; none while there is no table."""
        (schema,) = (each for each in self.job.tables if each.name == table)
        engine = create_engine(self.database_url)
        try:
            with engine.connect() as connection:
                return [dict(row) for row in connection.execute(sa.select(sql_table(schema, sa.MetaData()))).mappings()]
        except sa.exc.OperationalError:
            return []
        finally:
            engine.dispose()

    def tables(self) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
        """All rows of all metrics by key; a key that comes twice is an error."""
        return {metric.name: keyed(self.rows(metric.name), metric) for metric in self.plan.metrics}

    def messages(self, *topics: str) -> dict[TopicPartition, list[Message]]:
        """Everything on the topics of the stopped home, by partition, in order."""
        with cluster(self.settings, "test") as running:
            consumer = KafkaConsumer(bootstrap_servers=running.bootstrap_servers, enable_auto_commit=False, isolation_level="read_committed")
            try:
                places = [TopicPartition(topic, number) for topic in topics for number in sorted(consumer.partitions_for_topic(topic) or ())]
                found: dict[TopicPartition, list[Message]] = {place: [] for place in places}
                consumer.assign(places)
                consumer.seek_to_beginning(*places)
                ends = consumer.end_offsets(places)
                deadline = time.monotonic() + PATIENCE
                while any(consumer.position(place) < ends[place] for place in places) and time.monotonic() < deadline:
                    for place, records in consumer.poll(500).items():
                        found[place] += [(record.key, record.value) for record in records]
                return found
            finally:
                consumer.close()

    def dead_letters(self) -> list[DeadLetter]:
        """Every dead letter on the stopped home's topic."""
        return [msgspec.json.decode(value, type=DeadLetter) for part in self.messages(DEAD_LETTER_TOPIC).values() for _, value in part]


def records_of(messages: Mapping[TopicPartition, list[Message]]) -> list[Ticker]:
    """The ticker records among messages."""
    return [msgspec.json.decode(value, type=Ticker) for part in messages.values() for _, value in part]


def assert_tables_equal_oracle(home: Home, records: Sequence[Ticker], but_source: str = "") -> None:
    """Every table holds what the plain batch computation makes of the records, no more and no less (rows of one source left aside)."""
    tables = {name: {key: row for key, row in rows.items() if key[0] != but_source} for name, rows in home.tables().items()}
    assert_equal_oracle(home, tables, records)


def assert_equal_oracle(home: Home, tables: Tables, records: Sequence[Ticker]) -> None:
    """The same of tables that were read before."""
    rows = plain_rows(records, home.job.organization)
    for metric in home.plan.metrics:
        expected = batch_rows(metric, rows)
        assert expected, metric.name
        assert_equal_rows(tables[metric.name], expected, metric)


def stopped(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> int:
    """Ask a command to stop; its exit status."""
    process.send_signal(number)
    return process.wait(PATIENCE)


def family(process: subprocess.Popen[str], home: Home) -> list[psutil.Process]:
    """Every living process that a command brought: its descendants, and whatever names its home on the command line."""
    own = psutil.Process(process.pid).children(recursive=True) if psutil.pid_exists(process.pid) else []
    place = str(home.folder)
    others = [each for each in psutil.process_iter(["cmdline"]) if any(place in word for word in each.info["cmdline"] or ())]
    return list({each.pid: each for each in [*own, *others] if each.pid not in {process.pid, os.getpid()}}.values())
