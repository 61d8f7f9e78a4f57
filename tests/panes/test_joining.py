"""What several batches of records gave is put together before Spark sees it: the same rows, of fewer to merge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pytest

from src.config.settings import Settings
from src.panes import combiner
from src.panes.combiner import Combiner
from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTicker, SparkStreamingTrade
from src.setting.planner import Plan
from src.setting.streaming import SparkStreamingCoinAverage
from tests.equality import assert_equal_rows, keyed
from tests.generated import tickers
from tests.generated_books import books
from tests.generated_trades import trades
from tests.panes.aggregated import aggregated
from tests.panes.test_combiner import EveryStatistic
from tests.setting.streamed import NoDeadLetters, messages, raw_table

MADE = {SparkStreamingTicker: tickers, EveryStatistic: tickers, SparkStreamingOrderbook: books, SparkStreamingTrade: trades}
MANY = 1_500


def _sent(plan: Plan, share: Sequence[tuple[str, bytes]]) -> pa.Table:
    batches = (batch for one in share for batch in raw_table([one]).to_batches())
    return pa.Table.from_batches(list(Combiner(plan.reading, plan.layout, NoDeadLetters)(batches)))


@pytest.mark.parametrize("job_class", MADE)
def test_the_rows_are_the_same_and_fewer_are_sent(job_class: type[SparkStreamingCoinAverage], monkeypatch: pytest.MonkeyPatch) -> None:
    plan, share = job_class(Settings()).plan, messages("raw", MADE[job_class](7, MANY))
    monkeypatch.setattr(combiner, "_RECORDS", 100)
    together, sent = plan.rows(aggregated(plan, [[share]])), _sent(plan, share)
    monkeypatch.setattr(combiner, "_KEPT_ROWS", 1)
    apart, before = plan.rows(aggregated(plan, [[share]])), _sent(plan, share)
    assert sent.num_rows < before.num_rows
    assert together.keys() == apart.keys()
    for metric, table in zip(plan.metrics, plan.tables, strict=True):
        if table in together:
            assert_equal_rows(keyed(together[table].to_pylist(), metric), keyed(apart[table].to_pylist(), metric), metric)


def test_of_one_key_and_pane_one_row_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, share = SparkStreamingTicker(Settings()).plan, messages("raw", tickers(8, MANY))
    monkeypatch.setattr(combiner, "_RECORDS", 100)
    sent = _sent(plan, share)
    names = ["metric", "source", *(f"key_{key}" for key in plan.layout.keys), "first_end", "last_end"]
    # A variant that looks at stretches of several lengths has rows of each.
    lengths = Counter(part.place for variant in plan.layout.variants for part in variant.parts)
    seen = Counter(tuple(row.values()) for row in sent.select(names).to_pylist())
    assert max(count - lengths[row[0]] for row, count in seen.items()) == 0
