"""Every plan gives what the plain batch computation gives."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from src.config.settings import Settings
from src.errors import ConfigurationError
from src.preprocess import Count, First, Last, Max, Mean, Metric, Min, StdDev, Sum, Vwap, Window, col, when
from src.preprocess.admission import Admission
from src.preprocess.oracle import batch_rows
from src.preprocess.ticker import TickerQueryOrganization
from src.schema.record_kinds import record_kinds
from src.schema.records import Ticker
from src.setting.planner import Plan
from tests.equality import assert_equal_rows, keyed, plain_rows
from tests.generated import tickers

pytestmark = pytest.mark.spark
SETTINGS = Settings()
ADMISSION = Admission.of(SETTINGS)


def planned(spark: SparkSession, organization: TickerQueryOrganization, records: list[Ticker]) -> tuple[Plan, list[dict]]:
    from src.schema.kinds import Kind

    plan = Plan(organization.metrics(), record_kinds(Ticker) | {"late": Kind.BOOLEAN, "problem": Kind.STRING}, organization.coin_main_columns())
    rows = plain_rows(records, ADMISSION, organization.coin_main_columns())
    from src.schema.tables import ARROW_TYPES

    kinds = record_kinds(Ticker) | {"late": Kind.BOOLEAN, "problem": Kind.STRING}
    table = pa.table({name: pa.array([row[name] for row in rows], ARROW_TYPES[kind]) for name, kind in kinds.items()})
    return plan, rows, plan.rows(plan.aggregated(spark.createDataFrame(table)).toArrow())


@pytest.mark.parametrize("seed", [1, 2])
def test_ticker_metrics_equal_the_batch_oracle(spark: SparkSession, seed: int) -> None:
    organization = TickerQueryOrganization(SETTINGS)
    plan, rows, found = planned(spark, organization, tickers(seed, 3_000))
    for metric, table in zip(plan.metrics, plan.tables, strict=True):
        expected = batch_rows(metric, rows)
        assert len(expected) > 10, metric.name
        assert_equal_rows(keyed(found[table].to_pylist(), metric), expected)
