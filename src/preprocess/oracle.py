"""A metric as a plain batch computation over plain rows: slow, obvious, and what every plan is tested against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from src.preprocess.metric import INTERVAL, PAIR_KEYS, RECORDS, Metric, Window, milliseconds
from src.preprocess.statistics import First, Last, Sample, Statistic, Vwap

Row = Mapping[str, Any]


def batch_rows(metric: Metric, records: Iterable[Row]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a resolved metric by (source, *row keys, window_start); times are integer ms.

    `records` have every column that the metric reads (computed and main columns included).
    """
    counted = [record for record in records if metric.where is None or metric.where.evaluate(record) is True]
    rows = {}
    for interval, window in metric.intervals.items():
        groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for record in counted:
            if any(record[key] is None for key in metric.keys):
                continue
            for start in window.starts(record[metric.time], metric.span_ms(window)):
                groups[(record["source"], *(record[key] for key in metric.keys), start)].append(record)
        for key, members in groups.items():
            for row in _rows(metric, window, interval, key, members):
                rows[row["source"], *(row[name] for name in metric.row_keys), row["window_start"]] = row
    return rows


def _rows(metric: Metric, window: Window, interval: str | None, key: tuple[Any, ...], records: Sequence[Row]) -> Iterator[dict[str, Any]]:
    end = key[-1] + window.size_ms
    values: dict[str, Any] = dict(zip(("source", *metric.keys, "window_start"), key, strict=True)) | {"window_end": end}
    if interval is not None:
        values[INTERVAL] = interval
    for name, stat in metric.statistics.items():
        span = milliseconds(stat.over) if stat.over else window.size_ms
        values[name] = stat.of(_samples(stat, [record for record in records if record[metric.time] >= end - span]))
    if not values[RECORDS]:
        return
    for pair, view in metric.pair_views():
        row = values | dict(zip(PAIR_KEYS, pair or (), strict=False)) | {name: values[original] for name, original in view.items()}
        for name, expression in metric.derived.items():
            row[name] = expression.evaluate(row)
        if metric.having is None or metric.having.evaluate(row) is True:
            yield {name: value for name, value in row.items() if not name.startswith("_") and name not in view}


def _samples(stat: Statistic, records: Iterable[Row]) -> list[Sample]:
    samples = []
    for record in records:
        if stat.where is not None and stat.where.evaluate(record) is not True:
            continue
        value = stat.expression.evaluate(record)
        if value is not None:
            weight = stat.weight.evaluate(record) if isinstance(stat, Vwap) else None
            order = stat.order_expression.evaluate(record) if isinstance(stat, First | Last) and stat.order_expression is not None else None
            samples.append(Sample(record["event_time"], record["received_time"], order or 0.0, value, weight))
    return samples
