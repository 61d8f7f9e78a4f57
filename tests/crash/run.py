"""The crash test: `python -m tests.crash.run --kills 100 --records 200000`, or `make test-crash`. The last line is the result.

Two jobs, a broker, a MariaDB and a ClickHouse; each kill is a SIGKILL, after a batch that was committed since the one before it.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import psutil

from src.broker.cluster import cluster
from src.broker.topics import end_offsets, ensure_topics
from src.clickhouse.place import clickhouse
from src.config.settings import load_settings
from src.preprocess.gap_marks import spread_gap_mark
from src.setting.checkpoint import Checkpoint
from src.setting.series_query import series_name
from src.storage.clickhouse_address import connected, parsed
from tests.crash.compared import Compared, compare, in_clickhouse, in_kafka, in_sql
from tests.crash.fed import Feeder, fed
from tests.crash.job import JOBS
from tests.crash.kills import ANY_TIME, BROKER, DATABASE, Kill, Log, drawn
from tests.loopback import NOTHING_OUTSIDE
from tests.servers import ROOT, MariaDb, database_server_program, free_port

_PATIENCE = 300.0
_LOOK_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 1.5
"""Before a kill at any time: as long as a batch takes."""
_LEAST_MESSAGES = 40


class Crash:
    """One run in a folder of its own."""

    def __init__(self, folder: Path, kills: int, records: int, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.plan = drawn(kills, seed)
        self.fed = fed(seed, records)
        self.log = Log(folder / "kills.jsonl")
        self.database = MariaDb(_made(folder / "database"), database_server_program() or "mariadbd")
        self.jobs: dict[str, subprocess.Popen[bytes]] = {}
        self.seen: dict[str, int] = {}
        self._stopping = threading.Event()

    def run(self) -> Compared:
        """Feed, kill, let them finish, and compare."""
        with ExitStack() as stack:
            self.database.start()
            stack.callback(self.database.kill)
            self.environment = self._environment()
            stack.enter_context(patch.dict(os.environ, self.environment))
            self.settings = load_settings()
            broker = stack.enter_context(cluster(self.settings, "crash test"))
            place = stack.enter_context(clickhouse(self.settings, "crash test"))
            assert place is not None
            ready = {name: job() for name, job in JOBS.items()}
            ensure_topics(broker.bootstrap_servers, [spec for job in ready.values() for spec in job._topic_specs()])
            self.feeder = Feeder(self.fed, broker.bootstrap_servers, self.settings.topic_partitions)
            stack.callback(self.feeder.close)
            stack.enter_context(self._kept_running(broker.ensure_running, place.ensure_running))
            stack.callback(self._end_jobs)
            for name in JOBS:
                self._start(name)
            for number, kill in enumerate(self.plan):
                # A quarter more is fed while something is dying; each kill has messages left for a batch before it.
                share = max(_LEAST_MESSAGES, self.feeder.left * 4 // (5 * (len(self.plan) - number + 1)))
                self._feed(share)
                self._await_commits(kill)
                self._do(kill, share)
                done = self.log.killed[-1]
                print(f"{number + 1}/{len(self.plan)}: {done.process}, {done.phase}; {self.feeder.left} messages left", flush=True)
            self._feed(self.feeder.left)
            self._await(lambda: all(self._has_read_all(name, broker.bootstrap_servers) for name in JOBS), "all is read")
            for name, process in self.jobs.items():
                process.send_signal(signal.SIGTERM)
                assert process.wait(_PATIENCE) == 0, self._said(name)
            return self._compared(broker.bootstrap_servers, place.url.get_secret_value())

    def _compared(self, bootstrap_servers: str, clickhouse_url: str) -> Compared:
        found = Compared()
        client = connected(parsed(clickhouse_url))
        trades = [part for trade in self.fed.trades for part in spread_gap_mark(trade)]
        for name, records in (("ticker", self.fed.tickers), ("trade", trades)):
            job = JOBS[name](self.settings)
            kafka, closed_until = in_kafka(bootstrap_servers, job.tables)
            stores = [in_sql(self.settings.database_address, job.tables), kafka, in_clickhouse(client, job.tables)]
            compare(job, records, stores, closed_until, found)
        return found

    def _do(self, kill: Kill, share: int) -> None:
        before = {name: self._committed(name) for name in JOBS}
        if kill.process in JOBS:
            self._kill_job(kill, share, before)
            return
        feeding = threading.Thread(target=self._feed, args=(share // 4,))
        feeding.start()
        time.sleep(self.random.random() * _LONGEST_WAIT_SECONDS)
        if kill.process == DATABASE:
            pid = self.database.pid
            self.database.kill()
            self.log.add(kill, ANY_TIME, pid, before)
            time.sleep(self.random.random() * _LONGEST_WAIT_SECONDS)
            self.database.start()
        else:
            pid = self._server(kill.process)
            os.kill(pid, signal.SIGKILL)
            self.log.add(kill, ANY_TIME, pid, before)
        feeding.join()

    def _kill_job(self, kill: Kill, share: int, before: dict[str, int]) -> None:
        process = self.jobs[kill.process]
        doom = self.folder / f"{kill.process}.doom"
        phase = kill.phase
        if phase == ANY_TIME:
            time.sleep(self.random.random() * _LONGEST_WAIT_SECONDS)
            process.kill()
        else:
            doom.write_text(phase)
            self._feed(share // 4)
            self._await(lambda: process.poll() is not None, f"{kill.process} dies")
            phase = doom.read_text()
            doom.unlink()
        process.wait()
        self.log.add(kill, phase, process.pid, before)
        assert process.returncode == -signal.SIGKILL, self._said(kill.process)
        self._start(kill.process)

    def _feed(self, count: int) -> None:
        self.feeder.feed(count)

    def _await_commits(self, kill: Kill) -> None:
        """A batch of each job that the kill concerns, newer than the last one that was seen before a kill."""
        concerned = [kill.process] if kill.process in JOBS else list(JOBS)
        self._await(lambda: all(self._committed(name) > self.seen.get(name, -1) for name in concerned), f"{concerned} commit a batch")
        self.seen |= {name: self._committed(name) for name in concerned}

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            for name, process in self.jobs.items():
                ended = process.poll()
                assert ended in {None, -signal.SIGKILL}, f"{name} ended with status {ended}:\n{self._said(name)}"
            assert time.monotonic() < deadline, f"not within {_PATIENCE:.0f} s: {what}\n" + "\n".join(self._said(name) for name in self.jobs)
            time.sleep(_LOOK_SECONDS)

    def _checkpoint(self, name: str) -> Checkpoint | None:
        found = [path for path in (self.settings.home / "checkpoints").glob(f"{name}-[0-9a-f]*") if path.is_dir()]
        assert len(found) < 2, found
        return Checkpoint(name, found[0].absolute()) if found else None

    def _committed(self, name: str) -> int:
        kept = self._checkpoint(name)
        batches = [int(path.name) for path in (kept.folder / "commits").glob("*") if path.name.isdigit()] if kept else []
        return max(batches, default=-1)

    def _has_read_all(self, name: str, bootstrap_servers: str) -> bool:
        """Also the second query, where the job has one: what the first has written last is what it reads last."""
        job = JOBS[name](self.settings)
        queries = [(name, job.topics), *([(series_name(name), job.series.topics)] if job.series.metrics else [])]
        return all(self._has_read(query, bootstrap_servers, topics) for query, topics in queries)

    def _has_read(self, query: str, bootstrap_servers: str, topics: Sequence[str]) -> bool:
        kept = self._checkpoint(query)
        read = kept.offsets() if kept else {}
        return all(read.get((place.topic, place.partition), 0) >= end for place, end in end_offsets(bootstrap_servers, topics).items())

    def _start(self, name: str) -> None:
        with (self.folder / f"{name}.txt").open("ab") as output:
            self.jobs[name] = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.job", name, str(self.folder)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def _end_jobs(self) -> None:
        for process in self.jobs.values():
            process.kill()
            process.wait()

    def _said(self, name: str) -> str:
        return f"--- {name}\n" + "\n".join((self.folder / f"{name}.txt").read_text(errors="replace").splitlines()[-40:])

    def _server(self, name: str) -> int:
        """The pid of the broker or of the ClickHouse owner of this run, which names its folder on the command line."""
        home, word = str(self.settings.home.resolve()), "kafka.Kafka" if name == BROKER else "src.clickhouse"
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for process in psutil.process_iter(["cmdline"]):
                words = process.info["cmdline"] or []
                if any(word == each for each in words) and any(home in each for each in words):
                    return int(process.pid)
            time.sleep(_LOOK_SECONDS)
        raise AssertionError(f"no {name} runs")

    @contextmanager
    def _kept_running(self, *ensure: Callable[[], bool]) -> Iterator[None]:
        """While no job runs that would, see that broker and ClickHouse are started again."""

        def look() -> None:
            while not self._stopping.wait(1.0):
                for each in ensure:
                    each()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _environment(self) -> dict[str, str]:
        return {
            **NOTHING_OUTSIDE,
            "COINSPARK_HOME": str(self.folder / "home"),
            "COINSPARK_JARS": str(ROOT / ".jars"),
            "COINSPARK_BROKER_PORT": str(free_port()),
            "COINSPARK_CONTROLLER_PORT": str(free_port()),
            "COINSPARK_CLICKHOUSE_URL": "embedded",
            "COINSPARK_CLICKHOUSE_PORT": str(free_port()),
            "COINSPARK_CLICKHOUSE_TTL_DAYS": "0",
            "COINSPARK_DATABASE_RETENTION_DAYS": "0",
            "COINSPARK_TRIGGER": "500ms",
            "COINSPARK_WHALE_PERCENTILE": "90",
            "COINSPARK_WHALE_NOTIONAL_USD": "2000",
            "COINSPARK_WHALE_FLOOR_USD": "500",
            "DATABASE_URL": self.database.url("coinspark"),
        }


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def main() -> None:
    """Run, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where kills.jsonl and all state stay; a temporary folder otherwise")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = arguments.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coinspark-crash-")))
        folder.mkdir(parents=True, exist_ok=True)
        crash = Crash(folder, arguments.kills, arguments.records, arguments.seed)
        found = crash.run()
        for (process, phase), count in sorted(crash.log.counts().items()):
            print(f"{process} killed {phase}: {count}")
        print(f"{found.rows} rows compared", *found.told, sep="\n")
        print(f"kills {len(crash.log.killed)}: lost {found.lost}, duplicate {found.duplicate}, different {found.different}")
        if found.lost or found.duplicate or found.different:
            sys.exit(1)


if __name__ == "__main__":
    main()
