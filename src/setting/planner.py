"""Runs all metrics of a job in one pass: one read, one parse, one aggregation keyed by (metric, window, source, keys).

Python workers combine the messages of a batch into the rows of `src/panes`; Spark gives each row to the windows that it counts for and merges the
slots; what comes out is finished in Arrow. The same plan runs on a stream and on a batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from src.panes.accumulators import Merge
from src.panes.arrow_columns import arrow_column
from src.panes.combiner import Combiner
from src.panes.dead_letters import DeadLetterSender
from src.panes.finish import finished
from src.panes.layout import Layout, Variant
from src.panes.packing import PACK, unpacked
from src.panes.reading import Reading, parsed_kinds
from src.preprocess.exactness import check_exact
from src.preprocess.metric import INTERVAL, PAIR_KEYS, RECORDS
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.schema.kinds import Kind
from src.schema.record_kinds import large_columns
from src.schema.tables import ARROW_TYPES, TableSchema
from src.setting.declared import declared

_VERSION = 4
"""Part of the fingerprint: raised when the same metrics get another state layout."""
_WATERMARK = "spark.watermarkDelayMs"
"""Spark's own name for "this column is compared with the watermark"."""
_MERGES: Mapping[Merge, Callable[[str], Column]] = {Merge.SUM: F.sum, Merge.MIN: F.min, Merge.MAX: F.max}


