"""Runs all SeriesMetrics of a job in one query over the topics of the metrics that they read.

The job's main query writes each metric's rows to its topic; a window's row comes again whenever it changed, and the header `closed_until` of
each message says which windows are closed by then. This query keeps the newest value of each row, and gives each closed window to the folds.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from src.errors import ConfigurationError
from src.preprocess.series import SeriesMetric
from src.schema.kinds import Kind, is_of
from src.schema.tables import TableSchema
from src.series.fold import CORRECTABLE
from src.series.messages import BUCKETS, GIVEN, MESSAGE_COLUMNS, SeriesMessages
from src.series.processor import OUTPUT, SeriesProcessor
from src.setting.declared import declared
from src.storage.kafka import CLOSED_UNTIL

_VERSION = 1
"""Part of the fingerprint: raised when the same metrics get another state layout."""


@dataclass(frozen=True)
class Unfit:
    """How many rows a metric's fold could not take, and why it could not take one of them."""

    rows: int
    fault: str


class SeriesPlan:
    """How `metrics` run, given the tables of the metrics that they read, by name.

    Raises ConfigurationError when a metric reads one that there is not, or has a key that one of them has not.
    """

    def __init__(self, metrics: Sequence[SeriesMetric], tables: Mapping[str, TableSchema]) -> None:
        self.metrics = tuple(metrics)
        self.tables: tuple[TableSchema, ...] = tuple(metric.table(tables) for metric in self.metrics)
        self._read = {name: tables[name] for name in dict.fromkeys(name for metric in self.metrics for name in metric.of)}

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics to read."""
        return tuple(table.topic for table in self._read.values())

    @property
    def fingerprint(self) -> str:
        """Identity of the state: another fingerprint cannot read this one's checkpoint. Of a fold its class, parameters and version count."""
        series = [(metric.name, metric.of, metric.keys, declared(metric.series), metric.series.version) for metric in self.metrics]
        read = [(table.name, table.topic, table.key) for table in self._read.values()]
        text = repr((_VERSION, BUCKETS, CORRECTABLE, series, read))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def frame(self, raw: DataFrame) -> DataFrame:
        """What a batch makes of messages of `topics`: for `rows` and `left_out` to read.

        raw: the Kafka source's columns topic, key, value, offset and headers (option `includeHeaders`). If it has `maxOffsetsPerTrigger` at all,
        then a large one: where partitions are read unevenly far, windows are closed before their last rows came, to be corrected afterwards.
        """
        closed_until = F.expr(f"cast(get(filter(headers, header -> header.key = '{CLOSED_UNTIL}'), 0).value as string)")
        rows = raw.withColumn("closed_until", closed_until).select(*MESSAGE_COLUMNS).mapInArrow(self.messages(), GIVEN)
        return rows.groupBy("bucket").transformWithState(self.processor(), OUTPUT, "Update", "None")

    def messages(self) -> SeriesMessages:
        """What reads messages of the topics, and sorts their rows into buckets of series."""
        readers = {table.topic: [metric for metric in self.metrics if name in metric.of] for name, table in self._read.items()}
        return SeriesMessages(readers, {table.topic: table for table in self._read.values()})

    def processor(self) -> SeriesProcessor:
        """What folds the series of a bucket."""
        return SeriesProcessor(self.metrics, {name: [column.name for column in table.columns] for name, table in self._read.items()})

    def rows(self, found: pa.Table) -> dict[TableSchema, pa.Table]:
        """The rows of each metric's table out of a batch of `frame`; a metric without rows is left out."""
        tables = {}
        for table in self.tables:
            mine = found.filter(pc.and_(pc.equal(found["metric"], table.name), pc.is_valid(found["row"])))
            if mine.num_rows:
                tables[table] = _as_table(table, [msgspec.msgpack.decode(row) for row in mine["row"].to_pylist()])
        return tables

    def left_out(self, found: pa.Table) -> Counter[str]:
        """Out of the same batch, by metric: rows that came for windows closed too long ago; and by "", messages that are no rows of a metric."""
        counts: Counter[str] = Counter()
        for row in found.filter(pc.and_(pc.greater(found["left_out"], 0), pc.is_null(found["fault"]))).to_pylist():
            counts[row["metric"] or ""] += row["left_out"]
        return counts

    def unfit(self, found: pa.Table) -> dict[str, Unfit]:
        """Out of the same batch, by metric: the rows that its fold could not take."""
        counts: dict[str, Unfit] = {}
        for row in found.filter(pc.is_valid(found["fault"])).to_pylist():
            before = counts.get(row["metric"])
            counts[row["metric"]] = Unfit(row["left_out"] + (before.rows if before else 0), before.fault if before else row["fault"])
        return counts


def _as_table(table: TableSchema, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    known = {column.name for column in table.columns}
    unknown = sorted({name for row in rows for name in row} - known)
    if unknown:
        raise ConfigurationError(f"metric {table.name}: its series gives {', '.join(unknown)}, which `columns` does not name")
    schema = table.arrow()
    arrays = []
    for column, field in zip(table.columns, schema, strict=True):
        values = [row.get(column.name) for row in rows]
        wrong = next((value for value in values if value is not None and not is_of(column.kind, value)), None)
        if wrong is not None:
            raise ConfigurationError(f"metric {table.name}: its series gives {wrong!r} as {column.name}, which is no {column.kind}")
        # Arrow takes not every whole number for a double.
        arrays.append(pa.array([None if value is None else float(value) for value in values] if column.kind is Kind.DOUBLE else values, field.type))
    return pa.table(arrays, schema=schema)
