"""The four ticker metrics as one would write them with Spark: a query each, `from_json`, `groupBy(window)`. Settings come from the environment.

Session, state store (RocksDB) and trigger are those of our job; when the JVM compiles what is left to the JVM.
The last line is JSON, as `Told` reads it.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.streaming.query import StreamingQuery

from bench.throughput_sql import SPARK, Query, accepted, queries
from bench.throughput_topics import TOPICS
from src.config import Settings, load_settings
from src.preprocess.ticker import TickerQueryOrganization
from src.setting.session import create_spark_session, stop_spark

_FIELDS = (
    "array<struct<region: string, market: string, symbol: string, quote: string, instrument: string, source: string, event_time: bigint, "
    "received_time: bigint, backfilled: boolean, usd_rate: double, price: double, volume_24h: double, traded_volume: double>>"
)
_LARGEST_BATCH = 500_000


def main() -> None:
    """Run the four side by side to the end of what waits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, help="a file for the last value of every row, as lines of JSON")
    rows_file: Path | None = parser.parse_args().rows
    settings = load_settings()
    session = create_spark_session(settings, "ordinary", {"spark.driver.extraJavaOptions": "-XX:+UseSerialGC -Xss4m"})
    organization = TickerQueryOrganization(settings)
    sink = _Sink(every_row=rows_file is not None)
    began = time.monotonic()
    running = []
    for query in queries(organization.markets, organization.regions, SPARK):
        records = _records(session, settings, {venue.market: venue.quote for venue in organization.venues})
        running.append(_start(_aggregated(records, query), query, settings, sink))
    for each in running:
        each.awaitTermination()
    seconds = time.monotonic() - began
    stop_spark(session)
    if rows_file is not None:
        rows_file.write_text("".join(json.dumps(row) + "\n" for row in sink.kept.values()))
    print(json.dumps({"seconds": seconds}))


def _records(session: SparkSession, settings: Settings, quotes: Mapping[str, str]) -> DataFrame:
    options = {
        "kafka.bootstrap.servers": settings.kafka_bootstrap_servers or "",
        "subscribe": ",".join(TOPICS),
        "startingOffsets": "earliest",
        "maxOffsetsPerTrigger": str(_LARGEST_BATCH),
    }
    raw = session.readStream.format("kafka").options(**options).load()
    records = raw.select(F.explode(F.from_json(F.col("value").cast("string"), _FIELDS)).alias("record")).select("record.*")
    records = records.withColumn("price_usd", F.col("price") * F.col("usd_rate")).withColumn("ts", F.timestamp_millis("event_time"))
    return records.where(accepted(quotes)).withWatermark("ts", "1 minute")


def _aggregated(records: DataFrame, query: Query) -> DataFrame:
    window = F.window("ts", f"{query.size_seconds} seconds", f"{query.slide_seconds} seconds").alias("window")
    keys = ("source", *query.keys)
    grouped = records.where(query.where).groupBy(window, *keys).agg(*(F.expr(sql).alias(name) for name, sql in query.statistics.items()))
    return grouped.select(F.col("window.start").alias("window_start"), *keys, *(F.expr(sql).alias(name) for name, sql in query.columns.items()))


def _start(frame: DataFrame, query: Query, settings: Settings, sink: _Sink) -> StreamingQuery:
    folder = str(settings.home.absolute() / "checkpoints" / query.name)
    writer = frame.writeStream.outputMode("update").option("checkpointLocation", folder).trigger(availableNow=True)
    return writer.foreachBatch(lambda batch, _: sink.write(query, batch)).start()


class _Sink:
    """Counts rows, as our own does."""

    def __init__(self, *, every_row: bool) -> None:
        self._every_row = every_row
        self._lock = threading.Lock()
        self.rows = 0
        self.kept: dict[tuple[Any, ...], dict[str, Any]] = {}

    def write(self, query: Query, batch: DataFrame) -> None:
        """Take a batch of one of the queries."""
        rows = batch.toArrow()
        with self._lock:
            self.rows += rows.num_rows
            if self._every_row:
                for row in rows.to_pylist():
                    plain = {"table": query.name, **row, "window_start": row["window_start"].isoformat()}
                    self.kept[query.name, *(row[name] for name in ("window_start", "source", *query.keys))] = plain


if __name__ == "__main__":
    main()
