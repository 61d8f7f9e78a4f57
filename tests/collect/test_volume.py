"""Traded volume is the increase of the volume since midnight; what cannot be known is null."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.volume import TradedVolume
from tests.collect.tickers import ticker

MIDNIGHT = 1_779_926_400_000
DAY = 86_400_000


def traded(*counted: tuple[float | None, int | None]) -> list[float | None]:
    volume = TradedVolume()
    return [volume.traded(ticker(acc_volume=amount, acc_since=since)) for amount, since in counted]


def test_the_first_record_tells_nothing_and_the_next_the_increase() -> None:
    assert traded((10.0, MIDNIGHT), (12.5, MIDNIGHT), (12.5, MIDNIGHT)) == [None, 2.5, 0.0]


def test_a_record_that_comes_late_is_null_and_counts_nothing_twice() -> None:
    assert traded((10.0, MIDNIGHT), (12.0, MIDNIGHT), (11.0, MIDNIGHT), (13.0, MIDNIGHT)) == [None, 2.0, None, 1.0]


def test_after_midnight_the_count_starts_from_zero() -> None:
    assert traded((900.0, MIDNIGHT), (3.0, MIDNIGHT + DAY), (4.0, MIDNIGHT + DAY)) == [None, 3.0, 1.0]
    assert traded((900.0, MIDNIGHT), (3.0, MIDNIGHT + DAY), (901.0, MIDNIGHT)) == [None, 3.0, None]


def test_a_missed_day_cannot_be_known() -> None:
    assert traded((900.0, MIDNIGHT), (3.0, MIDNIGHT + 2 * DAY), (5.0, MIDNIGHT + 2 * DAY)) == [None, None, 2.0]


def test_a_venue_that_does_not_count_from_midnight_has_none() -> None:
    assert traded((None, None), (5.0, None), (None, MIDNIGHT)) == [None, None, None]


def test_prices_do_not_mix() -> None:
    volume = TradedVolume()
    one = [ticker(market, symbol, quote, acc_volume=5.0, acc_since=MIDNIGHT) for market, symbol, quote in
           [("upbit", "BTC", "KRW"), ("bithumb", "BTC", "KRW"), ("upbit", "ETH", "KRW"), ("upbit", "BTC", "USDT")]]  # fmt: skip
    assert [volume.traded(record) for record in one] == [None] * 4


@given(st.permutations(range(20)))
def test_whatever_the_order_the_sum_is_the_increase_since_the_first(order: list[int]) -> None:
    amounts = [volume for volume in traded(*((float(amount), MIDNIGHT) for amount in order)) if volume is not None]
    assert sum(amounts) == pytest.approx(max(order) - order[0])
    assert all(amount >= 0 for amount in amounts)
