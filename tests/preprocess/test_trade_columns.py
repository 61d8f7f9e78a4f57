"""The number that orders trades, and the bin of a trade's size: the same for one record as for a batch."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.preprocess.trade_columns import TradeColumns, size_bin, trade_number, upper_edge

COLUMNS = TradeColumns()
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "market": st.sampled_from(["binance", "okx", "upbit", "unknown"]),
            "trade_id": st.none() | st.integers(0, 10**20).map(str) | st.text(max_size=5),
            "price": st.none() | st.floats(0, 1e30),
            "size": st.none() | st.floats(0, 1e30),
            "usd_rate": st.none() | st.floats(0, 1e300),
        }
    ),
    max_size=30,
)


@pytest.mark.parametrize(
    ("market", "trade_id", "number"),
    [
        ("binance", "3000000001", 3_000_000_001.0),
        ("okx", "0", 0.0),
        ("kraken", "123456789012345678", 456_789_012_345_678.0),
        ("upbit", "17718300000000000", None),
        ("coinone", "1", None),
        ("unknown", "1", None),
        ("binance", None, None),
        ("binance", "", None),
        ("binance", "-1", None),
        ("binance", "1.5", None),
        ("binance", "٣", None),
        ("binance", "²", None),
    ],
)
def test_the_number_of_a_trade(market: str, trade_id: str | None, number: float | None) -> None:
    assert trade_number(market, trade_id) == number


@given(trade_id=st.integers(0, 10**20), step=st.integers(1, 1000))
def test_neighbouring_ids_keep_their_distance(trade_id: int, step: int) -> None:
    one, other = trade_number("binance", str(trade_id)), trade_number("binance", str(trade_id + step))
    assert one is not None
    assert other is not None
    assert (other - one) % 1e15 == step


@pytest.mark.parametrize(
    ("notional", "number"),
    [
        (1.0, 0.0),
        (2.0, 8.0),
        (1024.0, 80.0),
        (0.5, -8.0),
        (1.9, 7.0),
        (100_000.0, 132.0),
        (math.nextafter(2.0, 0.0), 7.0),
        (0.0, None),
        (-1.0, None),
        (math.inf, None),
        (math.nan, None),
        (None, None),
    ],
)
def test_the_bin_of_a_notional(notional: float | None, number: float | None) -> None:
    assert size_bin(notional) == number


@given(notional=st.floats(1e-300, 1e300))
def test_a_bin_is_an_eighth_of_an_octave(notional: float) -> None:
    number = size_bin(notional)
    assert number is not None
    assert upper_edge(number - 1) <= notional < upper_edge(number)
    assert upper_edge(number) / upper_edge(number - 1) == pytest.approx(2 ** (1 / 8), rel=1e-14)
    assert upper_edge(number) <= notional * 1.0906


@given(records=RECORDS)
def test_a_batch_is_computed_as_its_records_are(records: list[dict[str, Any]]) -> None:
    fields = {name: [record[name] for record in records] for name in COLUMNS.reads}
    found = COLUMNS.columns(fields, len(records))
    assert set(found) == set(COLUMNS.kinds)
    for number, record in enumerate(records):
        for name, value in COLUMNS.of(record).items():
            assert found[name].dtype == "float64"
            computed = found[name][number]
            assert math.isnan(computed) if value is None else computed == value
