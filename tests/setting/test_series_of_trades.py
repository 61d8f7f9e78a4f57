"""The trade job's own series, streamed, give what their batch computation gives: whales by the hour before, and indicators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from src.config.settings import Settings
from src.preprocess.oracle import batch_rows
from src.preprocess.series import series_rows
from src.setting.jobs import SparkStreamingTrade
from src.setting.planner import Plan
from tests.generated_trades import trade_rows, trades
from tests.setting.series_job import Job
from tests.setting.series_made import MINUTE, Step, Update

Rows = dict[tuple[Any, ...], dict[str, Any]]
SPAN = 80 * MINUTE
"""More than an hour, so that its first minutes are forgotten again."""
BATCHES = 5


def steps_of(plan: Plan, names: set[str], records: list[dict[str, Any]]) -> tuple[list[Step], dict[str, Rows]]:
    """What the main query writes, batch after batch, of the metrics with those names: each row that a batch changed. And their rows in the end."""
    metrics = [(metric, table) for metric, table in zip(plan.metrics, plan.tables, strict=True) if metric.name in names]
    known: dict[str, Rows] = {name: {} for name in names}
    found = []
    for number in range(1, BATCHES + 1):
        taken = records[: len(records) * number // BATCHES]
        updates = []
        for metric, table in metrics:
            rows = batch_rows(metric, taken)
            updates += [Update(table, row) for key, row in rows.items() if known[metric.name].get(key) != row]
            known[metric.name] = rows
        closed = taken[-1]["received_time"] - MINUTE
        found.append(Step(updates, {"simulated": closed, "replay": closed}))
    return found, known


@pytest.mark.spark
def test_whales_and_indicators_streamed_equal_their_batch_form(spark: SparkSession, tmp_path: Path) -> None:
    main = SparkStreamingTrade(Settings(home=tmp_path, whale_percentile=90.0, whale_floor_usd=10.0))
    series = main.organization.series()
    records = trade_rows(trades(17, 1_200, span_ms=SPAN, symbols=("BTC",)), main.organization)
    given, known = steps_of(main.plan, {name for metric in series for name in metric.of}, records)
    job = Job(spark, tmp_path, series, {table.name: table for table in main.plan.tables})
    for step in given[:2]:
        job.topics.write(step)
    job.run()
    for step in given[2:]:
        job.topics.write(step)
    job.run()
    closed = given[-1].closed_until["simulated"]
    read = {name: [row for row in rows.values() if row["window_end"] <= closed] for name, rows in known.items()}
    for metric in series:
        expected = series_rows(metric, read)
        assert len(expected) > 50, metric.name
        assert job.rows(metric) == expected
    whales = job.rows(next(metric for metric in series if metric.name == "whale_trades")).values()
    by_percentile = [row["window_start"] for row in whales if row["reason"] in {"percentile", "both"}]
    assert max(by_percentile) - min(by_percentile) > 60 * MINUTE
    assert not job.left_out
