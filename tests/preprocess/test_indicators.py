"""Indicators come out as TA-Lib's, are null until there are enough candles, and can go on from any candle."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.config.settings import Settings
from src.preprocess.indicators import COLUMNS, IndicatorSeries
from src.preprocess.series import series_rows
from src.preprocess.trade import TradeQueryOrganization

REFERENCE = Path(__file__).with_name("indicators.csv")
MINUTE = 60_000
START = 1_790_000_040_000
SERIES = {"source": "replay", "symbol": "BTC", "market": "binance", "quote": "USDT", "instrument": "spot", "interval": "1m"}


def candles(prices: list[tuple[float, float, float]], **named: str) -> list[dict[str, Any]]:
    """Candles of consecutive minutes with these high, low and close."""
    return [
        {
            **SERIES,
            **named,
            "window_start": START + number * MINUTE,
            "window_end": START + (number + 1) * MINUTE,
            "high": high,
            "low": low,
            "close": close,
        }
        for number, (high, low, close) in enumerate(prices)
    ]


def indicators(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the indicators in order of time."""
    (metric,) = (each for each in TradeQueryOrganization(Settings()).series() if each.name == "indicators")
    return sorted(series_rows(metric, {"candles": rows}).values(), key=lambda row: (row["symbol"], row["window_start"]))


def reference() -> tuple[list[tuple[float, float, float]], list[dict[str, float | None]]]:
    """High, low and close of 120 candles, and TA-Lib's values."""
    with REFERENCE.open() as file:
        lines = list(csv.DictReader(file))
    prices = [(float(line["high"]), float(line["low"]), float(line["close"])) for line in lines]
    return prices, [{name: float(line[name]) if line[name] else None for name in COLUMNS} for line in lines]


def test_every_indicator_is_that_of_ta_lib() -> None:
    """indicators.csv is a random walk of 120 candles (closes of one decimal, every tenth without movement) and what TA-Lib 0.8.2 makes of it.

    The program, in Python: SMA(c, 20), EMA(c, 20), RSI(c, 14), MACD(c, 12, 26, 9), BBANDS(c, 20, 2, 2), ATR(h, l, c, 14); NaN is written as nothing.
    """
    prices, expected = reference()
    found = indicators(candles(prices))
    assert len(found) == len(expected) == 120
    for number, (row, known) in enumerate(zip(found, expected, strict=True)):
        for name, value in known.items():
            assert (row[name] is None) == (value is None), (number, name)
            if value is not None:
                assert abs(row[name] - value) <= 1e-9 * abs(value), (number, name, row[name], value)


@pytest.mark.parametrize(
    ("name", "candles_needed"),
    [
        ("close", 1),
        ("sma_20", 20),
        ("ema_20", 20),
        ("bollinger_upper", 20),
        ("bollinger_middle", 20),
        ("bollinger_lower", 20),
        ("rsi_14", 15),
        ("atr_14", 15),
        ("macd", 34),
        ("macd_signal", 34),
        ("macd_histogram", 34),
    ],
)
def test_warm_up_is_null(name: str, candles_needed: int) -> None:
    prices, _ = reference()
    nulls = [row[name] is None for row in indicators(candles(prices))]
    assert nulls == [True] * (candles_needed - 1) + [False] * (121 - candles_needed)


def test_by_hand() -> None:
    """Closes rise by 1 from 1 to 20, and fall by 2 once: means and losses that can be checked on paper."""
    closes = [float(number) for number in range(1, 21)] + [18.0]
    rows = indicators(candles([(close + 0.5, close - 0.5, close) for close in closes]))
    assert (rows[14]["rsi_14"], rows[14]["atr_14"]) == (100.0, 1.5)
    assert rows[19]["sma_20"] == rows[19]["ema_20"] == 10.5
    # 33.25 is the mean of the squared distances of 1 to 20 from 10.5.
    assert rows[19]["bollinger_upper"] == pytest.approx(10.5 + 2 * 33.25**0.5, rel=1e-15)
    last = rows[20]
    assert last["rsi_14"] == pytest.approx(100 * 13 / (13 + 2), rel=1e-14)
    assert last["atr_14"] == pytest.approx((1.5 * 13 + 2.5) / 14, rel=1e-14)
    assert last["ema_20"] == pytest.approx(10.5 + (18 - 10.5) * 2 / 21, rel=1e-14)


