"""How fast all ticker metrics are, beside Flink SQL, beside ordinary Spark queries, and beside the parse alone, over records that wait on Kafka.

`make bench-throughput` runs it: three runs of each way in turn, 2 million and 10 million records, most of an hour; alone on the machine, or the
figures are of something else. `ARGS="--records 200000 --runs 1"` is a short one, `ARGS="--only ours,flink"` leaves ways out.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.throughput_compare import compare, read_folders, read_lines
from bench.throughput_run import Figures, medians, run_flink, run_ours, run_parse, run_spark
from bench.throughput_topics import filled
from src.config import Settings

OURS, FLINK, FLINK_LIGHT, SPARK, PARSE, COMPARE = "ours", "flink", "flink-light", "spark", "parse", "compare"
NAMES = {
    OURS: "coinspark",
    FLINK: "Flink SQL",
    FLINK_LIGHT: "Flink SQL, min and max",
    SPARK: "ordinary Spark",
    PARSE: "pyarrow.json alone",
}
COMPARED_RECORDS = 200_000
_ROW = "{:<24} {:>11} {:>8} {:>11} {:>11} {:>8}"


def main() -> None:
    """Print what was compared, a table for each number of records, and the factors as the last line."""
    arguments = _arguments()
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} at the start", flush=True)
    same = _compare() if COMPARE in arguments.only else True
    last_line = ""
    for records in arguments.records if set(arguments.only) != {COMPARE} else ():
        with filled(records) as (settings, address):
            found = _measured(records, settings, address, arguments)
        _print_table(found, arguments.runs)
        last_line = factors(found)
    if last_line:
        print(last_line)
    if not same:
        sys.exit(1)


def factors(found: Mapping[str, Figures]) -> str:
    """How many times as fast the whole of ours is, and its share of what parsing alone reaches; - where a way was left out."""
    ours = found.get(OURS)
    rate = ours.whole_rate if ours else None

    def of(name: str) -> str:
        other = found.get(name)
        theirs = other.whole_rate or other.steady_rate if other else None
        return "-" if rate is None or theirs is None else f"{rate / theirs:.2f}"

    return f"coinspark/flink: {of(FLINK)}, coinspark/ordinary spark: {of(SPARK)}, share of parse limit: {of(PARSE)}"


def _measured(records: int, settings: Settings, address: str, arguments: argparse.Namespace) -> dict[str, Figures]:
    ways: Mapping[str, Callable[[], Figures]] = {
        PARSE: lambda: run_parse(records),
        OURS: lambda: run_ours(records, settings, address, job=arguments.job),
        FLINK: lambda: run_flink(records, settings, address),
        FLINK_LIGHT: lambda: run_flink(records, settings, address, light=True),
        SPARK: lambda: run_spark(records, settings, address),
    }
    chosen = [name for name in ways if name in arguments.only]
    runs: dict[str, list[Figures]] = {name: [] for name in chosen}
    # In turn, so that what slows the machine for a while slows all of them.
    for number in range(arguments.runs):
        for name in chosen:
            print(f"{records:,} records, run {number + 1} of {arguments.runs}: {NAMES[name]}", file=sys.stderr, flush=True)
            runs[name].append(ways[name]())
    return {name: medians(each) for name, each in runs.items()}


def _compare() -> bool:
    with filled(COMPARED_RECORDS) as (settings, address), tempfile.TemporaryDirectory(prefix="coinspark-bench-") as place:
        folder = Path(place)
        run_ours(COMPARED_RECORDS, settings, address, rows=folder / "ours.jsonl")
        run_flink(COMPARED_RECORDS, settings, address, rows=folder / "flink")
        run_spark(COMPARED_RECORDS, settings, address, rows=folder / "spark.jsonl")
        ours = read_lines(folder / "ours.jsonl")
        against = {FLINK: compare(ours, read_folders(folder / "flink")), SPARK: compare(ours, read_lines(folder / "spark.jsonl"))}
    for table, columns in against[FLINK].columns.items():
        print(f"compared of {table}: {', '.join(columns)}")
    for name, found in against.items():
        print(f"{COMPARED_RECORDS:,} records, ours and {NAMES[name]}: {found}", flush=True)
    return not any(found.different for found in against.values())


def _print_table(found: Mapping[str, Figures], runs: int) -> None:
    print(f"\nmedian of {runs}; load {os.getloadavg()[0]:.1f} now")
    print(_ROW.format("way", "records", "whole s", "records/s", "steady/s", "CPU s"))
    for name, figures in found.items():
        whole = "" if figures.whole_seconds is None else f"{figures.whole_seconds:.1f}"
        rate = "" if figures.whole_rate is None else f"{figures.whole_rate:,.0f}"
        print(_ROW.format(NAMES[name], f"{figures.records:,}", whole, rate, f"{figures.steady_rate:,.0f}", f"{figures.processor_seconds:.0f}"))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = [*NAMES, COMPARE]
    parser.add_argument("--records", type=_numbers, default=[2_000_000, 10_000_000], help="one number or several, with commas; multiples of 5")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--only", type=_words, default=[name for name in every if name != FLINK_LIGHT], help=f"of {','.join(every)}; all but {FLINK_LIGHT} by default"
    )
    parser.add_argument("--job", default="src.setting.jobs:SparkStreamingTicker", help="our job, as module:Class")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(every):
        parser.error(f"--only {', '.join(sorted(unknown))}: choose from {','.join(every)}")
    return arguments


def _numbers(text: str) -> list[int]:
    return [int(part.replace("_", "")) for part in text.split(",")]


def _words(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    main()
