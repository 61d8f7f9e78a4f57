"""Every plan gives what the plain batch computation gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from src.config.settings import Settings
from src.panes.reading import Reading
from src.preprocess import Count, Metric, Window, col, when
from src.preprocess.admission import Admission
from src.preprocess.expression import Expression
from src.preprocess.oracle import batch_rows
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.ticker import TickerQueryOrganization
from src.schema.records import Ticker
from src.schema.tables import TableSchema
from src.setting.jobs import SparkStreamingOrderbook
from src.setting.planner import Plan
from tests.equality import assert_equal_rows, keyed, plain_rows
from tests.generated import tickers
from tests.setting.every_statistic import Everything
from tests.setting.streamed import NoDeadLetters, messages, raw_table

Row = dict[str, Any]
Tables = Mapping[TableSchema, pa.Table]

pytestmark = pytest.mark.spark
SETTINGS = Settings()
ADMISSION = Admission.of(SETTINGS)


def plan_of(organization: SparkCoinAverageQueryOrganization) -> Plan:
    return Plan(organization, Reading(Ticker, ADMISSION, frozenset(), organization.computed()))


def planned(
    spark: SparkSession, organization: SparkCoinAverageQueryOrganization, records: Sequence[Ticker], batch: int = 500
) -> tuple[Plan, list[Row], Tables]:
    """The plan of the organization's metrics, the records as the oracle reads them, and what the plan makes of them as a batch."""
    plan = plan_of(organization)
    rows = plain_rows(records, organization)
    raw = raw_table(messages("raw", records))
    frame = spark.createDataFrame(raw).repartition(max(1, raw.num_rows // batch))
    return plan, rows, plan.rows(plan.aggregated(plan.combined(frame, NoDeadLetters)).toArrow())


@pytest.mark.parametrize("seed", [1, 2])
def test_ticker_metrics_equal_the_batch_oracle(spark: SparkSession, seed: int) -> None:
    organization = TickerQueryOrganization(SETTINGS)
    plan, rows, found = planned(spark, organization, tickers(seed, 3_000))
    for metric, table in zip(plan.metrics, plan.tables, strict=True):
        expected = batch_rows(metric, rows)
        assert len(expected) > 10, metric.name
        assert_equal_rows(keyed(found[table].to_pylist(), metric), expected, metric)


def test_every_statistic_equals_the_batch_oracle(spark: SparkSession) -> None:
    plan, rows, found = planned(spark, Everything(SETTINGS), tickers(3, 2_000))
    for metric, table in zip(plan.metrics, plan.tables, strict=True):
        assert_equal_rows(keyed(found[table].to_pylist(), metric), batch_rows(metric, rows), metric)


def test_a_small_deviation_of_a_large_price_is_not_lost(spark: SparkSession) -> None:
    """The sum of squares of such prices has no digit left for the deviation."""
    base = tickers(4, 1)[0]
    records = [msgspec.structs.replace(base, price=1e9 + step * 1e-3, received_time=base.event_time + step) for step in range(5)]
    plan, rows, found = planned(spark, Everything(SETTINGS), records)
    (table,) = [table for table in plan.tables if table.name == "each"]
    assert len(rows) == len(records)
    deviations = [row["deviation"] for row in found[table].to_pylist()]
    assert deviations == pytest.approx([math.sqrt(2.5) * 1e-3] * 3, rel=1e-3), "three sliding windows hold the five records"


def test_the_fingerprint_changes_with_the_state_alone() -> None:
    def fingerprint(organization: SparkCoinAverageQueryOrganization) -> str:
        return plan_of(organization).fingerprint

    class Derived(Everything):
        def cal_slow(self) -> Metric:
            return replace(super().cal_slow(), derived={"percent": col("share") * 100.0}, description="another text")

    class Longer(Everything):
        def cal_slow(self) -> Metric:
            return replace(super().cal_slow(), window=Window("5 minutes"))

    assert fingerprint(Everything(SETTINGS)) == fingerprint(Everything(SETTINGS)) == fingerprint(Derived(SETTINGS))
    assert fingerprint(Longer(SETTINGS)) != fingerprint(Everything(SETTINGS))


def test_the_fingerprint_changes_with_what_computed_columns_are_made_of() -> None:
    few, many = (SparkStreamingOrderbook(Settings(book_size_levels=levels)).plan.fingerprint for levels in (5, 10))
    assert few != many
    assert many == SparkStreamingOrderbook(Settings(book_size_levels=10)).plan.fingerprint


def test_one_market_has_no_pairs_and_is_a_job_all_the_same() -> None:
    plan = SparkStreamingOrderbook(Settings(markets=("upbit",))).plan
    assert "executable_spread" in {table.name for table in plan.tables}


def test_the_fingerprint_changes_with_what_a_key_means() -> None:
    def fingerprint(above: float) -> str:
        class Bucketed(SparkCoinAverageQueryOrganization):
            def coin_main_columns(self) -> Mapping[str, Expression]:
                return {**super().coin_main_columns(), "bucket": when(col("price") > above, "high", "low")}

            def cal_bucket(self) -> Metric:
                return Metric("bucket", Window("1 minute"), ("bucket",), {"records": Count()})

        return plan_of(Bucketed(SETTINGS)).fingerprint

    assert fingerprint(100.0) == fingerprint(100.0) != fingerprint(200.0)
