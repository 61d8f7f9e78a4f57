"""Whatever records come, in whatever order and batches: combined into panes, merged and finished, they are the oracle's rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.collect.aggregate_trade import aggregate_trade
from src.collect.message import BINANCE_DEPTH_TOPIC, BINANCE_TRADE_TOPIC
from src.config.settings import Settings
from src.preprocess.depth_change import depth_change
from src.preprocess.gap_marks import spread_gap_mark
from src.preprocess.oracle import batch_rows
from src.schema.records import RawMessage, Record
from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTicker, SparkStreamingTrade
from src.setting.streaming import SparkStreamingCoinAverage
from tests.equality import assert_equal_rows, keyed, plain_rows
from tests.generated import START_MS, tickers
from tests.generated_books import books, depth_messages
from tests.generated_trades import aggregate_messages, trades
from tests.panes.aggregated import aggregated
from tests.setting.every_statistic import Everything
from tests.setting.streamed import messages

SETTINGS = Settings(
    markets=("upbit", "bithumb", "okx", "bybit", "binance", "kraken"), whale_notional_usd=500.0, whale_run_trade_usd=10.0, whale_floor_usd=400.0
)
FEW, SOME, MANY = 20, 120, 500
SHORT_MS = 1_500


class EveryStatistic(SparkStreamingTicker):
    query_organization = Everything


JOBS = pytest.mark.parametrize("job_class", [SparkStreamingTicker, SparkStreamingOrderbook, SparkStreamingTrade, EveryStatistic])


@cache
def pool(job_class: type[SparkStreamingCoinAverage]) -> Sequence[Record | RawMessage]:
    """Awkward records, as they come on the job's topics: some spread over its windows, some at times that tell few of them apart."""
    if issubclass(job_class, SparkStreamingTicker):
        return [*tickers(1, MANY), *at_few_times(tickers(2, MANY, span_ms=SHORT_MS))]
    if job_class is SparkStreamingOrderbook:
        return [*books(1, MANY), *at_few_times(books(2, MANY, span_ms=SHORT_MS)), *depth_messages(1, 100), *depth_messages(2, 100, span_ms=SHORT_MS)]
    payloads = [*aggregate_messages(1, 100), *aggregate_messages(2, 100, span_ms=SHORT_MS)]
    return [*trades(1, MANY), *at_few_times(trades(2, MANY, span_ms=SHORT_MS)), *payloads]


def at_few_times(records: Sequence[Any]) -> list[Any]:
    """With times of which several records of a market have the very same."""
    times = [(START_MS + SHORT_MS, 20), (START_MS + SHORT_MS, 30), (START_MS + SHORT_MS + 1_000, 20)]
    found = []
    for number, record in enumerate(records):
        event_time, delay = times[number % len(times)]
        found.append(msgspec.structs.replace(record, event_time=event_time, received_time=event_time + delay))
    return found


@cache
def job(job_class: type[SparkStreamingCoinAverage]) -> SparkStreamingCoinAverage:
    return job_class(SETTINGS)


def on_topics(records: Sequence[Any]) -> list[tuple[str, bytes]]:
    """The messages that hold them: a venue's own payload is one by itself, on the topic of its kind."""
    found = []
    for is_raw, same in groupby(records, key=lambda each: isinstance(each, RawMessage)):
        if is_raw:
            found += [(BINANCE_TRADE_TOPIC if "aggTrade" in each.stream else BINANCE_DEPTH_TOPIC, msgspec.json.encode(each)) for each in same]
        else:
            found += messages("raw", same)
    return found


def as_records(given_records: Sequence[Any]) -> list[Record]:
    """What the oracle reads: payloads converted, gap marks cut at the minutes."""
    found: list[Any] = []
    for each in given_records:
        if not isinstance(each, RawMessage):
            found.append(each)
        elif "aggTrade" not in each.stream:
            found.append(depth_change(each))
        else:
            found += [trade for trade in [aggregate_trade(each)] if trade is not None]
    return [part for record in found for part in (spread_gap_mark(record) if hasattr(record, "side") else [record])]


def check(job_class: type[SparkStreamingCoinAverage], records: Sequence[Any], cuts: Sequence[tuple[int, bool]], *, all_metrics: bool = False) -> None:
    """cuts: where a batch ends, and whether another worker takes the next one."""
    running = job(job_class)
    values, begin = on_topics(records), 0
    shares: list[list[Sequence[tuple[str, bytes]]]] = [[]]
    for cut, is_other in sorted(cuts):
        shares[-1].append(values[begin:cut])
        shares += [[]] * is_other
        begin = cut
    shares[-1].append(values[begin:])
    found = {table.name: rows.to_pylist() for table, rows in running.plan.rows(aggregated(running.plan, shares)).items()}
    rows = plain_rows(as_records(records), running.organization)
    for metric in running.plan.metrics:
        expected = batch_rows(metric, rows)
        assert expected or not all_metrics, f"{metric.name}: nothing is compared"
        assert_equal_rows(keyed(found.get(metric.name, ()), metric), expected, metric)


@JOBS
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_records_in_any_batches_equal_the_oracle(job_class: type[SparkStreamingCoinAverage], data: st.DataObject) -> None:
    # A record may come twice, and the order is any.
    records = data.draw(st.lists(st.sampled_from(pool(job_class)), min_size=FEW, max_size=SOME))
    cuts = data.draw(st.lists(st.tuples(st.integers(0, len(records)), st.booleans()), max_size=6))
    check(job_class, records, cuts)


@JOBS
def test_every_metric_has_rows_and_they_equal_the_oracle(job_class: type[SparkStreamingCoinAverage]) -> None:
    check(job_class, pool(job_class)[::-1], [(100, False), (101, True), (400, False), (700, True)], all_metrics=True)
