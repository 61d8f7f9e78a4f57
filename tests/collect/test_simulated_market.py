"""The simulated market shows everything that a market does and the metrics look for."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from datetime import datetime
from statistics import correlation, fmean, median

import pytest

from src.collect.exchanges import EXCHANGES
from tests.collect.simulated import START, SYMBOLS, TICKER_MARKETS, HalfAnHour, half_an_hour, simulator, take_until, tickers_of


@pytest.fixture
def half() -> HalfAnHour:
    return half_an_hour()


def test_coins_move_together_and_the_more_so_across_venues(half: HalfAnHour) -> None:
    def returns(market: str, symbol: str) -> dict[int, float]:
        prices = half.prices(market, symbol)
        # By the minute, where the noise of one venue has gone; without whales, which would be all that one sees.
        moves = {number: math.log(prices[number] / prices[number - 6]) for number in prices if number - 6 in prices}
        return {number: move for number, move in moves.items() if abs(move) < 0.004}

    def together(first: dict[int, float], second: dict[int, float]) -> float:
        shared = sorted(first.keys() & second.keys())
        return correlation([first[number] for number in shared], [second[number] for number in shared])

    assert together(returns("okx", "BTC"), returns("binance", "BTC")) > 0.6
    assert together(returns("okx", "BTC"), returns("upbit", "BTC")) > 0.3
    assert together(returns("okx", "BTC"), returns("okx", "ETH")) > 0.2


def test_korea_is_dearer_by_one_to_four_percent(half: HalfAnHour) -> None:
    rate, korea, abroad = half.prices("upbit", "USDT"), half.prices("upbit", "BTC"), half.prices("okx", "BTC")
    premiums = [korea[n] / rate[n] / abroad[n] - 1 for n in rate.keys() & korea.keys() & abroad.keys()]
    assert 0.01 < median(premiums) < 0.04
    assert max(premiums) > min(premiums)


def test_the_dollar_rates_are_those_of_our_days(half: HalfAnHour) -> None:
    assert fmean(half.prices("upbit", "USDT").values()) == pytest.approx(1450, rel=0.01)
    assert fmean(half.prices("kraken", "USDT").values()) == pytest.approx(1, rel=0.005)
    assert half.prices("upbit", "USDT") != half.prices("bithumb", "USDT")


def test_best_bid_is_below_best_ask_and_the_price_is_one_of_them(half: HalfAnHour) -> None:
    for ticker in half.tickers:
        if ticker.bid is not None and ticker.ask is not None:
            assert ticker.bid < ticker.ask
            assert ticker.price in (ticker.bid, ticker.ask)


def test_the_price_is_within_the_days_high_and_low(half: HalfAnHour) -> None:
    for t in half.tickers:
        assert t.price is not None
        assert t.low is not None
        assert t.high is not None
        assert t.low <= t.price <= t.high


def test_a_whale_moves_a_price_by_two_percent_within_five_minutes(half: HalfAnHour) -> None:
    assert half.counts.whales > 0
    alarms = 0
    for symbol in SYMBOLS:
        prices = half.prices("okx", symbol)
        alarms += sum(abs(prices[n] / prices[n - 30] - 1) >= 0.02 for n in prices if n - 30 in prices)
    assert alarms > 0


def test_a_whale_trades_in_a_moment_what_a_market_trades_in_minutes(half: HalfAnHour) -> None:
    """A thousandth of a day's volume is that of 86 seconds; no silence of a venue is so long."""
    jumps = 0
    for market, symbol in itertools.product(TICKER_MARKETS, SYMBOLS):
        volumes = [t.volume_24h for t in half.in_event_order(market, symbol) if t.volume_24h is not None]
        jumps += sum(after > before * 1.004 for before, after in itertools.pairwise(volumes))
    assert 0 < jumps <= half.counts.whales


def test_activity_comes_in_bursts(half: HalfAnHour) -> None:
    seconds = Counter(t.event_time // 1000 for t in half.tickers if t.symbol == "BTC")
    calm = median(seconds.values())
    assert max(seconds.values()) > 3 * calm


@pytest.mark.parametrize(("market", "midnight"), [("bithumb", "2026-11-20T15:00:00+00:00"), ("upbit", "2026-11-20T00:00:00+00:00")])
def test_volumes_of_the_day_begin_anew_at_the_venues_midnight(half: HalfAnHour, market: str, midnight: str) -> None:
    """The half hour has Seoul's midnight in it, and not UTC's."""
    resets = int(datetime.fromisoformat(midnight).timestamp() * 1000)
    by_day: defaultdict[int | None, list[float]] = defaultdict(list)
    for ticker in half.in_event_order(market, "BTC"):
        assert ticker.acc_volume is not None
        by_day[ticker.acc_since].append(ticker.acc_volume)
    assert sorted(by_day, key=str) == ([resets - 86_400_000, resets] if resets > START else [resets])
    assert all(volumes == sorted(volumes) for volumes in by_day.values())
    if resets > START:
        assert by_day[resets][0] < by_day[resets - 86_400_000][-1] / 100


def test_a_coin_that_is_not_known_has_a_price_of_its_own_and_the_same_for_a_seed(half: HalfAnHour) -> None:
    unknown = half.prices("okx", "WXYZ")
    assert all(price > 0 for price in unknown.values())
    again = [t for f in itertools.islice(simulator(), 300) if f.market == "okx" for t in tickers_of(f) if t.symbol == "WXYZ"]
    assert again[0] == half.in_event_order("okx", "WXYZ")[0]
    other = [t for f in itertools.islice(simulator(8), 300) if f.market == "okx" for t in tickers_of(f) if t.symbol == "WXYZ"]
    assert other[0].price != pytest.approx(again[0].price, rel=0.05)


def test_prices_stay_plausible_for_days() -> None:
    okx = EXCHANGES["okx"]
    source = simulator(symbols=("BTC",), exchanges=[okx], rate=1 / 600)
    frames = take_until(source, START + 30 * 86_400_000)
    prices = [t.price for frame in frames for t in tickers_of(frame) if t.price is not None]
    assert all(45_000 < price < 95_000 for price in prices)
