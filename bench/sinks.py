"""Rows a second into MySQL and ClickHouse through our sinks, beside Spark's own JDBC append of the same rows into the same MariaDB.

`make bench-sinks` runs it, alone on the machine. ClickHouse is the embedded one, in its own process, reached over HTTP as a job does.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from statistics import median

from pydantic import SecretStr

from bench.database import mariadb
from bench.sinks_rows import TABLES, batches
from bench.sinks_spark import WAYS, appended, spark
from bench.throughput_topics import bench_settings
from src.clickhouse.place import clickhouse
from src.config.settings import EMBEDDED
from src.schema.tables import TableSchema
from src.setting.jobs import SparkStreamingTrade
from src.storage.clickhouse import ClickHouseSink
from src.storage.clickhouse_address import connected, parsed
from src.storage.clickhouse_tables import identifier
from src.storage.sink import Batch, Sink
from src.storage.sql import SqlSink
from tests.servers import free_port

_WANTED = {"MySQL": 15_000, "ClickHouse": 200_000}
_SIZES = (10_000, 100_000)


def main() -> None:
    """Print a line for each way and batch size, each the median of its runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=TABLES, default=TABLES[0], help="of the trade job")
    parser.add_argument("--rows", type=int, default=200_000, help="in one run")
    parser.add_argument("--sizes", type=_numbers, default=_SIZES, help="rows in a batch, with commas")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=("mysql", "clickhouse", "spark"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coinspark-bench-") as folder:
        _bench(Path(folder), arguments)


def _bench(folder: Path, arguments: argparse.Namespace) -> None:
    settings = bench_settings(folder / "home").model_copy(update={"clickhouse_url": SecretStr(EMBEDDED), "clickhouse_port": free_port()})
    table = next(each for each in SparkStreamingTrade(settings).tables if each.name == arguments.table)
    words = f"{arguments.rows:,} rows of {table.name} ({len(table.columns)} columns, {len(table.key)} of them the key)"
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} at the start; {words}", flush=True)
    with ExitStack() as stack:
        if arguments.only != "clickhouse":
            server = stack.enter_context(mariadb(folder / "database"))
        if arguments.only in {None, "mysql"}:
            for size in arguments.sizes:
                _ours("MySQL", lambda name: SqlSink(server.url(name)), table, size, arguments)
        if arguments.only in {None, "clickhouse"}:
            place = stack.enter_context(clickhouse(settings, "bench"))
            assert place is not None
            url = place.url.get_secret_value()
            for size in arguments.sizes:
                # Rows of the bench are of a year ago.
                _ours("ClickHouse", lambda _: _emptied(ClickHouseSink(url, ttl_days=0), url, table), table, size, arguments)
        if arguments.only in {None, "spark"}:
            session = stack.enter_context(spark())
            for size, (number, way) in product(arguments.sizes, enumerate(WAYS)):
                names = [f"spark_{size}_{number}_{run}" for run in range(arguments.runs)]
                made = list(batches(table, arguments.rows, size, "spark", 0))
                rate = median(appended(session, server.url(name), table, made, way) for name in names)
                print(f"Spark's JDBC append to MySQL {way}, batches of {size:,}: {rate:,.0f} rows/s new", flush=True)


def _ours(way: str, make: Callable[[str], Sink], table: TableSchema, size: int, arguments: argparse.Namespace) -> None:
    found = [_written(make, table, f"ours_{size}_{run}", arguments.rows, size) for run in range(arguments.runs)]
    new, again = (median(column) for column in zip(*found, strict=True))
    print(f"{way}, batches of {size:,}: {new:,.0f} rows/s new, {again:,.0f} rows/s again; wanted {_WANTED[way]:,}", flush=True)


def _emptied(sink: ClickHouseSink, url: str, table: TableSchema) -> ClickHouseSink:
    client = connected(parsed(url))
    client.command(f"DROP TABLE IF EXISTS {identifier(table.name)} SYNC")
    client.close()
    return sink


def _written(make: Callable[[str], Sink], table: TableSchema, name: str, rows: int, size: int) -> tuple[float, float]:
    """Rows a second of new rows, and of the same keys with other values in later batches, as open windows change."""
    sink = make(name)
    try:
        sink.open([table])
        return tuple(_rate(sink, list(batches(table, rows, size, name, turn))) for turn in range(2))  # type: ignore[return-value]
    finally:
        sink.close()


def _rate(sink: Sink, made: list[Batch]) -> float:
    began = time.monotonic()
    for batch in made:
        sink.write(batch)
    return sum(batch.rows for batch in made) / (time.monotonic() - began)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


if __name__ == "__main__":
    main()
