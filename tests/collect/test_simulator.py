"""Simulated frames: the same for the same seed, in order, and with just the mishaps that are counted."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from src.collect.exchange import ControlKind
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Frame
from src.errors import ConfigurationError
from src.schema.records import Source
from tests.captures import BINARY_MARKETS
from tests.collect.simulated import START, SYMBOLS, TICKER_MARKETS, HalfAnHour, half_an_hour, simulator, tickers_of

HEARTBEATS = {"upbit", "bithumb", "okx", "bybit", "kraken"}
RATE_PAIRS = {(name, venue.rate_pair) for name, venue in EXCHANGES.items() if venue.rate_pair is not None}


@pytest.fixture
def half() -> HalfAnHour:
    return half_an_hour()


def test_the_same_seed_gives_the_same_frames() -> None:
    first, again, other = (list(itertools.islice(simulator(seed), 5000)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_frames_come_in_the_order_of_their_reception(half: HalfAnHour) -> None:
    times = [frame.received_time for frame in half.frames]
    assert times == sorted(times)
    assert times[0] >= START
    assert all(frame.source is Source.SIMULATED for frame in half.frames)


def test_every_frame_parses_but_the_counted_malformed_ones(half: HalfAnHour) -> None:
    assert half.malformed > 0
    assert half.counts.malformed - half.malformed in {0, 1}  # one may still be on its way


def test_frames_have_the_kind_of_the_venues_own_socket(half: HalfAnHour) -> None:
    assert {frame.market for frame in half.frames if isinstance(frame.message, bytes)} == BINARY_MARKETS


def test_every_venue_says_every_coin_in_its_quote_and_the_rate_pairs(half: HalfAnHour) -> None:
    expected = {(name, symbol, EXCHANGES[name].quotes[0]) for name in TICKER_MARKETS for symbol in SYMBOLS}
    expected |= {(name, pair.symbol, pair.quote) for name, pair in RATE_PAIRS}
    assert {(t.market, t.symbol, t.quote) for t in half.tickers} == expected


def test_quotes_can_be_chosen() -> None:
    frames = itertools.islice(simulator(exchanges=[EXCHANGES["kraken"]], quotes={"kraken": "USDT"}), 500)
    pairs = {(ticker.symbol, ticker.quote) for frame in frames for ticker in tickers_of(frame)}
    assert pairs == {(symbol, "USDT") for symbol in SYMBOLS} | {("USDT", "USD")}


def test_the_rate_is_the_mean_number_of_frames(half: HalfAnHour) -> None:
    pairs = len(TICKER_MARKETS) * len(SYMBOLS) + len(RATE_PAIRS)
    assert len(half.frames) / 1800 / pairs == pytest.approx(2.0, rel=0.15)


def test_delays_are_of_a_network_but_for_the_late_frames(half: HalfAnHour) -> None:
    delays = [t.received_time - t.event_time for t in half.tickers]
    usual = [delay for delay in delays if delay <= 200]
    late = [delay for delay in delays if delay > 200]
    assert min(usual) >= 20
    assert late
    assert min(late) >= 2_000
    assert max(late) > 60_000
    assert len(late) <= half.counts.late < len(delays) / 100


def test_some_frames_come_twice(half: HalfAnHour) -> None:
    copies = [n - 1 for n in Counter((f.market, f.message) for f in half.frames if b"pong" not in _raw(f) and b"trade" in _raw(f)).values()]
    assert 0 < sum(copies) <= half.counts.duplicated


def _raw(frame: Frame) -> bytes:
    return frame.message if isinstance(frame.message, bytes) else frame.message.encode()


def test_heartbeats_come_in_each_venues_own_words(half: HalfAnHour) -> None:
    assert {frame.market for frame, _ in half.controls} == HEARTBEATS
    assert {control.kind for _, control in half.controls} == {ControlKind.HEARTBEAT}
    assert half.counts.heartbeats - len(half.controls) in range(len(HEARTBEATS) + 1)  # the last may still be on their way


def test_venues_fall_silent_now_and_then(half: HalfAnHour) -> None:
    assert half.counts.gaps > 0
    longest = {}
    for market in TICKER_MARKETS:
        times = [frame.received_time for frame in half.frames if frame.market == market]
        longest[market] = max(later - earlier for earlier, later in itertools.pairwise(times))
    assert max(longest.values()) > 3_000
    assert max(longest.values()) < 15_000


def test_memory_stays_bounded() -> None:
    source = simulator(symbols=("BTC",), rate=0.5)
    held = []
    for _ in range(5):
        for _ in itertools.islice(source, 2000):
            pass
        held.append(len(source._in_flight) + len(source._upcoming))
    assert max(held) < 40


def test_nothing_to_simulate_is_said() -> None:
    with pytest.raises(ConfigurationError, match="COINSPARK_SYMBOLS"):
        simulator(symbols=())
