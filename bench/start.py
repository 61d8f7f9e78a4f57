"""How long until the first rows are on the screen, what the whole takes of memory, and how long an orderly stop takes.

Run it alone on the machine: `make bench-start`. It runs `python coin_spark.py ticker --source simulate` in a folder of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[1]
METRICS = ("time_metrics", "arbitrage", "market_arbitrage", "market_arbitrage_signal")
RUNS = 3
SETTLED_SECONDS = 60


def main() -> None:
    """Print one line a run, and the medians."""
    figures = [measure() for _ in range(RUNS)]
    for first, resident, stop in figures:
        print(f"first rows of all metrics {first:.1f} s; resident after a minute {resident:.0f} MiB; orderly stop {stop:.1f} s")
    first, resident, stop = (sorted(column)[RUNS // 2] for column in zip(*figures, strict=True))
    print(f"median of {RUNS}: first rows {first:.1f} s, resident {resident:.0f} MiB, stop {stop:.1f} s; {os.cpu_count()} cores")


def measure() -> tuple[float, float, float]:
    """Seconds to the first rows of all metrics, MiB resident (of job, Spark, workers, collector, broker), seconds to stop."""
    with tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "coin_spark.py"), "ticker", "--source", "simulate", "--home", home],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        wanted = {f"first row of {metric}:" for metric in METRICS}
        for line in process.stdout:
            wanted = {words for words in wanted if words not in line}
            if not wanted:
                break
        first = time.monotonic() - began
        # The pipe must not fill up meanwhile.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        time.sleep(SETTLED_SECONDS)
        resident = sum(map(_resident, _family(process.pid, home))) / 2**20
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait()
        return first, resident, time.monotonic() - began


def _family(pid: int, home: str) -> list[psutil.Process]:
    """The job, what it started, and the broker, which is nobody's child once its starter is gone."""
    children = psutil.Process(pid).children(recursive=True)
    brokers = [each for each in psutil.process_iter(["cmdline"]) if any(home in word for word in each.info["cmdline"] or ())]
    return list({each.pid: each for each in [psutil.Process(pid), *children, *brokers]}.values())


def _resident(process: psutil.Process) -> int:
    """Bytes; none of a process that has ended since it was listed, as those that look something up do."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    main()
