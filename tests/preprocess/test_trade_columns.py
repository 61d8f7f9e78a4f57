"""The number that orders trades, and the seconds that a trade lies in: the same for one record as for a batch."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.preprocess.trade_columns import TradeColumns, half_second_of, second_of, trade_number

COLUMNS = TradeColumns()
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "market": st.sampled_from(["binance", "okx", "upbit", "unknown"]),
            "trade_id": st.none() | st.integers(0, 10**20).map(str) | st.text(max_size=5),
            "event_time": st.integers(-(10**12), 10**13),
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
    ("milliseconds", "second", "half_second"),
    [
        (0, 0.0, -0.5),
        (499, 0.0, -0.5),
        (500, 0.0, 0.5),
        (999, 0.0, 0.5),
        (1_000, 1.0, 0.5),
        (59_499, 59.0, 58.5),
        (59_500, 59.0, 59.5),
        (59_999, 59.0, 59.5),
    ],
)
@pytest.mark.parametrize("minute", [0, 1_790_000_040_000, -60_000])
def test_the_seconds_of_a_time(minute: int, milliseconds: int, second: float, half_second: float) -> None:
    assert (second_of(minute + milliseconds), half_second_of(minute + milliseconds)) == (second, half_second)


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
