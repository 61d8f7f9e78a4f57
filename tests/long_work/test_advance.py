"""The figures of a long work, by a clock of the test's own."""

from __future__ import annotations

import pytest

from src.long_work import Advance


def test_amount_rate_and_what_is_left() -> None:
    advance = Advance("frames", 5_000)
    advance.reach(0, 100.0)
    assert advance.text() == "0 of 5,000 frames"
    advance.reach(1_200, 110.0)
    assert (advance.rate, advance.left) == (120.0, 3_800)
    assert advance.text() == "1,200 of 5,000 frames, 120 frames/s, 32 s left"
    assert advance.fields() == {"unit": "frames", "done": 1_200, "total": 5_000, "rate": 120.0, "left": 3_800, "seconds_left": 31.7}


def test_without_a_total_nothing_is_made_up() -> None:
    advance = Advance("rows")
    advance.reach(0, 0.0)
    advance.reach(5, 2.0)
    assert (advance.left, advance.seconds_left) == (None, None)
    assert advance.text() == "5 rows, 2.5 rows/s"
    assert set(advance.fields()) == {"unit", "done", "rate"}


def test_the_rate_is_that_of_late() -> None:
    advance = Advance("rows", 100_000)
    for second in range(101):
        advance.reach(1_000 * min(second, 50), float(second))
    assert advance.rate == 0.0, "nothing has come for fifty seconds"
    assert advance.seconds_left is None
    assert advance.text() == "50,000 of 100,000 rows, 0 rows/s"


def test_many_calls_take_no_room() -> None:
    advance = Advance("rows")
    for call in range(10_000):
        advance.reach(call, call / 1_000)
    assert len(advance._seen) < 60
    assert advance.rate == pytest.approx(1_000)


@pytest.mark.parametrize(
    ("left", "said"), [(59.4, "59 s left"), (60, "1:00 min left"), (3_599, "59:59 min left"), (3_600, "1:00 h left"), (7_530, "2:05 h left")]
)
def test_long_times_are_said_in_minutes_and_hours(left: float, said: str) -> None:
    advance = Advance("rows", left)
    advance.reach(-1, 0.0)
    advance.reach(0, 1.0)
    assert advance.text().endswith(said)


def test_of_a_time_no_rate_is_said() -> None:
    advance = Advance("s", 60)
    advance.reach(0, 0.0)
    advance.reach(20, 20.0)
    assert advance.text() == "20 of 60 s, 40 s left"