@pytest.mark.parametrize(("place", "odd"), [(0, None), (3, 1e200), (3, -1e200), (30, None), (60, 1e30), (60, 1e308), (119, None)])
def test_a_candle_without_numbers_is_passed_over(place: int, odd: float | None) -> None:
    prices, _ = reference()
    whole = candles(prices)
    without = [*whole[:place], *whole[place + 1 :]]
    for name in ("high", "low", "close"):
        disturbed = [*whole[:place], {**whole[place], name: odd}, *whole[place + 1 :]]
        assert indicators(disturbed) == indicators(without)


def test_prices_that_do_not_change_have_no_relative_strength() -> None:
    rows = indicators(candles([(5.0, 5.0, 5.0)] * 40))
    last = rows[-1]
    assert last["rsi_14"] is None
    assert (last["atr_14"], last["macd"], last["bollinger_upper"], last["bollinger_lower"]) == (0.0, 0.0, 5.0, 5.0)


def test_series_of_other_prices_and_intervals_do_not_mix() -> None:
    prices, _ = reference()
    own = indicators(candles(prices))
    others = [
        *candles([(1.0, 1.0, 1.0)] * 120, symbol="ETH"),
        *candles([(2.0, 2.0, 2.0)] * 120, interval="5m"),
        *candles([(3.0, 3.0, 3.0)] * 120, instrument="perpetual"),
        *candles([(4.0, 4.0, 4.0)] * 120, source="live"),
    ]
    together = indicators([*candles(prices), *others])
    assert [row for row in together if all(row[name] == value for name, value in SERIES.items())] == own


def test_minutes_without_a_candle_are_passed_over() -> None:
    prices, _ = reference()
    spaced = candles(prices)
    for number, candle in enumerate(spaced):
        candle["window_start"] += number * 7 * MINUTE
        candle["window_end"] += number * 7 * MINUTE
    values = [{name: row[name] for name in COLUMNS} for row in indicators(spaced)]
    assert values == [{name: row[name] for name in COLUMNS} for row in indicators(candles(prices))]


@given(at=st.integers(1, 119))
def test_a_series_goes_on_from_a_state_that_was_written_down_and_the_state_is_not_changed(at: int) -> None:
    prices, _ = reference()
    series = IndicatorSeries()
    state, whole = None, []
    for candle in candles(prices):
        state, made = series.step(state, {"candles": [candle]})
        whole += made
    state = None
    for candle in candles(prices)[:at]:
        state, _ = series.step(state, {"candles": [candle]})
    written = msgspec.msgpack.encode(state)
    once = msgspec.msgpack.decode(written)
    for _ in range(2):
        again, state = [], once
        for candle in candles(prices)[at:]:
            state, made = series.step(state, {"candles": [candle]})
            again += made
        assert again == whole[at:]
        assert msgspec.msgpack.encode(once) == written


@given(st.lists(st.floats(0.01, 1e6), min_size=34, max_size=60))
def test_indicators_stay_within_their_bounds(closes: list[float]) -> None:
    for row in indicators(candles([(close * 1.01, close * 0.99, close) for close in closes])):
        if row["rsi_14"] is not None:
            assert 0 <= row["rsi_14"] <= 100
        if row["sma_20"] is not None:
            assert row["bollinger_lower"] <= row["bollinger_middle"] <= row["bollinger_upper"]
            assert row["bollinger_middle"] == row["sma_20"]
        assert row["atr_14"] is None or row["atr_14"] >= 0
