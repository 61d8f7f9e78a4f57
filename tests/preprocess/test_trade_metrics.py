"""The trade metrics: mean prices, buying and selling pressure, what counts, and that arrival order never matters."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.config.settings import Settings
from src.preprocess.admission import Admission
from src.preprocess.metric import Metric
from src.preprocess.oracle import batch_rows
from src.preprocess.series import series_rows
from src.preprocess.trade import TradeQueryOrganization
from src.schema.kinds import Kind
from src.schema.record_kinds import record_kinds
from src.schema.records import Instrument, Region, Side, Source, Trade
from tests.generated_trades import gap_mark, trade_rows, trades

ORGANIZATION = TradeQueryOrganization(Settings())
METRICS = {metric.name: metric for metric in ORGANIZATION.metrics()}
MINUTE = 60_000
START = 1_790_000_040_000


def rows_of(name: str, records: list[Trade]) -> list[dict[str, Any]]:
    """The rows of a metric, oldest first."""
    return sorted(batch_rows(METRICS[name], trade_rows(records, ORGANIZATION)).values(), key=lambda row: row["window_start"])


def traded(second: float, price: float = 100.0, size: float = 1.0, side: Side | None = Side.BUY, **fields: Any) -> Trade:
    """A trade so many seconds after START, received 50 ms later."""
    time = START + round(second * 1000)
    given = {"trade_id": str(time), "usd_rate": 1.0, "market": "okx", "received_time": time + 50} | fields
    return Trade(
        region=Region.ASIA, symbol="BTC", quote="USDT", source=Source.LIVE, event_time=time, price=price, size=size, side=side, **given
    )  # fmt: skip


@pytest.mark.parametrize("instrument", [Instrument.FUTURE, Instrument.OPTION])
def test_contracts_that_only_their_delivery_day_tells_apart_are_counted_and_in_no_row(instrument: Instrument) -> None:
    """BTCUSDT_251226 and BTCUSDT_260327 are one price to a record: a candle of both would be of neither."""
    dated = [traded(second, price, 1e6, instrument=instrument) for second, price in ((1, 100.0), (2, 250.0), (3, 101.0))]
    late = traded(4, instrument=instrument, received_time=START + 90_000)
    mark = gap_mark(dated[0], dated[0].event_time - 5_000)
    for name in METRICS:
        assert (name, rows_of(name, [*dated, late, mark]) == []) == (name, name != "input_quality")
    counts = [(row["records"], row["not_comparable"], row["dated_contracts"]) for row in rows_of("input_quality", [*dated, mark, traded(5)])]
    assert counts == [(4, 3, 3)]


def test_what_the_job_gives_and_under_which_names() -> None:
    kinds = record_kinds(Trade) | {"late": Kind.BOOLEAN, "problem": Kind.STRING}
    for computed in ORGANIZATION.computed():
        kinds |= computed.kinds
    for name, expression in ORGANIZATION.coin_main_columns().items():
        kinds[name] = expression.kind(kinds)
    tables = {metric.name: metric.table(kinds) for metric in METRICS.values()}
    tables |= {series.name: series.table(tables) for series in ORGANIZATION.series()}
    assert [(name, table.topic, table.key[1:-1]) for name, table in tables.items()] == [
        ("input_quality", "InputQualityProcessedCoin", ("channel", "market")),
        ("candles", "CandlesProcessedCoin", ("symbol", "market", "quote", "instrument", "interval")),
        ("average_price", "AveragePriceProcessedCoin", ("symbol", "market", "quote", "instrument")),
        ("large_trades", "LargeTradesProcessedCoin", ("symbol", "market", "quote", "instrument", "large_trade_id", "large_trade_side")),
        ("taker_seconds", "TakerSecondsProcessedCoin", ("symbol", "market", "quote", "instrument", "side", "second")),
        ("taker_half_seconds", "TakerHalfSecondsProcessedCoin", ("symbol", "market", "quote", "instrument", "side", "half_second")),
        ("buy_sell_pressure", "BuySellPressureProcessedCoin", ("symbol", "market", "quote", "instrument")),
        ("whale_trades", "WhaleTradesProcessedCoin", ("symbol", "market", "quote", "instrument", "kind", "side", "trade_id")),
        ("indicators", "IndicatorsProcessedCoin", ("symbol", "market", "quote", "instrument", "interval")),
    ]
    assert all(table.description for table in tables.values())


def test_mean_price_and_vwap_of_ten_seconds() -> None:
    records = [
        traded(0, 100.0, 1.0),
        traded(9.999, 110.0, 3.0, usd_rate=None),
        traded(5, 999.0, 1.0, received_time=START + 70_000),
        traded(10, 200.0, 1.0, usd_rate=0.5),
    ]
    first, second = rows_of("average_price", records)
    assert (first["window_start"], first["window_end"], first["trades"], first["volume"]) == (START, START + 10_000, 2, 4.0)
    assert (first["mean_price"], first["vwap"], first["mean_price_usd"]) == (105.0, 107.5, 100.0)
    assert (second["mean_price"], second["mean_price_usd"]) == (200.0, 100.0)


def test_prices_do_not_mix() -> None:
    others = [{"market": "bybit"}, {"instrument": Instrument.PERPETUAL}, {"quote": "USDC"}, {"symbol": "ETH"}, {"source": Source.REPLAY}]
    records = [traded(0), *(msgspec.structs.replace(traded(0, 1.0), **each) for each in others)]
    assert sorted(row["mean_price"] for row in rows_of("average_price", records)) == [1.0] * 5 + [100.0]


def test_pressure_of_a_minute_after_twenty_others() -> None:
    """20 minutes of 2 coins, one of them without a trade: 38 / 20 = 1.9 a minute. Then 3.9 coins, 2.4 of them bought."""
    before = [traded(60 * minute, 100.0, 2.0) for minute in range(20) if minute != 7]
    earlier = traded(-1, 100.0, 1_000.0)
    now = [traded(1_200, 100.0, 2.4), traded(1_230, 100.2, 1.5, Side.SELL)]
    row = rows_of("buy_sell_pressure", [earlier, *before, *now])[-1]
    assert (row["window_start"], row["trades"]) == (START + 20 * MINUTE, 2)
    assert (row["volume"], row["buy_volume"], row["sell_volume"]) == (3.9, 2.4, 1.5)
    assert row["buy_sell_ratio"] == pytest.approx(1.6, rel=1e-12)
    assert row["mean_volume_20_minutes"] == pytest.approx(1.9, rel=1e-12)
    assert row["range_percent"] == pytest.approx(0.2, rel=1e-9)
    assert (row["buy_pressure"], row["volume_surge"], row["wide_range"]) == (True, True, True)


def test_no_pressure() -> None:
    before = [traded(60 * minute, 100.0, 2.0) for minute in range(20)]
    now = [traded(1_200, 100.0, 1.5), traded(1_230, 100.1, 1.0, Side.SELL), traded(1_231, 100.05, 1.5, Side.SELL)]
    row = rows_of("buy_sell_pressure", [*before, *now])[-1]
    assert (row["buy_pressure"], row["volume_surge"]) == (False, False)
    (flat,) = rows_of("buy_sell_pressure", [traded(0), traded(1)])
    assert (flat["range_percent"], flat["wide_range"]) == (0.0, False)


def test_without_sells_there_is_pressure_and_no_ratio_and_without_sides_neither() -> None:
    (bought,) = rows_of("buy_sell_pressure", [traded(0)])
    assert (bought["buy_sell_ratio"], bought["buy_pressure"]) == (None, True)
    (unknown,) = rows_of("buy_sell_pressure", [traded(0, side=None)])
    assert (unknown["buy_sell_ratio"], unknown["buy_pressure"], unknown["volume"]) == (None, None, 1.0)


@pytest.mark.parametrize(
    ("others", "mean"),
    [
        pytest.param([], None, id="nothing before"),
        pytest.param([traded(-1, size=8.0)], None, id="longer ago"),
        pytest.param([traded(0, size=8.0)], 0.4, id="one minute of twenty"),
        pytest.param([traded(0, size=8.0), gap_mark(traded(30), START + 30_000)], None, id="began within"),
        pytest.param([traded(0, size=8.0), gap_mark(traded(600), START + 300_000)], None, id="gap within"),
        pytest.param([traded(0, size=8.0), gap_mark(traded(-60), START - 90_000)], 0.4, id="gap before"),
        pytest.param([traded(0, size=8.0), gap_mark(traded(1_210), START + 1_205_000)], 0.4, id="gap in the minute itself"),
        pytest.param([traded(0, size=8.0), gap_mark(traded(600, market="bybit"), START)], 0.4, id="gap of another price"),
    ],
)
def test_the_mean_is_null_where_the_twenty_minutes_are_not_known(others: list[Trade], mean: float | None) -> None:
    row = rows_of("buy_sell_pressure", [*others, traded(1_200, size=0.75), traded(1_201, size=0.1)])[-1]
    assert row["window_start"] == START + 20 * MINUTE
    assert row["mean_volume_20_minutes"] == (None if mean is None else pytest.approx(mean, rel=1e-12))
    assert row["volume_surge"] is (None if mean is None else True)


def test_marks_make_no_rows_and_are_no_input() -> None:
    records = [gap_mark(traded(300), START)]
    assert {name: rows_of(name, records) for name in METRICS} == {name: [] for name in METRICS}


def test_the_flags_limits_are_in_the_settings() -> None:
    organization = TradeQueryOrganization(Settings(pressure_buy_ratio=3.0, pressure_volume_ratio=9.0, pressure_range_percent=5.0))
    (metric,) = (each for each in organization.metrics() if each.name == "buy_sell_pressure")
    records = [traded(0, size=20.0), traded(1_200, 100.0, 2.0), traded(1_201, 104.0, 1.0, Side.SELL)]
    row = max(batch_rows(metric, trade_rows(records, organization)).values(), key=lambda row: row["window_start"])
    assert (row["buy_pressure"], row["volume_surge"], row["wide_range"]) == (False, False, False)


def every_row(records: list[Trade]) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    plain = trade_rows(records, ORGANIZATION)
    found = {name: batch_rows(metric, plain) for name, metric in METRICS.items()}
    return found | {series.name: series_rows(series, {name: found[name].values() for name in series.of}) for series in ORGANIZATION.series()}


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), shuffle=st.integers(0, 2**32))
def test_the_order_of_arrival_changes_nothing(seed: int, shuffle: int) -> None:
    records = trades(seed, 150, span_ms=200_000)
    expected = every_row(records)
    random.Random(shuffle).shuffle(records)
    assert every_row(records) == expected


def test_generated_trades_reach_every_metric_and_are_awkward() -> None:
    records = trades(3, 3_000, span_ms=600_000)
    settings_of_test = Settings(whale_percentile=90.0, whale_floor_usd=1_000.0, whale_notional_usd=2_000.0, whale_run_trade_usd=100.0)
    organization = TradeQueryOrganization(settings_of_test)
    plain = trade_rows(records, organization)
    found = {metric.name: batch_rows(metric, plain) for metric in organization.metrics()}
    found |= {series.name: series_rows(series, {name: found[name].values() for name in series.of}) for series in organization.series()}
    assert {name for name, rows in found.items() if len(rows) < 10} == set()
    assert {row["complete"] for row in found["candles"].values()} == {"proven", "no_known_gap", "gap"}
    assert sum(Admission.of(settings_of_test).is_late(record) for record in records) > 20
    assert any(row["mean_volume_20_minutes"] is not None for row in found["buy_sell_pressure"].values())
    values = [value for rows in found.values() for row in rows.values() for value in row.values()]
    assert all(value == value for value in values)  # noqa: PLR0124  NaN


def test_sums_do_not_depend_on_which_windows_there_are() -> None:
    """Volumes of a five-minute candle are those of its minutes, and of the mean prices' windows."""
    records = trades(5, 400)
    candles: Metric = METRICS["candles"]
    rows = batch_rows(candles, trade_rows(records, ORGANIZATION)).values()
    volumes = {interval: sum(row["volume"] for row in rows if row["interval"] == interval) for interval in candles.intervals}
    of_ten_seconds = sum(row["volume"] for row in rows_of("average_price", records))
    assert all(volume == pytest.approx(of_ten_seconds, rel=1e-12) for volume in volumes.values())
