"""What more metrics cost: the ticker job with 4, 8 and 16 of them over the same waiting records, whole time each.

`make bench-metrics` runs it; alone on the machine. The count of the input (`input_quality`) is in each and not counted.
"""

from __future__ import annotations

import argparse
import os
import sys

from bench.throughput_run import TICKER_JOB, Figures, medians, run_ours
from bench.throughput_topics import filled

JOBS = {4: TICKER_JOB, 8: "bench.more_metrics:EightMetricsTicker", 16: "bench.more_metrics:SixteenMetricsTicker"}


def main() -> None:
    """Print a line for each number of metrics. The last line is the factors: time, for a factor of metrics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} at the start")
    runs: dict[int, list[Figures]] = {count: [] for count in JOBS}
    with filled(arguments.records) as (settings, address):
        for number in range(arguments.runs):
            for count, job in JOBS.items():
                print(f"run {number + 1} of {arguments.runs}: {count} metrics", file=sys.stderr, flush=True)
                runs[count].append(run_ours(arguments.records, settings, address, job=job))
    found = {count: medians(each) for count, each in runs.items()}
    for count, each in found.items():
        print(f"{count:2} metrics: {each.whole_seconds:.1f} s whole, {each.steady_seconds:.1f} s steady, {each.processor_seconds:.0f} s of processor")
    whole = {count: each.whole_seconds or 0.0 for count, each in found.items()}
    print(f"whole time for 2 times the metrics: {whole[8] / whole[4]:.2f}, for 4 times: {whole[16] / whole[4]:.2f}")


if __name__ == "__main__":
    main()
