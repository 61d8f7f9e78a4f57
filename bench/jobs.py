"""How fast the order-book job and the trade job are over records that wait on Kafka."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass

from bench.jobs_records import orderbook_messages, trade_messages
from bench.throughput_run import Figures, medians, run_ours
from bench.throughput_topics import Make, filled
from src.schema.records import Region, orderbook_topic, trade_topic


@dataclass(frozen=True, slots=True)
class BenchedJob:
    """A job, and what it reads."""

    job: str
    """module:Class"""
    topics: tuple[str, ...]
    make: Make


JOBS = {
    "orderbook": BenchedJob("src.setting.jobs:SparkStreamingOrderbook", tuple(orderbook_topic(region) for region in Region), orderbook_messages),
    "trade": BenchedJob("src.setting.jobs:SparkStreamingTrade", tuple(trade_topic(region) for region in Region), trade_messages),
}


def main() -> None:
    """Print a line for each job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=sorted(JOBS))
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} at the start")
    for name, benched in JOBS.items():
        if arguments.only not in {None, name}:
            continue
        each = run_job(name, benched.topics, arguments.records, arguments.runs)
        rates = f"{each.whole_rate:,.0f} records/s, steady {each.steady_rate:,.0f} records/s"
        print(f"{name}: {each.whole_seconds:.1f} s whole, {rates}, {each.processor_seconds:.0f} s of processor")


def run_job(job_name: str, topics: tuple[str, ...], records: int = 2_000_000, runs: int = 3) -> Figures:
    """Medians of a job over so many records on `topics`, which are made where they do not wait yet."""
    benched = JOBS[job_name]
    with filled(records, job_name, topics, benched.make) as (settings, address):
        return medians([run_ours(records, settings, address, job=benched.job) for _ in range(runs)])


if __name__ == "__main__":
    main()
