"""Panes put together into overlapping windows before Spark sees them: the same rows, of fewer copies."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest

from src.config.settings import Settings
from src.panes import combiner
from src.panes.combiner import Combiner
from src.setting.jobs import SparkStreamingTicker
from src.setting.planner import Plan
from tests.equality import assert_equal_rows, keyed
from tests.generated import tickers
from tests.panes.aggregated import aggregated
from tests.panes.test_combiner import EveryStatistic
from tests.setting.streamed import NoDeadLetters, messages, raw_table

MANY = 3_000


def _rows(plan: Plan, share: Sequence[tuple[str, bytes]]) -> pa.Table:
    return pa.Table.from_batches(list(Combiner(plan.reading, plan.layout, NoDeadLetters)(raw_table(share).to_batches())))


def _copies(rows: pa.Table) -> int:
    """How many rows Spark makes of them, before it merges those of one window."""
    return sum((row["last_end"] - row["first_end"]) // row["slide"] + 1 for row in rows.to_pylist())


@pytest.mark.parametrize("job_class", [SparkStreamingTicker, EveryStatistic])
def test_the_rows_are_the_same_and_the_copies_fewer(job_class: type[SparkStreamingTicker], monkeypatch: pytest.MonkeyPatch) -> None:
    plan, share = job_class(Settings()).plan, messages("raw", tickers(5, MANY, span_ms=900_000, symbols=("BTC",)))
    together, copies = plan.rows(aggregated(plan, [[share]])), _copies(_rows(plan, share))
    monkeypatch.setattr(combiner, "windowed", lambda rows: rows)
    apart, before = plan.rows(aggregated(plan, [[share]])), _copies(_rows(plan, share))
    assert copies * 2 < before
    for metric, table in zip(plan.metrics, plan.tables, strict=True):
        assert_equal_rows(keyed(together[table].to_pylist(), metric), keyed(apart[table].to_pylist(), metric), metric)


def test_panes_that_lie_apart_are_left_to_spark() -> None:
    plan = SparkStreamingTicker(Settings()).plan
    few = _rows(plan, messages("raw", tickers(6, 40, span_ms=36_000_000, symbols=("BTC",))))
    assert _copies(few) > 2 * few.num_rows
