"""What a second core brings: the ticker job and its broker on one processor, then on two, over the same waiting records.

`make bench-cores` runs it; alone on the machine, which must let a process choose its processors (Linux).
"""

from __future__ import annotations

import argparse
import os
import sys

from bench.throughput_run import Figures, medians, run_ours
from bench.throughput_topics import filled

_CORES = (1, 2)


def main() -> None:
    """Print a line for each number of processors. The last line is the factor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    every = sorted(os.sched_getaffinity(0))
    if len(every) < max(_CORES):
        sys.exit(f"error: this machine lets us use {len(every)} processor")
    print(f"{len(every)} cores; load {os.getloadavg()[0]:.1f} at the start")
    runs: dict[int, list[Figures]] = {count: [] for count in _CORES}
    with filled(arguments.records):
        # Filled on all of them.
        pass
    for number in range(arguments.runs):
        for count in _CORES:
            print(f"run {number + 1} of {arguments.runs}: {count} of the processors", file=sys.stderr, flush=True)
            # What is started from here on inherits it, the broker too: it must not be a processor more for the job that has one.
            os.sched_setaffinity(0, every[:count])
            with filled(arguments.records) as (settings, address):
                runs[count].append(run_ours(arguments.records, settings, address))
    found = {count: medians(each) for count, each in runs.items()}
    for count, each in found.items():
        print(
            f"{count} of the processors: {each.whole_seconds:.1f} s whole, {each.whole_rate:,.0f} records/s, steady {each.steady_rate:,.0f} records/s"
        )
    whole, steady = (
        (found[1].whole_seconds or 0.0) / (found[2].whole_seconds or 1.0),
        found[1].steady_seconds / found[2].steady_seconds,
    )
    print(f"two processors against one: {whole:.2f} times as fast whole, {steady:.2f} steady")


if __name__ == "__main__":
    main()
