"""How fast frames and records come now, and when the last one came."""

from __future__ import annotations

from src.collect.market_pace import MarketPaces
from src.collect.status import MarketStatus

NOW = 1_790_000_000_000


def test_nothing_is_said_before_there_is_something_to_compare() -> None:
    market = MarketStatus()
    MarketPaces().look({"okx": market}, 100.0, NOW)
    assert (market.last_frame_time, market.frames_per_second, market.records_per_second, market.recent_delay_ms) == (None, None, None, None)


def test_the_pace_is_of_the_last_ten_seconds_and_the_last_frame_keeps_its_time() -> None:
    market, paces = MarketStatus(), MarketPaces()
    for second in range(21):
        # Ten frames a second for ten seconds, then four.
        market.frames += 10 if second <= 10 else 4
        market.records += 5
        market.delay_ms += 250 if second <= 10 else 1_000
        market.records_seen += 5
        paces.look({"okx": market}, 100.0 + second, NOW + second * 1_000)
        if second == 10:
            assert (market.frames_per_second, market.recent_delay_ms) == (10.0, 50.0)
    assert (market.frames_per_second, market.records_per_second, market.recent_delay_ms) == (4.0, 5.0, 200.0)
    assert market.last_frame_time == NOW + 20_000
    for second in range(21, 41):
        paces.look({"okx": market}, 100.0 + second, NOW + second * 1_000)
    assert (market.frames_per_second, market.records_per_second, market.recent_delay_ms) == (0.0, 0.0, None)
    assert market.last_frame_time == NOW + 20_000


def test_a_market_that_comes_later_is_measured_since_it_came() -> None:
    okx, kraken, paces = MarketStatus(frames=7), MarketStatus(), MarketPaces()
    paces.look({"okx": okx}, 0.0, NOW)
    assert okx.last_frame_time == NOW
    kraken.frames = 30
    paces.look({"okx": okx, "kraken": kraken}, 1.0, NOW + 1_000)
    assert (kraken.frames_per_second, kraken.last_frame_time) == (None, NOW + 1_000)
    for second in range(2, 14):
        kraken.frames += 3
        paces.look({"okx": okx, "kraken": kraken}, float(second), NOW + second * 1_000)
    assert (kraken.frames_per_second, okx.frames_per_second) == (3.0, 0.0)


def test_looks_at_one_moment_divide_by_nothing() -> None:
    market, paces = MarketStatus(frames=1), MarketPaces()
    for _ in range(2):
        paces.look({"okx": market}, 5.0, NOW)
    assert market.frames_per_second is None