class Plan:
    """How the metrics of a query organization run over records that are read as `reading` says (its `reads` are filled in here).

    Raises ConfigurationError when a metric reads a column that there is not.
    """

    def __init__(self, organization: SparkCoinAverageQueryOrganization, reading: Reading) -> None:
        self.metrics = organization.metrics()
        main = dict(organization.coin_main_columns())
        kinds = dict(parsed_kinds(reading.record, reading.computed))
        for name, expression in main.items():
            kinds[name] = expression.kind(kinds)
        self._kinds = kinds
        self.tables: tuple[TableSchema, ...] = tuple(metric.table(kinds) for metric in self.metrics)
        self.layout = Layout(self.metrics, kinds, main)
        for metric in self.metrics:
            check_exact(metric, large_columns(reading.record), self.layout.plain)
        self.reading = replace(reading, reads=frozenset(self.layout.reads()))

    @property
    def fingerprint(self) -> str:
        """Identity of the state: another fingerprint cannot read this one's checkpoint. Derived columns do not count."""
        variants = self.layout.variants
        parts = [(each.metric.name, each.interval, each.window, each.metric.keys, each.metric.packed, each.metric.time) for each in variants]
        slots = [
            [(part.span_ms, repr(part.of_identity), repr(part.presence), [(repr(each), slot.name) for each, slot in part.slots.items()])]
            for variant in variants
            for part in variant.parts
        ]
        keys = [(key, self.layout.kind(key), repr(self.layout.main_keys().get(key))) for key in self.layout.keys]
        computed = [declared(each) for each in self.reading.computed]
        return hashlib.sha256(repr((_VERSION, parts, slots, keys, computed)).encode()).hexdigest()[:12]

    def combiner(self, open_dead_letters: Callable[[], DeadLetterSender]) -> Combiner:
        """What makes the rows that are aggregated of messages, in Spark's Python workers."""
        return Combiner(self.reading, self.layout, open_dead_letters)

    def combined(self, raw: DataFrame, open_dead_letters: Callable[[], DeadLetterSender]) -> DataFrame:
        """Raw Kafka messages to the rows that are aggregated."""
        combiner = self.combiner(open_dead_letters)
        return raw.mapInArrow(combiner, spark_schema(combiner))

    def aggregated(self, combined: DataFrame, watermark_delay_ms: int | None = None) -> DataFrame:
        """The one aggregation: metric (place of its variant), window_end, source, keys, and the slots.

        `watermark_delay_ms` lets a stream forget windows that ended that long before the newest record; it decides nothing else.
        """
        end: dict[str, Any] = {}
        if watermark_delay_ms is not None:
            combined = combined.withWatermark("newest", f"{watermark_delay_ms} milliseconds")
            # The newest record moves the watermark, and a window is forgotten when it has passed the window's end. Spark takes that
            # as one column alone (`window` of a time), which cannot be had where each row has windows of its metric's own.
            end = {"metadata": {_WATERMARK: watermark_delay_ms}}
        keys = ["metric", "source", *(f"key_{key}" for key in self.layout.keys)]
        slots = [slot.name for slot in self.layout.slots] + [PACK] * self.layout.packs
        ends = F.explode(F.sequence("first_end", "last_end", "slide"))
        exploded = combined.select(*keys, *slots, ends.alias("end")).select(*keys, *slots, F.timestamp_millis("end").alias("window_end", **end))
        values = [_MERGES[slot.merge.of_slots](slot.name).alias(slot.name) for slot in self.layout.slots]
        if self.layout.packs:
            values.append(F.collect_list(PACK).alias(PACK))
        return exploded.groupBy("window_end", *keys).agg(*values)

    def rows(self, aggregated: pa.Table, whole_from: int = 0) -> dict[TableSchema, pa.Table]:
        """The rows of each metric's table out of `aggregated`, derived columns computed; a metric without rows is left out.

        So are windows that take in what was before `whole_from` (ms since 1970 UTC).
        """
        found: dict[TableSchema, list[pa.Table]] = {}
        tables = {metric.name: table for metric, table in zip(self.metrics, self.tables, strict=True)}
        for place, variant in enumerate(self.layout.variants):
            mine = aggregated.filter(pc.equal(aggregated["metric"], place))
            if whole_from:
                first_end = pa.scalar(whole_from + variant.metric.span_ms(variant.window), pa.timestamp("ms", tz="UTC"))
                mine = mine.filter(pc.greater_equal(mine["window_end"].cast(first_end.type), first_end))
            if variant.metric.packed:
                mine = unpacked(mine, variant, self.layout)
            (count,) = variant.slots_of(variant.metric.statistics[RECORDS])
            mine = mine.filter(pc.greater(mine[count.name], 0.0))
            if mine.num_rows:
                made = self._finished(variant, tables[variant.metric.name], mine)
                if made.num_rows:
                    found.setdefault(tables[variant.metric.name], []).append(made)
        return {table: pa.concat_tables(parts) for table, parts in found.items()}

    def _finished(self, variant: Variant, table: TableSchema, rows: pa.Table) -> pa.Table:
        metric = variant.metric
        columns: dict[str, Any] = {}
        for name, stat in metric.statistics.items():
            kind = stat.result or stat.expression.kind(self._kinds)
            columns[name] = finished(stat, kind, [rows[slot.name] for slot in variant.slots_of(stat)])
        columns |= {key: rows[f"key_{key}"] for key in metric.keys}
        end = rows["window_end"].cast(ARROW_TYPES[Kind.TIMESTAMP])
        start = pc.subtract(end, pa.scalar(variant.window.size_ms, pa.duration("ms")))
        columns |= {"source": rows["source"], "window_start": start, "window_end": end}
        if variant.interval is not None:
            columns[INTERVAL] = pa.repeat(pa.scalar(variant.interval), rows.num_rows)
        views = [self._viewed(variant, table, columns, pair, view) for pair, view in metric.pair_views()]
        return pa.concat_tables(views) if views else table.arrow().empty_table()

    def _viewed(
        self, variant: Variant, table: TableSchema, given: Mapping[str, Any], pair: tuple[str, str] | None, view: Mapping[str, str]
    ) -> pa.Table:
        metric, count = variant.metric, len(given["source"])
        columns = {**given, **{name: given[original] for name, original in view.items()}}
        columns |= {name: pa.repeat(pa.scalar(market), count) for name, market in zip(PAIR_KEYS, pair or (), strict=False)}
        for name, expression in metric.derived.items():
            columns[name] = _whole_column(arrow_column(expression, columns), count)
        schema = table.arrow()
        found = pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)
        if metric.having is None:
            return found
        return found.filter(_whole_column(arrow_column(metric.having, columns), count))


def _whole_column(values: Any, count: int) -> Any:
    return pa.repeat(values, count) if isinstance(values, pa.Scalar) else values


def spark_schema(combiner: Combiner) -> str:
    """The columns of what it gives, in Spark's words."""
    return ", ".join(f"{field.name} {_SPARK_TYPES[field.type]}" for field in combiner.schema)


_SPARK_TYPES = {
    pa.float64(): "double",
    pa.int64(): "bigint",
    pa.bool_(): "boolean",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.timestamp("us", tz="UTC"): "timestamp",
}
