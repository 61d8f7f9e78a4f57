"""Runs all metrics of a job in one pass: one aggregation, keyed by (metric, window, source, keys), over one read of the records.

Each record is expanded to one row for every metric and window that it belongs to; a single `groupBy` then computes every statistic, and the
columns derived from them are computed in Arrow on what comes out. The same plan runs on a stream and on a batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from src.preprocess.expression import Expression
from src.preprocess.metric import RECORDS, Metric, milliseconds
from src.preprocess.statistics import Statistic, Vwap
from src.schema.kinds import Kind
from src.schema.tables import ARROW_TYPES, TableSchema
from src.setting.aggregates import aggregate
from src.setting.arrow_columns import arrow_column
from src.setting.spark_columns import spark_column

SPARK_TYPES = {Kind.DOUBLE: "double", Kind.LONG: "long", Kind.BOOLEAN: "boolean", Kind.STRING: "string", Kind.TIMESTAMP: "timestamp"}
_VERSION = 1
"""Part of the fingerprint: raised when the same metrics get another state layout."""


@dataclass(frozen=True)
class Aggregated:
    """One column of the aggregation: a statistic, and the span that it looks at when that is shorter than the rows of its window."""

    statistic: Statistic
    time: str
    span_ms: int | None


class Plan:
    """How `metrics` (resolved) run over records with `record_kinds` columns and the `main` columns added to them.

    Raises ConfigurationError when a metric reads a column that there is not.
    """

    def __init__(self, metrics: Sequence[Metric], record_kinds: Mapping[str, Kind], main: Mapping[str, Expression]) -> None:
        self.metrics = tuple(metrics)
        self.main = dict(main)
        self._kinds = dict(record_kinds)
        for name, expression in self.main.items():
            self._kinds[name] = expression.kind(self._kinds)
        self.tables: tuple[TableSchema, ...] = tuple(metric.table(self._kinds) for metric in self.metrics)
        self._keys = tuple(dict.fromkeys(key for metric in self.metrics for key in metric.keys))
        self._aggregated: dict[Aggregated, str] = {}
        for metric in self.metrics:
            for stat in metric.statistics.values():
                self._aggregated.setdefault(_aggregated(metric, stat), f"a{len(self._aggregated)}")

    @property
    def fingerprint(self) -> str:
        """Identity of the state: another fingerprint cannot read this one's checkpoint. Derived columns do not count."""
        parts = [(metric.name, metric.window, metric.keys, metric.where, metric.time, metric.span_ms) for metric in self.metrics]
        text = repr((_VERSION, parts, list(self._aggregated.items()), self.main))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def records(self, frame: DataFrame) -> DataFrame:
        """`frame` with the main columns."""
        for name, expression in self.main.items():
            frame = frame.withColumn(name, spark_column(expression, _columns(frame)))
        return frame

    def aggregated(self, frame: DataFrame, watermark_delay: str | None = None) -> DataFrame:
        """The one aggregation: metric (its place in `metrics`), window_end, source, keys, and a column for each statistic of any metric.

        `watermark_delay` lets a stream forget windows that ended that long before the newest one; it decides nothing else.
        """
        expanded = self._expand(self.records(frame))
        if watermark_delay is not None:
            expanded = expanded.withWatermark("window_end", watermark_delay)
        columns = _columns(expanded)
        end_ms = F.unix_millis("window_end")
        values = [
            aggregate(column.statistic, columns, None if column.span_ms is None else columns[column.time] >= end_ms - column.span_ms).alias(name)
            for column, name in self._aggregated.items()
        ]
        return expanded.groupBy("metric", "window_end", "source", *(f"key_{key}" for key in self._keys)).agg(*values)

    def rows(self, aggregated: pa.Table) -> dict[TableSchema, pa.Table]:
        """The rows of each metric's table out of `aggregated`, derived columns computed; a metric without rows is left out."""
        found = {}
        for place, (metric, table) in enumerate(zip(self.metrics, self.tables, strict=True)):
            mine = aggregated.filter(pc.equal(aggregated["metric"], place))
            mine = mine.filter(pc.greater(mine[self._aggregated[_aggregated(metric, metric.statistics[RECORDS])]], 0))
            if mine.num_rows:
                found[table] = self._finished(metric, table, mine)
        return found

    def _finished(self, metric: Metric, table: TableSchema, rows: pa.Table) -> pa.Table:
        columns = {name: rows[self._aggregated[_aggregated(metric, stat)]] for name, stat in metric.statistics.items()}
        columns |= {key: rows[f"key_{key}"] for key in metric.keys}
        end = rows["window_end"].cast(ARROW_TYPES[Kind.TIMESTAMP])
        start = pc.subtract(end, pa.scalar(metric.window.size_ms, pa.duration("ms")))
        columns |= {"source": rows["source"], "window_start": start, "window_end": end}
        for name, expression in metric.derived.items():
            columns[name] = arrow_column(expression, columns)
        schema = table.arrow()
        return pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)

    def _expand(self, frame: DataFrame) -> DataFrame:
        columns = _columns(frame)
        parts = [self._memberships(place, metric, columns) for place, metric in enumerate(self.metrics)]
        read = {name for column in self._aggregated for name in _reads(column)} | {"source", "event_time", "received_time"}
        kept = [columns[name] for name in columns if name in read]
        return frame.select(*kept, F.explode(F.concat(*parts)).alias("member")).select(*(F.col(name) for name in columns if name in read), "member.*")

    def _memberships(self, place: int, metric: Metric, columns: Mapping[str, Column]) -> Column:
        """The (metric, window, keys) that one record counts for, as an array."""
        time, slide, size = columns[metric.time], metric.window.slide_ms, metric.window.size_ms
        # Integer arithmetic on ms: floor division in floating point would misplace a record at a window's very edge.
        first = time - size - F.pmod(time - size, F.lit(slide)) + slide
        newest = time - size + metric.span_ms
        last = newest - F.pmod(newest, F.lit(slide))
        keys = [(columns[key] if key in metric.keys else F.lit(None)).cast(SPARK_TYPES[self._kinds[key]]).alias(f"key_{key}") for key in self._keys]

        def member(start: Column) -> Column:
            return F.struct(F.lit(place).alias("metric"), F.timestamp_millis(start + size).alias("window_end"), *keys)

        members = F.transform(F.sequence(first, last, F.lit(slide).cast("long")), member)
        if metric.where is None:
            return members
        return F.when(spark_column(metric.where, columns), members).otherwise(F.slice(members, 1, 0))


def _aggregated(metric: Metric, stat: Statistic) -> Aggregated:
    span = milliseconds(stat.over) if stat.over else metric.window.size_ms
    return Aggregated(stat, metric.time, span if span < metric.span_ms else None)


def _columns(frame: DataFrame) -> dict[str, Column]:
    return {name: F.col(name) for name in frame.columns}


def _reads(column: Aggregated) -> set[str]:
    stat = column.statistic
    expressions = [stat.expression, *([stat.where] if stat.where is not None else []), *([stat.weight] if isinstance(stat, Vwap) else [])]
    return {name for expression in expressions for name in expression.columns()} | {column.time}
