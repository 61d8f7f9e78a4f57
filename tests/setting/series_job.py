"""The second query of a job over messages in files: begun, killed and begun again on one checkpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from src.preprocess.series import SeriesMetric
from src.schema.tables import TableSchema
from src.setting.series import SeriesPlan
from src.storage.kafka import CLOSED_UNTIL, row_key
from src.storage.memory import MemorySink
from src.storage.sink import Batch
from tests.setting.series_made import TABLES, Step
from tests.setting.streamed import write_batch

RAW = "topic string, key binary, value binary, partition int, offset long, headers array<struct<key: string, value: binary>>"
_RAW = pa.schema(
    {
        "topic": pa.string(),
        "key": pa.binary(),
        "value": pa.binary(),
        "partition": pa.int32(),
        "offset": pa.int64(),
        "headers": pa.list_(pa.struct({"key": pa.string(), "value": pa.binary()})),
    }
)


class Topics:
    """A folder that stands for Kafka: a file for each batch of the query, with the columns of its source."""

    def __init__(self, folder: Path, tables: Mapping[str, TableSchema]) -> None:
        folder.mkdir()
        self.folder = folder
        self.tables = tables
        self.written = 0
        self.offset = 0

    def write(self, *given: Step, value: bytes | None = None) -> None:
        """Write the messages of some of the job's batches; with `value`, one that is no row."""
        messages = [message for step in given for message in self._messages(step)]
        if value is not None:
            messages.append(
                {"topic": next(iter(self.tables.values())).topic, "key": b"x", "value": value, "partition": 0, "offset": -1, "headers": None}
            )
        write_batch(self.folder, self.written, pa.Table.from_pylist(messages, schema=_RAW))
        self.written += 1

    def read(self, spark: SparkSession) -> DataFrame:
        return spark.readStream.schema(RAW).option("maxFilesPerTrigger", 1).parquet(str(self.folder))

    def _messages(self, step: Step) -> list[dict[str, Any]]:
        found = []
        for update in step.updates:
            headers = [{"key": "query", "value": b"tests"}]
            time = step.closed_until.get(update.row["source"])
            if time is not None:
                headers.append({"key": CLOSED_UNTIL, "value": str(time).encode()})
            key, value = row_key(update.table, update.row), msgspec.json.encode(update.row)
            found.append({"topic": update.table.topic, "key": key, "value": value, "partition": 0, "offset": self.offset, "headers": headers})
            self.offset += 1
        return found


class CrashError(Exception):
    """What a killed process is here: the batch was computed, and nobody took it."""


class Job:
    """The second query of a job, from start to stop on one checkpoint, with what its sinks hold."""

    def __init__(self, spark: SparkSession, folder: Path, metrics: Sequence[SeriesMetric], tables: Mapping[str, TableSchema] = TABLES) -> None:
        """tables: of the metrics that are read, by name."""
        self.spark = spark
        self.plan = SeriesPlan(metrics, tables)
        self.topics = Topics(folder / "topics", tables)
        self.checkpoint = folder / "checkpoint"
        self.sink = MemorySink()
        self.left_out: Counter[str] = Counter()
        self.written: list[int] = []
        self.crash_at: int | None = None

    def run(self) -> None:
        """Until all that is there was read."""
        frame = self.plan.frame(self.topics.read(self.spark))
        writer = frame.writeStream.outputMode("update").option("checkpointLocation", str(self.checkpoint))
        query = writer.trigger(availableNow=True).foreachBatch(self._write).start()
        try:
            query.awaitTermination()
        finally:
            query.stop()

    def rows(self, metric: SeriesMetric) -> dict[tuple[Any, ...], dict[str, Any]]:
        (table,) = (table for table in self.plan.tables if table.name == metric.name)
        return keyed_rows(self.sink.rows(metric.name), table.key)

    def _write(self, frame: DataFrame, batch_id: int) -> None:
        found = frame.toArrow()
        if batch_id == self.crash_at:
            self.crash_at = None
            raise CrashError
        self.left_out += self.plan.left_out(found)
        self.written.append(batch_id)
        self.sink.write(Batch("series", batch_id, self.plan.rows(found)))


def keyed_rows(rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by their key in the order of `series_rows`, times as integer ms."""
    found = {}
    for row in rows:
        plain = {name: round(value.timestamp() * 1000) if isinstance(value, datetime) else value for name, value in row.items()}
        found[tuple(plain[name] for name in key)] = plain
    assert len(found) == len(rows)
    return found
