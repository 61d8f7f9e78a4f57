"""A job's plan run as a stream over messages in files: many small batches, stopped and begun again on its checkpoint."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from src.panes.dead_letters import DeadLetterSender
from src.setting.planner import Plan
from src.setting.streaming import SparkStreamingCoinAverage

RAW = pa.schema(
    {"value": pa.binary(), "topic": pa.string(), "partition": pa.int32(), "offset": pa.int64(), "timestamp": pa.timestamp("us", tz="UTC")}
)
SPARK_RAW = "value binary, topic string, partition int, offset bigint, timestamp timestamp"
_BATCHES = 7
_FILES_FROM = 1_790_000_000
"""Seconds since 1970."""
_ARRIVED = datetime.fromtimestamp(2_000_000_000, UTC)
Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
"""The newest row of each key, by table."""


class NoDeadLetters(DeadLetterSender):
    """Opened only for what is no record, of which there is none here."""


def messages(topic: str, records: Iterable[msgspec.Struct]) -> list[tuple[str, bytes]]:
    """One to three records a message, as a collector sends them: those of one key that come side by side."""
    found = []
    for _, same in groupby(records, key=lambda record: (record.market, record.symbol)):  # type: ignore[attr-defined]
        left = list(same)
        while left:
            taken, left = left[:3], left[3:]
            found.append((topic, msgspec.json.encode(taken if len(taken) > 1 else taken[0])))
    return found


def write_batch(folder: Path, number: int, table: pa.Table) -> None:
    """The file of the batch of that number. Files are taken by the time of their last change, which two of them may share: it is set."""
    path = folder / f"{number:03}.parquet"
    pq.write_table(table, path)
    os.utime(path, (_FILES_FROM + number, _FILES_FROM + number))


def raw_table(values: Sequence[tuple[str, bytes]]) -> pa.Table:
    """Topic and value of messages as what is read from Kafka."""
    rows = [{"value": value, "topic": topic, "partition": 0, "offset": offset, "timestamp": _ARRIVED} for offset, (topic, value) in enumerate(values)]
    return pa.Table.from_pylist(rows, RAW)


def streamed(spark: SparkSession, job: SparkStreamingCoinAverage, values: Sequence[tuple[str, bytes]], folder: Path, seed: int = 1) -> Rows:
    """What the stream leaves of `values`: batches of any size, one a file; after one of them the query ends, and another goes on from there."""
    found: Rows = {}
    rng = random.Random(seed)
    cuts = [0, *sorted(rng.sample(range(1, len(values)), _BATCHES - 1)), len(values)]
    stop = rng.randrange(2, _BATCHES)
    (folder / "raw").mkdir(parents=True)
    seen: list[int] = []
    for part in (range(stop), range(stop, _BATCHES)):
        for number in part:
            write_batch(folder / "raw", number, raw_table(values[cuts[number] : cuts[number + 1]]))
        _run(spark, job, folder, found, seen)
    assert seen == list(range(_BATCHES)), "each file was a batch of its own"
    return found


def _run(spark: SparkSession, job: SparkStreamingCoinAverage, folder: Path, found: Rows, seen: list[int]) -> None:
    def take(frame: DataFrame, batch_id: int) -> None:
        seen.append(batch_id)
        _put(found, job.plan, frame.toArrow())

    raw = spark.readStream.schema(SPARK_RAW).option("maxFilesPerTrigger", 1).parquet(str(folder / "raw"))
    rows = job.plan.aggregated(job.plan.combined(raw, NoDeadLetters), round(job.settings.outage_hours * 3_600_000))
    writer = rows.writeStream.outputMode("update").option("checkpointLocation", str(folder / "checkpoint"))
    query = writer.trigger(availableNow=True).foreachBatch(take).start()
    query.awaitTermination()


def _put(found: Rows, plan: Plan, aggregated: pa.Table) -> None:
    for table, rows in plan.rows(aggregated).items():
        for row in rows.to_pylist():
            found.setdefault(table.name, {})[tuple(row[name] for name in table.key)] = row
