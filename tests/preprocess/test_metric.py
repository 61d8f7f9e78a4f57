"""How a metric is declared, what is refused, and that windows are where they should be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.config.settings import Settings
from src.errors import ConfigurationError
from src.preprocess import Count, First, Last, Max, Mean, Metric, Min, PerMarket, PerRegion, StdDev, Sum, Vwap, Window, col
from src.preprocess.metric import milliseconds
from src.preprocess.oracle import batch_rows
from src.preprocess.ticker import TickerQueryOrganization
from src.schema.kinds import Kind

KINDS = {"symbol": Kind.STRING, "market": Kind.STRING, "price": Kind.DOUBLE, "size": Kind.DOUBLE, "event_time": Kind.LONG, "received_time": Kind.LONG}
MINUTE = 60_000


@given(
    time=st.integers(1_500_000_000_000, 1_900_000_000_000),
    slide=st.sampled_from([1_000, 30_000, MINUTE]),
    slides=st.integers(1, 6),
    more=st.integers(0, 5),
)
def test_a_time_is_in_exactly_the_windows_that_hold_it(time: int, slide: int, slides: int, more: int) -> None:
    window = Window(f"{slide * slides // 1000} seconds", f"{slide // 1000} seconds")
    span = window.size_ms + more * slide
    starts = set(window.starts(time, span))
    for start in range((time // slide) * slide - 2 * span, (time // slide) * slide + 2 * span, slide):
        end = start + window.size_ms
        assert (start in starts) == (end - span <= time < end)


@pytest.mark.parametrize(("text", "value"), [("30 seconds", 30_000), ("1 minute", MINUTE), ("2 hours", 7_200_000), ("1 day", 86_400_000)])
def test_durations(text: str, value: int) -> None:
    assert milliseconds(text) == value


@pytest.mark.parametrize("text", ["1 fortnight", "0 seconds", "-1 minute", "minute", "1.5 hours", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a duration"):
        milliseconds(text)


def _metric(**changes: Any) -> Metric:
    declared = {"name": "price_range", "window": Window("1 minute"), "keys": ("symbol",), "stats": {"high": Max("price")}}
    return Metric(**{**declared, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Price Range"}, "the metric name 'Price Range'"),
        ({"name": "x; DROP TABLE y"}, "the metric name"),
        ({"stats": {"High": Max("price")}}, "the column 'High'"),
        ({"stats": {"symbol": Max("price")}}, "the column symbol is named twice"),
        ({"window": Window("1 minute", "40 seconds")}, "multiple of its slide"),
        ({"time": "arrival"}, "neither event_time nor received_time"),
        ({"packed": ("symbol", "market")}, "`packed` names market, which is no key"),
        ({"packed": ("symbol",), "stats": {"high": Max("price", over="5 minutes")}}, "with `packed` keys"),
    ],
)
def test_a_wrong_declaration_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        _metric(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keys": ("colour",)}, "no record column 'colour'"),
        ({"stats": {"high": Max("prize")}}, "no column 'prize'"),
        ({"stats": {"high": Max("price", where=col("venue").equals("upbit"))}}, "no column 'venue'"),
        ({"derived": {"range": col("low")}}, "no column 'low'"),
        ({"stats": {"mean": Mean("symbol")}}, "mean is a Mean of what is no number"),
        ({"stats": {"open": First("price", order="market")}}, "open is ordered by what is no number"),
        ({"stats": {"vwap": Vwap("price", size="symbol")}}, "vwap is a Vwap of what is no number"),
        ({"where": col("price") + 1}, "is no yes or no"),
        ({"headline": ("range",)}, "headline names range"),
    ],
)
def test_an_unknown_column_is_refused_before_anything_runs(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        _metric(**changes).resolved((), ()).table(KINDS)


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"stats": {"last": PerMarket(Last("price")), "last_okx": Max("price")}}, "last_okx"),
        ({"stats": {"last_okx": Max("price"), "last": PerMarket(Last("price"))}}, "last_okx"),
        ({"stats": {"last": PerRegion(Last("price")), "last_asia": Max("price")}}, "last_asia"),
        # Even where both are the same: which of the two is read later on would be a matter of luck.
        ({"stats": {"n": PerMarket(Count()), "n_okx": Count(where=col("market").equals("okx"))}}, "n_okx"),
        ({"stats": {"last": PerMarket(Last("price"))}, "derived": {"last_okx": col("last_upbit")}}, "last_okx"),
        ({"stats": {"window": PerMarket(Last("price"))}, "markets": ("start",)}, "window_start"),
        ({"stats": {"last": PerMarket(Last("price"))}, "keys": ("last_okx",)}, "last_okx"),
        ({"stats": {"last": PerMarket(Last("price"))}, "pairs": ("last",), "derived": {"last_buy": col("last_okx")}}, "last_buy"),
        ({"stats": {"last": PerMarket(Last("price")), "last_sell": Max("price")}, "pairs": ("last",)}, "last_sell"),
        ({"stats": {"_records": Max("price")}}, "_records"),
    ],
)
def test_a_column_of_a_market_or_region_that_is_there_already_is_refused(changes: dict[str, Any], column: str) -> None:
    metric = _metric(**changes)
    with pytest.raises(ConfigurationError, match=f"metric price_range: the column {column} is named twice"):
        metric.resolved(metric.markets or ("upbit", "okx"), ("korea", "asia"))


def test_what_is_resolved_already_may_be_resolved_again() -> None:
    metric = _metric(stats={"last": PerMarket(Last("price"))}).resolved(("upbit", "okx"), ())
    assert metric.resolved(("upbit", "okx"), ()) == metric


def test_table_and_topic_are_named_after_the_metric() -> None:
    table = _metric(derived={"half": col("high") / 2}).resolved((), ()).table(KINDS)
    assert (table.name, table.topic, table.key) == ("price_range", "PriceRangeProcessedCoin", ("source", "symbol", "window_start"))
    assert [column.name for column in table.columns] == ["source", "window_start", "window_end", "symbol", "high", "half"]


def test_a_statistic_per_market_is_a_column_for_each() -> None:
    metric = _metric(stats={"last": PerMarket(Last("price"))}).resolved(("upbit", "okx"), ())
    assert [column.name for column in metric.table(KINDS).columns][4:] == ["last_upbit", "last_okx"]


def _record(second: float, price: float | None, *, received: float = 0.0, size: float | None = 1.0) -> dict[str, Any]:
    time = 1_790_000_040_000 + int(second * 1000)
    return {"source": "replay", "symbol": "BTC", "price": price, "size": size, "event_time": time, "received_time": time + int(received * 1000)}


def test_every_statistic_by_hand() -> None:
    """Numbers that can be checked on paper: prices 10, 20, 30 with sizes 1, 1, 2, and one record without a price."""
    metric = _metric(
        stats={
            "n": Count(),
            "priced": Count(where=col("price").is_not_null()),
            "total": Sum("price"),
            "mean": Mean("price"),
            "low": Min("price"),
            "high": Max("price"),
            "first": First("price"),
            "last": Last("price"),
            "deviation": StdDev("price"),
            "vwap": Vwap("price", size="size"),
            "before": Mean("price", over="2 minutes"),
        }
    ).resolved((), ())
    records = [_record(-30, 100.0), _record(1, 20.0), _record(0, 10.0), _record(59.999, 30.0, size=2.0), _record(5, None), _record(60, 1.0)]
    row = batch_rows(metric, records)["replay", "BTC", 1_790_000_040_000]
    assert row["deviation"] == pytest.approx(10.0)
    del row["deviation"]
    expected = {
        "n": 4,
        "priced": 3,
        "total": 60.0,
        "mean": 20.0,
        "low": 10.0,
        "high": 30.0,
        "first": 10.0,
        "last": 30.0,
        "vwap": 22.5,
        "before": 40.0,
    }
    assert {name: row[name] for name in expected} == expected


def test_equal_times_have_one_order_whatever_the_arrival() -> None:
    metric = _metric(stats={"first": First("price"), "last": Last("price")}).resolved((), ())
    records = [_record(1, 5.0, received=0.2), _record(1, 7.0, received=0.1), _record(1, 6.0, received=0.2)]
    for arrival in (records, records[::-1]):
        (row,) = batch_rows(metric, arrival).values()
        assert (row["first"], row["last"]) == (7.0, 6.0)


def test_a_window_with_records_only_before_it_has_no_row() -> None:
    metric = _metric(stats={"before": Mean("price", over="5 minutes")}).resolved((), ())
    assert set(batch_rows(metric, [_record(0, 1.0)])) == {("replay", "BTC", 1_790_000_040_000)}


def test_metrics_of_a_subclass_come_after_those_of_its_base_and_names_may_not_repeat() -> None:
    class More(TickerQueryOrganization):
        def cal_range(self) -> Metric:
            """High of each symbol."""
            return _metric(stats={"high": Max("price_usd")})

    metrics = More(Settings()).metrics()
    assert [metric.name for metric in metrics] == [
        "input_quality",
        "time_metrics",
        "arbitrage",
        "market_arbitrage",
        "market_arbitrage_signal",
        "price_range",
    ]
    assert metrics[-1].description == "High of each symbol."
    assert [metric.topic for metric in metrics[1:5]] == [
        f"{name}ProcessedCoin" for name in ("Time", "Arbitrage", "MarketArbitrage", "MarketArbitrageSignal")
    ]

    class Twice(More):
        def cal_again(self) -> Metric:
            return replace(self.cal_range(), topic="OtherTopic")

    with pytest.raises(ConfigurationError, match="two metrics have the name price_range"):
        Twice(Settings()).metrics()
