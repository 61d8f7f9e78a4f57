"""Whether a job's state stays bounded and its batches as fast: 200 symbols of 9 markets (1,800 prices) for an hour of event time.

`make bench-state` runs it; `ARGS="--job trade"` takes the trade job, `--minutes` another stretch of event time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.jobs_records import trade_messages
from bench.state_figures import lines
from bench.state_run import Sample, decoded
from bench.throughput_records import RECORDS_A_MESSAGE, SYMBOLS, messages
from bench.throughput_run import TICKER_JOB
from bench.throughput_topics import PROJECT, TOPICS, filled
from src.config.environment import as_environment
from src.schema.records import Region, trade_topic

MANY_SYMBOLS = (*SYMBOLS, *(f"COIN{number:03}" for number in range(len(SYMBOLS), 200)))
JOBS = {
    "ticker": (TICKER_JOB, TOPICS, messages),
    "trade": ("src.setting.jobs:SparkStreamingTrade", tuple(trade_topic(region) for region in Region), trade_messages),
}
_MINUTE_MS = 60_000


def main() -> None:
    """Print a line for each 10 minutes of event time, and in the end how much longer batches took in the last quarter than in the first.

    State is what RocksDB has in files and in memory, of all partitions; workers are the Python processes, the driver's own included.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", choices=sorted(JOBS), default="ticker")
    parser.add_argument("--minutes", type=int, default=60, help="of event time")
    parser.add_argument("--spacing", type=int, default=1, help="ms of event time from one record to the next, of all 1,800 prices together")
    parser.add_argument("--batch-seconds", type=int, default=60, help="of event time, in one batch")
    arguments = parser.parse_args()
    job, topics, make = JOBS[arguments.job]
    records = arguments.minutes * _MINUTE_MS // arguments.spacing // RECORDS_A_MESSAGE * RECORDS_A_MESSAGE
    batch_messages = max(1, arguments.batch_seconds * 1_000 // arguments.spacing // RECORDS_A_MESSAGE)
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} at the start; {records:,} records of {len(MANY_SYMBOLS)} symbols")
    name = f"state-{arguments.job}-{arguments.spacing}ms"
    made = partial(make, symbols=MANY_SYMBOLS, spacing=arguments.spacing)
    with filled(records, name, topics, made) as (settings, address), tempfile.TemporaryDirectory(prefix="coinspark-bench-") as folder:
        ours = settings.model_copy(update={"home": Path(folder) / "home", "trigger": "available-now"})
        environment = as_environment(ours) | {"KAFKA_BOOTSTRAP_SERVERS": address, "PYTHONPATH": str(PROJECT)}
        words = [sys.executable, "-m", "bench.state_run", "--job", job, "--messages", str(batch_messages)]
        own = ("COINSPARK_", "KAFKA_", "DATABASE_", "SPARK_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        # Its folder is one without a `.env`.
        run = subprocess.run(words, cwd=folder, env={**inherited, **environment}, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{words[2]} ended with status {run.returncode}")
    samples: list[Sample] = [decoded(line) for line in run.stdout.splitlines()]
    print("\n".join(lines(samples)))


if __name__ == "__main__":
    main()
