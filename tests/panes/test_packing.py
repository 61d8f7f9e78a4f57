"""Of a metric with packed keys Spark has one row a window and outer key, and of a window that changed only what changed is given on."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc

from src.config.settings import Settings
from src.panes import combiner
from src.panes.combiner import Combiner
from src.panes.packing import PACK
from src.setting.jobs import SparkStreamingTrade
from tests.equality import keyed
from tests.generated_trades import trades
from tests.panes.aggregated import aggregated
from tests.setting.streamed import NoDeadLetters, messages, raw_table

PACKED = ("large_trades", "taker_seconds", "taker_half_seconds")
OUTER = ["source", "key_market", "key_symbol", "key_quote", "key_instrument", "first_end"]
JOB = SparkStreamingTrade(Settings(whale_floor_usd=0.001, whale_notional_usd=500.0))


def combined(records: list[Any]) -> pa.Table:
    found = Combiner(JOB.plan.reading, JOB.plan.layout, NoDeadLetters)(raw_table(messages("raw", records)).to_batches())
    return pa.Table.from_batches(list(found))


def place_of(name: str) -> int:
    return next(place for place, each in enumerate(JOB.plan.layout.variants) if each.metric.name == name)


def test_a_window_is_one_row_however_many_takers_and_seconds_it_has() -> None:
    rows = combined(trades(3, 2_000, span_ms=60_000))
    for name in PACKED:
        mine = rows.filter(pc.equal(rows["metric"], place_of(name)))
        windows = {tuple(row.values()) for row in mine.select(OUTER).to_pylist()}
        assert mine.num_rows == len(windows)
        assert mine[PACK].null_count == 0
    others = rows.filter(pc.equal(rows["metric"], place_of("buy_sell_pressure")))
    assert others[PACK].null_count == others.num_rows > 0
    assert not {f"key_{name}" for name in ("side", "second", "half_second", "large_trade_id")} & set(rows.column_names)


def test_of_a_window_that_changed_only_what_changed_comes_again() -> None:
    records = trades(4, 400, span_ms=60_000)
    earlier, later = messages("raw", records[:300]), messages("raw", records[300:])

    def large_trades(shares: list[Any], batches: list[int]) -> dict[Any, dict[str, Any]]:
        with patch.object(combiner, "batch_number", side_effect=batches):
            found = {table.name: rows for table, rows in JOB.plan.rows(aggregated(JOB.plan, shares)).items()}
        metric = next(each for each in JOB.plan.metrics if each.name == "large_trades")
        return keyed(found["large_trades"].to_pylist(), metric)

    whole = large_trades([[earlier], [later]], [7, 7])
    changed = large_trades([[earlier], [later]], [7, 8])
    assert 0 < len(changed) < len(whole)
    assert changed == {key: whole[key] for key in large_trades([[later]], [8])}
