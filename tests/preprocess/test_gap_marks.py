"""A gap mark is cut at the minutes: every window that it touches holds a part of it, and no other does."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.preprocess.gap_marks import LONGEST, spread_gap_mark
from src.preprocess.metric import Window
from src.schema.records import Region, Source, Trade

MINUTE = 60_000
START = 1_790_000_040_000
TIMES = st.integers(START - 10 * MINUTE, START + 10 * MINUTE)
TRADE = Trade(
    region=Region.ASIA,
    market="okx",
    symbol="BTC",
    quote="USDT",
    source=Source.LIVE,
    event_time=START + 1,
    received_time=START + 2,
    price=1.0,
    size=2.0,
)


def mark(since: int, until: int) -> Trade:
    return msgspec.structs.replace(TRADE, price=None, size=None, backfilled=True, gap_since=since, event_time=until)


def spans(since: int, until: int) -> list[tuple[int | None, int]]:
    return [(part.gap_since, part.event_time) for part in spread_gap_mark(mark(since, until))]


def test_a_trade_stays_what_it_is() -> None:
    assert list(spread_gap_mark(TRADE)) == [TRADE]


@pytest.mark.parametrize(
    ("since", "until", "parts"),
    [
        (0, 0, [(0, 0)]),
        (5, 59_999, [(5, 59_999)]),
        (59_999, 60_000, [(59_999, 59_999), (60_000, 60_000)]),
        (30_000, 150_000, [(30_000, 59_999), (60_000, 119_999), (120_000, 150_000)]),
        # What came out of order says the same.
        (150_000, 30_000, [(30_000, 59_999), (60_000, 119_999), (120_000, 150_000)]),
    ],
)
def test_it_is_cut_at_the_minutes(since: int, until: int, parts: list[tuple[int, int]]) -> None:
    assert spans(START + since, START + until) == [(START + one, START + other) for one, other in parts]


def test_a_part_says_everything_else_that_the_mark_says() -> None:
    whole = mark(START, START + 3 * MINUTE)
    for part in spread_gap_mark(whole):
        assert msgspec.structs.replace(part, gap_since=whole.gap_since, event_time=whole.event_time) == whole


@given(since=TIMES, length=st.integers(0, 10 * MINUTE), size=st.sampled_from([1, 5, 15]), offset=st.integers(0, 14))
def test_exactly_the_windows_that_the_gap_overlaps_hold_a_part(since: int, length: int, size: int, offset: int) -> None:
    window = Window(f"{size} minutes", offset=f"{offset} minutes" if offset else None)
    touched = {start for _, time in spans(since, since + length) for start in window.starts(time, window.size_ms)}
    (first,) = window.starts(since, window.size_ms)
    assert touched == set(range(first, since + length + 1, window.size_ms))


@given(since=TIMES, length=st.integers(0, 10 * MINUTE))
def test_the_parts_of_a_part_are_itself(since: int, length: int) -> None:
    for part in spread_gap_mark(mark(since, since + length)):
        assert list(spread_gap_mark(part)) == [part]


def test_the_newest_minutes_of_an_endless_gap_are_kept() -> None:
    found = spans(0, START)
    assert len(found) == LONGEST == 100_000
    assert found[-1] == (START // MINUTE * MINUTE, START)
    assert found[0][0] == (START // MINUTE - LONGEST + 1) * MINUTE
