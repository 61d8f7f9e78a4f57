"""One way to the metrics as a process of its own, timed from its start to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import msgspec
import psutil

from bench import throughput_install as flink
from bench.throughput_topics import PROJECT, TOPICS
from src.broker.java import find_java
from src.config import Settings
from src.config.environment import as_environment
from src.preprocess.ticker import TickerQueryOrganization
from src.preprocess.venues import venues

TICKER_JOB = "src.setting.jobs:SparkStreamingTicker"
_LAST_LINES = 40
_SAMPLE_SECONDS = 0.5


class Told(msgspec.Struct, frozen=True):
    """What the process says as its last line."""

    seconds: float
    """From the start of the query (the session is there) to its last row."""
    records: int | None = None
    """Records that it found; None where it cannot tell."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one run, or medians of several."""

    records: int
    whole_seconds: float | None
    """From the start of the process to its end; None for what is no whole job."""
    steady_seconds: float
    processor_seconds: float
    """Of the process and all that it started, the broker left aside: what the machine's other users do not change."""

    @property
    def whole_rate(self) -> float | None:
        """Records a second, start-up and end included."""
        return None if self.whole_seconds is None else self.records / self.whole_seconds

    @property
    def steady_rate(self) -> float:
        """Records a second from the start of the query to its last row."""
        return self.records / self.steady_seconds


def medians(runs: Sequence[Figures]) -> Figures:
    """The middle one of each figure."""
    whole = [run.whole_seconds for run in runs if run.whole_seconds is not None]
    steady, processor = (median(column) for column in zip(*((run.steady_seconds, run.processor_seconds) for run in runs), strict=True))
    return Figures(runs[0].records, median(whole) if whole else None, steady, processor)


def run_ours(records: int, settings: Settings, address: str, rows: Path | None = None, job: str = TICKER_JOB) -> Figures:
    """One of our jobs, from the topics' beginnings to their ends. job: module:Class. rows: a file for its rows, as lines of JSON."""
    with tempfile.TemporaryDirectory(prefix="coinspark-bench-") as folder:
        ours = settings.model_copy(update={"home": Path(folder) / "home", "trigger": "available-now"})
        words = [sys.executable, "-m", "bench.throughput_ours", "--job", job, *(["--rows", str(rows)] if rows else [])]
        return _run(words, records, as_environment(ours) | {"KAFKA_BOOTSTRAP_SERVERS": address}, Path(folder))


def run_spark(records: int, settings: Settings, address: str, rows: Path | None = None) -> Figures:
    """The four metrics as four ordinary Spark queries, with a heap four times that of our job."""
    with tempfile.TemporaryDirectory(prefix="coinspark-bench-") as folder:
        theirs = settings.model_copy(update={"home": Path(folder) / "home", "driver_memory": "4g"})
        words = [sys.executable, "-m", "bench.throughput_spark", *(["--rows", str(rows)] if rows else [])]
        return _run(words, records, as_environment(theirs) | {"KAFKA_BOOTSTRAP_SERVERS": address}, Path(folder))


def run_flink(records: int, settings: Settings, address: str, rows: Path | None = None, *, light: bool = False) -> Figures:
    """The four metrics in Flink SQL. rows: a folder for its rows. light: least and greatest in place of first and last, as `FLINK_LIGHT`."""
    task = {
        "bootstrap_servers": address,
        "topics": TOPICS,
        "quotes": {venue.market: venue.quote for venue in venues(settings)},
        "regions": TickerQueryOrganization(settings).regions,
        "jars": [str(jar) for jar in sorted(flink.JARS.glob("*.jar"))],
        "rows": str(rows) if rows else None,
        "light": light,
    }
    with tempfile.TemporaryDirectory(prefix="coinspark-bench-") as folder:
        environment = {"JAVA_HOME": str(find_java().home), "FLINK_LOG_DIR": folder}
        return _run([str(flink.PYTHON), "-m", "bench.throughput_flink", json.dumps(task)], records, environment, Path(folder))


def run_parse(records: int) -> Figures:
    """`pyarrow.json` alone over the same messages in memory: what no job that parses with it can pass."""
    with tempfile.TemporaryDirectory(prefix="coinspark-bench-") as folder:
        words = [sys.executable, "-m", "bench.throughput_parse", "--records", str(records)]
        return replace(_run(words, None, {}, Path(folder)), whole_seconds=None)


def _run(words: Sequence[str], records: int | None, environment: Mapping[str, str], folder: Path) -> Figures:
    """records: how many it must find; None: as many as it says. Raises SystemExit with its last words when it fails or finds another number."""
    own = ("COINSPARK_", "KAFKA_", "DATABASE_", "FLINK_", "SPARK_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    said, log = folder / "said.txt", folder / "log.txt"
    processor: dict[int, float] = {}
    with said.open("w") as output, log.open("w") as errors:
        began = time.monotonic()
        # Its folder is one without a `.env`.
        with subprocess.Popen(
            words, cwd=folder, env={**inherited, "PYTHONPATH": str(PROJECT), **environment}, stdout=output, stderr=errors
        ) as process:
            while True:
                try:
                    process.wait(_SAMPLE_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    processor |= _processor_seconds(process.pid)
        whole = time.monotonic() - began
    lines = said.read_text(errors="replace").strip().splitlines()
    if process.returncode or not lines:
        words_of = "\n".join([*lines, *log.read_text(errors="replace").splitlines()][-_LAST_LINES:])
        raise SystemExit(f"{words[2]} ended with status {process.returncode}:\n{words_of}")
    told = msgspec.json.decode(lines[-1], type=Told)
    found = told.records if told.records is not None else records
    if found is None or found != (records or found):
        raise SystemExit(f"{words[2]} found {found} records, not {records}")
    return Figures(found, whole, told.seconds, sum(processor.values()))


def _processor_seconds(pid: int) -> dict[int, float]:
    """So far, of each living process of the family."""
    found = {}
    with suppress(psutil.Error):
        own = psutil.Process(pid)
        for each in [own, *own.children(recursive=True)]:
            with suppress(psutil.Error):
                times = each.cpu_times()
                found[each.pid] = times.user + times.system
    return found
