"""What the columns of a book are, by hand; and that thousands at once give the same bits as one after the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.preprocess.book_columns import DISTANCES_BP, BookColumns
from src.preprocess.computed import Computed
from src.preprocess.depth_change import depth_change
from src.preprocess.depth_columns import DepthColumns
from src.schema.kinds import Kind
from tests.generated_books import books, depth_messages

NOTIONALS = (100, 150, 1200)
COLUMNS = BookColumns(size_levels=2, notionals_usd=NOTIONALS)


def book(bids: Sequence[Any], asks: Sequence[Any], *, valid: object = True, usd_rate: float | None = 0.5, market: str = "okx") -> dict[str, Any]:
    return {"market": market, "bids": bids, "asks": asks, "valid": valid, "usd_rate": usd_rate}


def at_once(family: Computed, records: Sequence[Mapping[str, Any]]) -> list[dict[str, float | None]]:
    """The vectorised columns, as `of` would give them one by one."""
    columns = family.columns({name: [record[name] for record in records] for name in family.reads}, len(records))
    assert set(columns) == set(family.kinds)
    assert all(values.dtype == np.float64 and len(values) == len(records) for values in columns.values())
    return [
        {name: None if math.isnan(columns[name][place]) else float(columns[name][place]) for name in family.kinds} for place in range(len(records))
    ]


def test_prices_and_sizes_by_hand() -> None:
    """USD per unit of quote 0.5, mid 100 in quote.

    Levels in USD: bids 99.5 x 2 / 2 = 99.5, 99 x 4 / 2 = 198, 98 x 10 / 2 = 490; asks 100.5, 50.5, 255. The first two: 297.5 and 151.
    10 bp of 100 are 0.1: nothing; 50 bp are 0.5: the best level each; 100 bp are 1: the two best. The third is 2 away, 200 bp.
    """
    record = book([[99.5, 2], [99.0, 4], [98.0, 10]], [[100.5, 2], [101.0, 1], [102.0, 5]])
    (found,) = at_once(COLUMNS, [record])
    assert COLUMNS.of(record) == found
    expected = {
        "best_bid": 99.5,
        "best_ask": 100.5,
        "best_bid_usd": 49.75,
        "best_ask_usd": 50.25,
        "mid_usd": 50.0,
        "spread_usd": 0.5,
        "spread_bp": 100.0,
        "crossed": 0.0,
        "bid_size_usd": 297.5,
        "ask_size_usd": 151.0,
        "bid_size_within_10bp_usd": 0.0,
        "ask_size_within_10bp_usd": 0.0,
        "bid_size_within_50bp_usd": 99.5,
        "ask_size_within_50bp_usd": 100.5,
        "bid_size_within_100bp_usd": 297.5,
        "ask_size_within_100bp_usd": 151.0,
        "bid_reach_bp": 200.0,
        "ask_reach_bp": 200.0,
    }
    assert {name: found[name] for name in expected} == expected
    assert set(found) - set(expected) == {f"{leg}_price_usd_{notional}" for leg in ("buy", "sell") for notional in NOTIONALS}


def test_walked_prices_by_hand() -> None:
    """USD per unit of quote 0.5. Asks are worth 100, 100 and 1000 USD for 2, 1 and 5 coins; bids 200 and 100 USD for 5 and 10 coins.

    Buy for 100: 2 coins, 50 each. For 150: 2.5 coins, 60 each. For 1200: all 8 coins, 150 each. Sell for 100: 2.5 coins, 40 each; for 150 the
    same price; for 300: 15 coins, 20 each; for 1200 there are not enough bids.
    """
    columns, record = BookColumns(size_levels=2, notionals_usd=(100, 150, 300, 1200, 1201)), book([[80, 5], [20, 10]], [[100, 2], [200, 1], [400, 5]])
    (walked,) = at_once(columns, [record])
    assert columns.of(record) == walked
    assert [walked[f"buy_price_usd_{notional}"] for notional in (100, 150, 1200, 1201)] == [50.0, 60.0, 150.0, None]
    assert [walked[f"sell_price_usd_{notional}"] for notional in (100, 150, 300, 1200)] == [40.0, 40.0, 20.0, None]


@pytest.mark.parametrize(
    ("record", "known"),
    [
        (book([[99, 9]], [[101, 9]], valid=False), {}),
        (book([], [], valid=False), {}),
        (book([[99, 9]], [[101, 9]], usd_rate=None), {}),
        (book([[102, 9]], [[101, 9]]), {"crossed": 1.0}),
        (book([[101, 9]], [[101, 9]]), {"crossed": 1.0}),
        (book([[-1, 9]], [[1, 9]]), {"crossed": 1.0}),
        (book([], []), {"crossed": 0.0}),
        (book(None, None), {"crossed": 0.0}),
    ],
    ids=["invalid", "invalid and empty", "no rate", "crossed", "locked", "below zero", "empty", "null"],
)
def test_a_book_that_cannot_be_used_has_no_values(record: Mapping[str, Any], known: Mapping[str, float]) -> None:
    expected = dict.fromkeys(COLUMNS.kinds) | known
    assert COLUMNS.of(record) == expected
    assert at_once(COLUMNS, [record]) == [expected]


def test_a_side_stands_without_the_other_but_what_needs_both_does_not() -> None:
    """Bids of 40 x 5 / 2 = 100 USD: 5 coins for 100, 20 each, and nothing more."""
    (found,) = at_once(COLUMNS, [book([[40, 5]], [])])
    assert COLUMNS.of(book([[40, 5]], [])) == found
    known = {"best_bid": 40.0, "best_bid_usd": 20.0, "bid_size_usd": 100.0, "sell_price_usd_100": 20.0, "crossed": 0.0}
    assert found == dict.fromkeys(COLUMNS.kinds) | known


def test_a_change_of_a_futures_book_is_no_book_and_a_book_is_no_change() -> None:
    change = book([[100, 2.5], [99, 0]], [[101, 1.25]], usd_rate=None, market="binance_futures")
    mark = change | {"bids": [], "asks": [], "valid": False}
    families = (COLUMNS, DepthColumns())
    for family in families:
        assert at_once(family, [change, mark]) == [family.of(change), family.of(mark)]
    assert set(COLUMNS.of(change).values()) == {None}
    assert DepthColumns().of(change) == {"bid_updates": 2.0, "bid_update_size": 2.5, "ask_updates": 1.0, "ask_update_size": 1.25}
    assert set(DepthColumns().of(mark).values()) == set(DepthColumns().of(book([[99, 9]], [[101, 9]])).values()) == {None}
    assert {kind for family in families for kind in family.kinds.values()} == {Kind.DOUBLE}


def test_no_records_have_no_columns_values() -> None:
    assert at_once(COLUMNS, []) == at_once(DepthColumns(), []) == []


def test_a_level_that_is_no_pair_is_not_read_as_another() -> None:
    with pytest.raises(ValueError, match="no pair"):
        at_once(COLUMNS, [book([[99, 9, 1]], [[101, 9]])])


_size = st.floats(0, 50).map(lambda value: round(value, 3)) | st.just(0)


@st.composite
def _likely(draw: st.DrawFn) -> dict[str, Any]:
    """A book whose levels are in order; every so often crossed, or without a side."""
    mid = draw(st.floats(1, 1e5))
    steps = st.lists(st.tuples(st.floats(1e-6, 0.004), _size), max_size=14)
    sides = []
    for sign in (-1, 1):
        price, levels = mid * (1 + sign * draw(st.sampled_from([1e-5, 1e-4, -1e-6]))), []
        for step, size in draw(steps):
            price += sign * mid * step
            levels.append([round(price, 6), size])
        sides.append(levels)
    return book(*sides, valid=draw(st.sampled_from([True] * 9 + [False])), usd_rate=draw(st.sampled_from([1.0, 1 / 1450, 0.5, None])))


_wild_number = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)
_wild = st.builds(
    book,
    *[st.none() | st.lists(st.lists(_wild_number, min_size=2, max_size=2), max_size=5)] * 2,
    valid=st.sampled_from([True, True, False, None]),
    usd_rate=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    market=st.sampled_from(["okx", "binance_futures"]),
)


@given(records=st.lists(_likely() | _wild, max_size=12))
def test_many_at_once_give_the_same_bits_as_one_by_one(records: list[dict[str, Any]]) -> None:
    for family in (COLUMNS, BookColumns(size_levels=10, notionals_usd=(1,)), DepthColumns()):
        assert at_once(family, records) == [dict(family.of(record)) for record in records]


def test_books_and_changes_of_books_in_one_batch() -> None:
    records = [msgspec.to_builtins(record) for record in (*books(1, 1_500), *map(depth_change, depth_messages(1, 500)))]
    for family in (BookColumns(size_levels=10, notionals_usd=(1_000, 10_000, 100_000)), DepthColumns()):
        expected = [dict(family.of(record)) for record in records]
        assert at_once(family, records) == expected
        assert all(0 < sum(values[name] is not None for values in expected) < len(records) for name in family.kinds)


def _rising(values: Sequence[float | None]) -> bool:
    """Whether they never fall (but for rounding), and are null only behind a last one."""
    known = [value for value in values if value is not None]
    is_null_from = values[len(known) :] == [None] * (len(values) - len(known))
    return is_null_from and all(low <= high * (1 + 1e-9) for low, high in pairwise(known))


@given(record=_likely())
def test_more_is_never_had_at_a_better_price(record: dict[str, Any]) -> None:
    notionals = (1, 10, 100, 1_000, 10_000, 100_000)
    found = BookColumns(size_levels=10, notionals_usd=notionals).of(record)
    bought = [found[f"buy_price_usd_{notional}"] for notional in notionals]
    sold = [found[f"sell_price_usd_{notional}"] for notional in notionals]
    assert _rising([found["best_ask_usd"], *bought])
    assert _rising([value and 1 / value for value in [found["best_bid_usd"], *sold]])


@given(record=_likely())
def test_a_wider_band_never_holds_less(record: dict[str, Any]) -> None:
    found = BookColumns(size_levels=50, notionals_usd=(1,)).of(record)
    for side in ("bid", "ask"):
        within = [found[f"{side}_size_within_{distance}bp_usd"] for distance in DISTANCES_BP]
        if within[0] is None:
            assert within == [None] * 3
            assert found["mid_usd"] is None
        else:
            assert within == sorted(within, key=float)
            assert within[-1] <= found[f"{side}_size_usd"] * (1 + 1e-12)
