"""All series of a job in one Spark query: it gives what the batch computation gives, whatever the batches, however often it was stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from src.errors import ConfigurationError
from src.preprocess.series import Row, Series, SeriesMetric, series_rows
from src.schema.kinds import Kind
from src.setting.series import SeriesPlan
from tests.setting.series_job import Job
from tests.setting.series_made import EMA, MINUTE, RUNNING, START, TABLES, Step, bar, closed_rows, steps


@pytest.mark.spark
def test_streamed_rows_equal_the_batch_oracle_over_crashes_and_restarts(spark: SparkSession, tmp_path: Path) -> None:
    job, given = Job(spark, tmp_path, [EMA, RUNNING]), steps(1, minutes=14)
    batches = [given[place : place + 9] for place in range(0, len(given), 9)]
    assert len(batches) > 6
    for batch in batches[: len(batches) // 2]:
        job.topics.write(*batch)
    job.crash_at = 1
    with pytest.raises(Exception, match="CrashError"):
        job.run()
    job.run()
    for batch in batches[len(batches) // 2 :]:
        job.topics.write(*batch)
    job.run()
    assert job.written == list(range(len(batches)))
    expected = closed_rows(given)
    assert min(len(rows) for rows in expected.values()) > 50
    for metric in (EMA, RUNNING):
        assert job.rows(metric) == series_rows(metric, expected)
    assert not job.left_out


@pytest.mark.spark
def test_silent_series_and_corrections_and_what_is_left_out(spark: SparkSession, tmp_path: Path) -> None:
    job = Job(spark, tmp_path, [EMA])
    bars = [bar("ETH", minute, float(minute)) for minute in range(70)]
    job.topics.write(Step([bar("BTC", 0, 5.0), bar("BTC", 0, 7.0, source="replay")], {}))
    # Nothing of BTC comes any more: another series tells that its window is closed. The replay's is not.
    job.topics.write(Step(bars[:1], {"live": START + MINUTE}))
    job.run()
    assert [(row["source"], row["symbol"]) for row in job.sink.rows("bar_ema")] == [("live", "BTC"), ("live", "ETH")]
    job.topics.write(Step(bars, {"live": START + 70 * MINUTE}))
    job.topics.write(Step([bar("ETH", 3, 50.0), bar("ETH", 60, 0.5)], {}))
    job.topics.write(Step([bar("BTC", 1, 9.0)], {}), value=b"[]")
    job.topics.write(Step([], {}), value=b'{"source": 5}')
    job.run()
    bars[60] = bar("ETH", 60, 0.5)
    assert job.rows(EMA) == series_rows(EMA, {"bars": [update.row for update in (bar("BTC", 0, 5.0), bar("BTC", 1, 9.0), *bars)]})
    assert job.left_out == {"bar_ema": 1, "": 2}


class _Wrong(Series):
    def __init__(self, **row: Any) -> None:
        self.row = row

    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        del rows
        return state, [self.row]


def _found(metric: str, **row: Any) -> pa.Table:
    named = {"source": "live", "window_start": START, "window_end": START + MINUTE, "market": "upbit", "symbol": "BTC"}
    found = [{"metric": metric, "row": msgspec.msgpack.encode({**named, **row}), "left_out": 0}]
    return pa.Table.from_pylist(found, schema=pa.schema({"metric": pa.string(), "row": pa.binary(), "left_out": pa.int64()}))


def test_rows_have_the_types_of_their_table() -> None:
    plan = SeriesPlan([EMA, RUNNING], TABLES)
    ((table, rows),) = plan.rows(_found("bar_ema", ema=2**60 + 1, trades=2**53 + 1)).items()
    assert (table, rows.schema) == (plan.tables[0], plan.tables[0].arrow())
    assert (rows["ema"].to_pylist(), rows["trades"].to_pylist()) == ([float(2**60)], [2**53 + 1])
    assert plan.rows(_found("bar_ema"))[table]["ema"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"emma": 1.0}, "emma, which `columns` does not name"),
        ({"trades": 1.5}, "1.5 as trades, which is no long"),
        ({"trades": True}, "True as trades, which is no long"),
        ({"ema": "high"}, "'high' as ema, which is no double"),
    ],
)
def test_what_a_series_may_not_give_names_the_metric_and_the_column(row: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"metric bar_ema: its series gives {said}"):
        SeriesPlan([EMA], TABLES).rows(_found("bar_ema", **row))


def test_topics_and_tables() -> None:
    plan = SeriesPlan([EMA, RUNNING], TABLES)
    assert plan.topics == ("BarsProcessedCoin", "FlowsProcessedCoin")
    assert [(table.name, table.topic) for table in plan.tables] == [("bar_ema", "BarEmaProcessedCoin"), ("running", "RunningProcessedCoin")]
    assert plan.tables[1].key == ("source", "symbol", "side", "window_start")
    with pytest.raises(ConfigurationError, match="reads 'candles', and there is no such metric"):
        SeriesPlan([replace(EMA, of=("candles",))], TABLES)


def test_the_fingerprint_tells_what_cannot_read_each_others_state() -> None:
    def fingerprint(*metrics: SeriesMetric) -> str:
        return SeriesPlan(metrics, TABLES).fingerprint

    assert fingerprint(EMA) == fingerprint(replace(EMA, description="other", columns={**EMA.columns, "more": Kind.DOUBLE}))
    assert fingerprint(replace(EMA, series=_Wrong(a=1))) == fingerprint(replace(EMA, series=_Wrong(a=1)))
    others = [
        fingerprint(EMA),
        fingerprint(EMA, RUNNING),
        fingerprint(replace(EMA, keys=("symbol",))),
        fingerprint(replace(EMA, series=type(EMA.series)(warm_up=9))),
        fingerprint(replace(EMA, series=_Wrong(a=1))),
        fingerprint(replace(EMA, series=_Wrong(a=2))),
    ]
    assert len(set(others)) == len(others)
