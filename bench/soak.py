"""Whether memory, state, handles and lag stay flat: the ticker job and the trade job for an hour at 2,000 records a second.

`make soak` runs it, `MINUTES=` and `RATE=` say for how long and how fast; alone on the machine. Broker, MariaDB and ClickHouse are real and its own;
the jobs are processes as `coin_spark.py ticker` and `coin_spark.py trade` are, which write to MySQL, Kafka and ClickHouse. Ctrl-C ends all in order
and prints what there is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from pydantic import SecretStr

from bench.database import mariadb
from bench.soak_feed import Feed, feeding
from bench.soak_measure import Reports, folder_bytes, lag_records, processes, stored_rows
from bench.soak_minutes import Minute, last_line, table
from bench.throughput_topics import PROJECT, bench_settings
from src.broker.cluster import cluster
from src.broker.topics import ensure_topics
from src.clickhouse.place import clickhouse
from src.config.environment import as_environment
from src.config.settings import EMBEDDED
from src.setting.jobs import SparkStreamingTicker, SparkStreamingTrade
from src.setting.streaming import SparkStreamingCoinAverage
from src.storage.clickhouse_address import connected, parsed
from src.storage.sql import create_engine
from tests.servers import free_port

FOLDER = PROJECT / ".bench" / "soak"
JOBS: dict[str, type[SparkStreamingCoinAverage]] = {"ticker": SparkStreamingTicker, "trade": SparkStreamingTrade}
_LOOK_SECONDS = 10
_MINUTE_SECONDS = 60
_STOP_SECONDS = 120
_LAST_LINES = 40


class Soak:
    """One run, its data in `folder`. Use it as a context."""

    def __init__(self, folder: Path, rate: int, open_minutes: float) -> None:
        self._folder = folder
        self._rate = rate
        self._open_minutes = open_minutes
        self._jobs: dict[str, subprocess.Popen[bytes]] = {}
        self._lags = dict.fromkeys(JOBS, 0)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything is started before the block, and ended in order after it: the feed, the jobs, then the stores."""
        with ExitStack() as stack:
            server = stack.enter_context(mariadb(self._folder / "database"))
            settings = bench_settings(self._folder / "home")
            secrets = {"database_url": SecretStr(server.url("soak")), "clickhouse_url": SecretStr(EMBEDDED)}
            ours = {"clickhouse_port": free_port(), "outage_hours": self._open_minutes / 60}
            self._settings = settings.model_copy(update={**secrets, **ours})
            self._broker = stack.enter_context(cluster(self._settings, "soak"))
            place = stack.enter_context(clickhouse(self._settings, "soak"))
            assert place is not None
            made = {name: job(self._settings) for name, job in JOBS.items()}
            self._topics = {name: job.topics for name, job in made.items()}
            self._tables = list({table.name: table for job in made.values() for table in job.tables}.values())
            ensure_topics(self._broker.bootstrap_servers, [spec for job in made.values() for spec in job._topic_specs()])  # noqa: SLF001
            self._engine = create_engine(server.url("soak"))
            stack.callback(self._engine.dispose)
            self._client = connected(parsed(place.url.get_secret_value()))
            stack.callback(self._client.close)
            self._reports = {name: Reports(self._folder / f"{name}.jsonl", name) for name in JOBS}
            stack.callback(self._end_jobs)
            for name in JOBS:
                self._start(name)
            self._feed: Feed = stack.enter_context(feeding(self._settings, self._broker.bootstrap_servers, self._rate))
            print(f"{1_000 * len(JOBS) // self._feed.spacing:,} records/s; what the processes say is in {self._folder}", file=sys.stderr)
            yield

    def minutes(self, count: int) -> Iterator[Minute]:
        """One after the other, as they pass. Raises SystemExit when a job or the feed ends by itself."""
        begin = time.monotonic()
        for number in range(1, count + 1):
            self._lags = dict.fromkeys(JOBS, 0)
            for look in range(_LOOK_SECONDS, _MINUTE_SECONDS + 1, _LOOK_SECONDS):
                time.sleep(max(0.0, begin + (number - 1) * _MINUTE_SECONDS + look - time.monotonic()))
                self._look()
            sizes, handles = processes({name: process.pid for name, process in self._jobs.items()})
            yield Minute(
                minute=number,
                sent_records=self._feed.records,
                resident=sizes,
                handles=handles,
                checkpoint_bytes=folder_bytes(self._settings.home / "checkpoints"),
                jobs={name: reports.minute(self._lags[name]) for name, reports in self._reports.items()},
                rows=stored_rows(self._engine, self._client, self._tables),
            )

    def _look(self) -> None:
        if self._feed.failure is not None:
            raise SystemExit(f"error: the feed ended: {self._feed.failure!r}")
        for name, process in self._jobs.items():
            if process.poll() is not None:
                raise SystemExit(f"error: {name} ended with status {process.returncode}:\n{self._said(name)}")
            lag = lag_records(self._settings.home, name, self._topics[name], self._broker.bootstrap_servers)
            self._lags[name] = max(self._lags[name], lag)

    def _start(self, name: str) -> None:
        own = ("COINSPARK_", "KAFKA_", "DATABASE_", "SPARK_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        with (self._folder / f"{name}.txt").open("wb") as output:
            self._jobs[name] = subprocess.Popen(
                [sys.executable, "-m", "bench.soak_job", str(self._folder / f"{name}.jsonl"), name, "--source", "none"],
                # A folder without a `.env`.
                cwd=self._folder,
                env={**inherited, **as_environment(self._settings), **self._secrets(), "PYTHONPATH": str(PROJECT)},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                # Ctrl-C is for this process, which ends them after the feed and before the stores.
                start_new_session=True,
            )

    def _secrets(self) -> dict[str, str]:
        return {"DATABASE_URL": self._settings.database_address, "COINSPARK_CLICKHOUSE_URL": EMBEDDED}

    def _end_jobs(self) -> None:
        for process in self._jobs.values():
            process.send_signal(signal.SIGTERM)
        for name, process in self._jobs.items():
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                print(f"{name} did not stop within {_STOP_SECONDS} s and was killed", file=sys.stderr)
                process.kill()
                process.wait()

    def _said(self, name: str) -> str:
        return "\n".join((self._folder / f"{name}.txt").read_text(errors="replace").splitlines()[-_LAST_LINES:])


def main() -> None:
    """Print the table; the last line says how much the last third of the time differs from the second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--rate", type=int, default=2_000, help="records a second, tickers and trades together")
    parser.add_argument(
        "--open-minutes", type=float, default=10, help="how long windows stay open for what is late (6 hours by default: state grows for that long)"
    )
    arguments = parser.parse_args()
    # An ordered stop as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = datetime.now(UTC)
    folder = FOLDER / f"{began:%Y%m%dT%H%M%SZ}"
    folder.mkdir(parents=True)
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} at the start; windows stay open for {arguments.open_minutes:g} minutes", flush=True)
    passed: list[Minute] = []
    soak = Soak(folder, arguments.rate, arguments.open_minutes)
    try:
        with suppress(KeyboardInterrupt), soak.running():
            for minute in soak.minutes(arguments.minutes):
                passed.append(minute)
                print(f"minute {minute.minute} of {arguments.minutes}", file=sys.stderr, flush=True)
    finally:
        (FOLDER / f"{folder.name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(passed)))
        for each in table(passed):
            print(each)
        print(last_line(passed), flush=True)
    for data in ("database", "home"):
        shutil.rmtree(folder / data, ignore_errors=True)


if __name__ == "__main__":
    main()
