"""The histogram of an hour's notionals and the percentile read off it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.preprocess.notional_hour import hour_before, minute_of, notional_bin, percentile_usd, upper_edge


@pytest.mark.parametrize(
    ("notional", "number"),
    [
        (1.0, 0),
        (2.0, 8),
        (1024.0, 80),
        (0.5, -8),
        (1.9, 7),
        (100_000.0, 132),
        (math.nextafter(2.0, 0.0), 7),
        (1e300, 320),
        (0.0, None),
        (-1.0, None),
        (math.inf, None),
        (math.nan, None),
        (None, None),
    ],
)
def test_the_bin_of_a_notional(notional: float | None, number: int | None) -> None:
    assert notional_bin(notional) == number


@given(notional=st.floats(1e-300, 1e12))
def test_a_bin_is_an_eighth_of_an_octave(notional: float) -> None:
    number = notional_bin(notional)
    assert number is not None
    assert upper_edge(number - 1) <= notional < upper_edge(number) <= notional * 1.0906


def test_a_minute_holds_how_many_trades_there_were_and_the_bins_of_the_large_ones() -> None:
    assert minute_of(50, [20_000.0, 40_000.0, 20_100.0, None, math.inf]) == [0, 50, 114, 2, 122, 1]


def test_the_hour_before_a_minute() -> None:
    minutes = [[51, 5], [50, 6, 114, 2], [0, 7]]
    assert hour_before(minutes, 10) == [[60, 6, 114, 2], [10, 7]]
    assert hour_before(minutes, 61) == []


@pytest.mark.parametrize(
    ("minutes", "found"),
    [
        ([], None),
        ([[0, 999]], None),
        ([[0, 0], [5, 0]], None),
        ([[0, 1_000]], 10_000.0),
        ([[0, 1_000, 114, 1]], 10_000.0),
        ([[0, 1_000, 114, 1, 122, 1]], 2.0 ** (115 / 8)),
        ([[0, 400, 114, 1], [1, 600, 122, 1]], 2.0 ** (115 / 8)),
        ([[0, 1_000, 122, 2]], 2.0 ** (123 / 8)),
        ([[0, 3_000, 114, 1, 122, 3]], 2.0 ** (115 / 8)),
        ([[0, 1_000, 104, 2]], 10_000.0),
    ],
)
def test_the_percentile(minutes: list[list[int]], found: float | None) -> None:
    """99.9: of 1,000 trades the second largest, of 3,000 the fourth."""
    assert percentile_usd(minutes, 99.9, 10_000.0) == found
