"""A metric as a plain batch computation over plain rows: slow, obvious, and what every plan is tested against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from src.preprocess.metric import RECORDS, Metric, milliseconds
from src.preprocess.statistics import Sample, Statistic, Vwap

Row = Mapping[str, Any]


def batch_rows(metric: Metric, records: Iterable[Row]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a resolved metric by (source, *keys, window_start); times are integer ms.

    `records` have every column that the metric reads (main columns included).
    """
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for record in records:
        if metric.where is None or metric.where.evaluate(record) is True:
            for start in metric.window.starts(record[metric.time], metric.span_ms):
                groups[(record["source"], *(record[key] for key in metric.keys), start)].append(record)
    rows = {}
    for key, members in groups.items():
        row = _row(metric, key, members)
        if row is not None:
            rows[key] = row
    return rows


def _row(metric: Metric, key: tuple[Any, ...], records: Sequence[Row]) -> dict[str, Any] | None:
    end = key[-1] + metric.window.size_ms
    values: dict[str, Any] = dict(zip(("source", *metric.keys, "window_start"), key, strict=True)) | {"window_end": end}
    for name, stat in metric.statistics.items():
        span = milliseconds(stat.over) if stat.over else metric.window.size_ms
        values[name] = stat.of(_samples(stat, [record for record in records if record[metric.time] >= end - span]))
    if not values[RECORDS]:
        return None
    for name, expression in metric.derived.items():
        values[name] = expression.evaluate(values)
    return {name: value for name, value in values.items() if not name.startswith("_")}


def _samples(stat: Statistic, records: Iterable[Row]) -> list[Sample]:
    samples = []
    for record in records:
        if stat.where is not None and stat.where.evaluate(record) is not True:
            continue
        value = stat.expression.evaluate(record)
        if value is not None:
            weight = stat.weight.evaluate(record) if isinstance(stat, Vwap) else None
            samples.append(Sample(record["event_time"], record["received_time"], value, weight))
    return samples
