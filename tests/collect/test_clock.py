"""One event from the future is refused; when all exchanges look ahead it is our clock, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.clock import ClockGuard
from src.errors import BadInput
from src.preprocess.admission import Admission
from tests.collect.tickers import START, ticker

MARKETS = ("upbit", "okx", "kraken")


def observed(guard: ClockGuard, leads: dict[str, int], frames: int = 1) -> list[str]:
    """Frames of each market whose events lead their reception by so many ms; returns what the user was told."""
    lines = [guard.observe(market, START + number + lead, START + number) for number in range(frames) for market, lead in leads.items()]
    return [line for line in lines if line]


def test_an_event_far_ahead_of_its_reception_is_refused_with_how_far() -> None:
    guard = ClockGuard(10)
    guard.check(START + 10_000, START)
    with pytest.raises(BadInput, match=r"^event 12 s ahead of its reception$"):
        guard.check(START + 12_000, START)


@pytest.mark.parametrize("event_time", [0, 1_230_767_999_999, 4_102_444_800_000, -5, 10**18])
def test_an_event_time_that_cannot_be_is_refused_and_moves_nothing(event_time: int) -> None:
    guard = ClockGuard(10)
    assert [guard.observe(market, event_time, event_time - 60_000) for market in MARKETS] == [None] * 3
    with pytest.raises(BadInput, match=r"outside 2009\.\.2100"):
        guard.check(event_time, event_time)
    assert Admission(60_000, 10_000).problem(ticker("okx", "BTC", "USDT", event_time=event_time)), "collected or not, it does not count"


def test_when_the_markets_agree_our_clock_is_corrected_and_the_user_told_once() -> None:
    guard = ClockGuard(10)
    lines = observed(guard, dict.fromkeys(MARKETS, 60_000), frames=50)
    assert len(lines) == 1
    assert "60.0 s behind" in lines[0]
    assert guard.corrected(START) == START + 60_000
    guard.check(START + 60_000, guard.corrected(START))


def test_a_clock_that_is_ahead_is_corrected_too() -> None:
    guard = ClockGuard(10)
    assert "30.0 s ahead of" in observed(guard, dict.fromkeys(MARKETS, -30_000))[0]
    assert guard.corrected(START) == START - 30_000


def test_one_market_alone_is_not_believed() -> None:
    guard = ClockGuard(10)
    assert observed(guard, {"upbit": 60_000}, frames=10) == []
    assert observed(guard, {"upbit": 60_000, "okx": 0, "kraken": -40}, frames=10) == []
    assert guard.corrected(START) == START


def test_markets_that_disagree_are_not_believed() -> None:
    assert observed(ClockGuard(10), {"upbit": 60_000, "okx": 200_000, "kraken": -80_000, "bybit": 900_000}, frames=10) == []


def test_when_the_clock_is_set_right_the_correction_ends() -> None:
    guard = ClockGuard(10)
    observed(guard, dict.fromkeys(MARKETS, 60_000), frames=60)
    lines = observed(guard, dict.fromkeys(MARKETS, -50), frames=200)
    assert len(lines) == 1
    assert "agrees" in lines[0]
    assert guard.corrected(START) == START


def test_single_frames_from_the_future_do_not_move_the_clock() -> None:
    guard = ClockGuard(10)
    observed(guard, dict.fromkeys(MARKETS, -50), frames=20)
    assert observed(guard, {"upbit": 10**9, "okx": 10**9}, frames=5) == []


@given(
    st.integers(-(10**7), 10**7).filter(lambda offset: not 9_000 < abs(offset) < 11_000), st.lists(st.integers(-500, 500), min_size=3, max_size=40)
)
def test_network_noise_around_any_offset_clear_of_the_limit_is_no_dead_letter(offset: int, noise: list[int]) -> None:
    guard = ClockGuard(10)
    for number, jitter in enumerate(noise):
        for market in MARKETS:
            event_time, received_time = START + number * 1000 + offset + jitter, START + number * 1000
            guard.observe(market, event_time, received_time)
            if number or market != MARKETS[0]:  # one market's first frame alone cannot tell
                guard.check(event_time, guard.corrected(received_time))
