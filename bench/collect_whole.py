"""The whole collector as it runs: a local exchange that sends as fast as it is read, the real command, a broker of its own.

Exchange, collector and broker are three processes on the same cores, so beside the frames a second of the wall clock stand those of the
collector's own processor time.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from src.collect.exchanges import EXCHANGES
from src.collect.status import CollectorStatus, read_statuses
from tests.collect.dialects.blast import blast_pairs

PROJECT = Path(__file__).resolve().parents[1]
PAIRS = 10
SAMPLE_SECONDS = 10.0
WARM_UP_SECONDS = 10.0
_START_SECONDS = 120.0
_MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the collector stood at one moment; counts since its start."""

    seconds: float
    frames: int
    sent: int
    """Records that Kafka has acknowledged."""
    waiting: int
    """Records that wait for Kafka."""
    lost: int
    """Records given up and frames that went to the dead letters."""
    processor_seconds: float
    """Of the collector process, all its threads."""
    resident: float
    """MiB."""


@dataclass(frozen=True, slots=True)
class WholeSpeed:
    """What the samples say together."""

    market: str
    channel: str
    samples: Sequence[Sample]

    @property
    def frames_per_second(self) -> float:
        """From the server's socket through the pipeline."""
        return self._per_second("frames")

    @property
    def acknowledged_per_second(self) -> float:
        """Records that Kafka has, a second."""
        return self._per_second("sent")

    @property
    def processor_microseconds(self) -> float:
        """The collector's own processor time for one frame."""
        first, last = self.samples[0], self.samples[-1]
        return (last.processor_seconds - first.processor_seconds) / max(last.frames - first.frames, 1) * 1e6

    @property
    def resident_slope(self) -> float:
        """MiB a minute: the line of least squares through the samples of the second half, after caches have filled."""
        half = self.samples[len(self.samples) // 2 :]
        mean_seconds = sum(sample.seconds for sample in half) / len(half)
        mean_resident = sum(sample.resident for sample in half) / len(half)
        spread = sum((sample.seconds - mean_seconds) ** 2 for sample in half)
        along = sum((sample.seconds - mean_seconds) * (sample.resident - mean_resident) for sample in half)
        return along / spread * 60 if spread else 0.0

    def _per_second(self, name: str) -> float:
        first, last = self.samples[0], self.samples[-1]
        return float(getattr(last, name) - getattr(first, name)) / (last.seconds - first.seconds)


def whole_speed(market: str, channel: str, seconds: float) -> WholeSpeed:
    """Run the three for so long, after ten seconds in which caches and batches fill."""
    with tempfile.TemporaryDirectory(prefix="coinspark-bench-") as folder:
        home = Path(folder)
        with _exchange(market, channel) as port, _collector(home, market, channel, port) as process:
            _wait_for_frames(home, process)
            time.sleep(WARM_UP_SECONDS)
            began = time.monotonic()
            samples = [_sample(home, process, began)]
            while samples[-1].seconds < seconds:
                time.sleep(max(0.0, min(SAMPLE_SECONDS, seconds - samples[-1].seconds)))
                samples.append(_sample(home, process, began))
            return WholeSpeed(market, channel, samples)


@contextmanager
def _exchange(market: str, channel: str) -> Iterator[int]:
    """A local exchange's port. It ends with its last client."""
    words = [sys.executable, "-m", "tests.collect.dialects.blast", market, channel, "0", "--pairs", str(PAIRS), "--endless"]
    # It is cut off in the middle of a frame in the end, and what it says of that tells nothing.
    with subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().split()[1])
        finally:
            process.terminate()


@contextmanager
def _collector(home: Path, market: str, channel: str, port: int) -> Iterator[psutil.Process]:
    """`coin_spark.py collect` with a broker of its own, both gone at the end."""
    symbols = ",".join(pair.symbol for pair in blast_pairs(EXCHANGES[market], PAIRS))
    words = [sys.executable, str(PROJECT / "coin_spark.py"), "collect", "--source", "live", "--channels", channel]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COINSPARK_", "KAFKA_", "DATABASE_"))}
    environment |= {
        "COINSPARK_EXCHANGE_URLS": json.dumps({market: f"ws://127.0.0.1:{port}"}),
        "COINSPARK_REST_URLS": json.dumps({market: f"http://127.0.0.1:{port}"}),
        "COINSPARK_BROKER_PORT": str(_free_port()),
        "COINSPARK_CONTROLLER_PORT": str(_free_port()),
        "COINSPARK_JARS": str(PROJECT / ".jars"),
        "COINSPARK_BANK_RATE_URLS": "",
    }
    words += ["--markets", market, "--symbols", symbols, "--home", str(home)]
    with subprocess.Popen(words, cwd=home, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _wait_for_frames(home: Path, process: psutil.Process) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.status() != psutil.STATUS_ZOMBIE:
        statuses = read_statuses(home)
        if statuses and statuses[0].sent:
            return
        time.sleep(0.2)
    raise SystemExit("the collector sent nothing")


def _sample(home: Path, process: psutil.Process, began: float) -> Sample:
    status = _fresh(home)
    times = process.cpu_times()
    return Sample(
        seconds=status.updated_time / 1000 - began + time.monotonic() - time.time(),
        frames=sum(market.frames for market in status.markets.values()),
        sent=status.sent,
        waiting=status.waiting,
        lost=sum(market.dropped + market.malformed for market in status.markets.values()),
        processor_seconds=times.user + times.system,
        resident=process.memory_info().rss / _MEBIBYTE,
    )


def _fresh(home: Path) -> CollectorStatus:
    """The next status that is written: counts and processor time are then of the same moment."""
    before = read_statuses(home)[0].updated_time
    while (status := read_statuses(home)[0]).updated_time == before:
        time.sleep(0.01)
    return status


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
