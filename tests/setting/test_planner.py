"""Every plan gives what the plain batch computation gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from src.config.settings import Settings
from src.preprocess import Count, First, Last, Max, Mean, Metric, Min, StdDev, Sum, Vwap, Window, coalesce, col, greatest, least, sqrt, when
from src.preprocess.admission import Admission
from src.preprocess.expression import Expression
from src.preprocess.oracle import batch_rows
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.ticker import TickerQueryOrganization
from src.schema.kinds import Kind
from src.schema.record_kinds import record_kinds
from src.schema.records import Ticker
from src.schema.tables import ARROW_TYPES, TableSchema
from src.setting.planner import Plan
from src.setting.spark_columns import spark_column
from tests.equality import assert_equal_rows, keyed, plain_rows
from tests.generated import tickers

Row = dict[str, Any]
Tables = Mapping[TableSchema, pa.Table]

pytestmark = pytest.mark.spark
SETTINGS = Settings()
ADMISSION = Admission.of(SETTINGS)


KINDS = record_kinds(Ticker) | {"late": Kind.BOOLEAN, "problem": Kind.STRING}


def planned(spark: SparkSession, organization: SparkCoinAverageQueryOrganization, records: list[Ticker]) -> tuple[Plan, list[Row], Tables]:
    """The plan of the organization's metrics, the records as the oracle reads them, and what the plan makes of them as a batch."""
    plan = Plan(organization.metrics(), KINDS, organization.coin_main_columns())
    rows = plain_rows(records, ADMISSION, organization.coin_main_columns())
    table = pa.table({name: pa.array([row[name] for row in rows], ARROW_TYPES[kind]) for name, kind in KINDS.items()})
    return plan, rows, plan.rows(plan.aggregated(spark.createDataFrame(table)).toArrow())


@pytest.mark.parametrize("seed", [1, 2])
def test_ticker_metrics_equal_the_batch_oracle(spark: SparkSession, seed: int) -> None:
    organization = TickerQueryOrganization(SETTINGS)
    plan, rows, found = planned(spark, organization, tickers(seed, 3_000))
    for metric, table in zip(plan.metrics, plan.tables, strict=True):
        expected = batch_rows(metric, rows)
        assert len(expected) > 10, metric.name
        assert_equal_rows(keyed(found[table].to_pylist(), metric), expected, metric)


class Everything(SparkCoinAverageQueryOrganization):
    """Each statistic of the vocabulary, with and without `where` and `over`, in windows of several lengths."""

    def cal_each(self) -> Metric:
        stats = {
            "count": Count(),
            "sum": Sum("price"),
            "mean": Mean("price"),
            "low": Min("price"),
            "high": Max("price"),
            "first": First("price"),
            "last": Last("price"),
            "deviation": StdDev("price"),
            "vwap": Vwap("price", size="volume_24h"),
        }
        korean = {f"korean_{name}": stat.only(col("region").equals("korea")) for name, stat in stats.items()}
        longer = {f"longer_{name}": replace(stat, over="3 minutes") for name, stat in stats.items()}
        return Metric("each", Window("1 minute", "20 seconds"), ("symbol", "market", "quote"), {**stats, **korean, **longer})

    def cal_slow(self) -> Metric:
        stats = {"share": Mean(when(col("late"), 1.0, 0.0)), "newest": Max("event_time"), "last_quote": Last("quote")}
        return Metric("slow", Window("4 minutes"), (), stats, time="received_time")


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
        return Plan(organization.metrics(), KINDS, organization.coin_main_columns()).fingerprint

    class Derived(Everything):
        def cal_slow(self) -> Metric:
            return replace(super().cal_slow(), derived={"percent": col("share") * 100.0}, description="another text")

    class Longer(Everything):
        def cal_slow(self) -> Metric:
            return replace(super().cal_slow(), window=Window("5 minutes"))

    assert fingerprint(Everything(SETTINGS)) == fingerprint(Everything(SETTINGS)) == fingerprint(Derived(SETTINGS))
    assert fingerprint(Longer(SETTINGS)) != fingerprint(Everything(SETTINGS))


def test_an_expression_is_the_same_in_spark(spark: SparkSession) -> None:
    expressions: dict[str, Expression] = {
        "quotient": col("a") / col("b"),
        "root": sqrt(col("a")),
        "chosen": when((col("a") > col("b")) | col("b").is_null(), abs(col("a")), col("b") - 1),
        "most": greatest(col("a"), col("b")),
        "least": least(col("a"), col("b")),
        "first": coalesce(col("b"), col("a"), 0.0),
        "both": (col("a") <= 1.0) & ~(col("b").equals(0.0)),
    }
    rows = [{"a": a, "b": b} for a in (None, -2.0, 0.0, 1.0, 3.5) for b in (None, 0.0, 1.0, -4.0)]
    frame = spark.createDataFrame([(row["a"], row["b"]) for row in rows], "a double, b double")
    columns = {name: F.col(name) for name in ("a", "b")}
    expected = [(row["a"], row["b"], *(expression.evaluate(row) for expression in expressions.values())) for row in rows]
    actual = frame.select("a", "b", *(spark_column(expression, columns).alias(name) for name, expression in expressions.items()))
    assert_df_equality(actual, spark.createDataFrame(expected, actual.schema), ignore_row_order=True)
