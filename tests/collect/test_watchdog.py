"""Silence."""

from __future__ import annotations

from src.collect.exchanges.okx import Okx
from src.collect.parsed import Pair
from src.collect.watchdog import Watchdog

OKX = Okx()
BTC, ETH = Pair("BTC", "USDT"), Pair("ETH", "USDT")


class TestWatchdog:
    def test_a_silent_pair_is_found_after_its_patience_and_then_after_twice_that(self) -> None:
        watchdog = Watchdog([BTC, ETH], 60.0)
        watchdog.begin(0.0)
        found = []
        for now in range(1000):
            watchdog.saw([("BTC", "USDT"), ("XRP", "USDT")], float(now))
            found += [(now, pair) for pair in watchdog.stale(float(now))]
            assert not watchdog.is_all_silent(float(now))
        assert found == [(60, ETH), (180, ETH), (420, ETH), (900, ETH)]

    def test_data_makes_it_impatient_again(self) -> None:
        watchdog = Watchdog([BTC], 60.0)
        watchdog.begin(0.0)
        assert watchdog.stale(60.0) == [BTC]
        watchdog.saw([("BTC", "USDT")], 100.0)
        assert watchdog.stale(159.0) == []
        assert watchdog.stale(160.0) == [BTC]

    def test_patience_ends_at_an_hour(self) -> None:
        watchdog = Watchdog([BTC], 1800.0)
        watchdog.begin(0.0)
        assert [now for now in range(0, 20_000, 100) if watchdog.stale(float(now))] == [1800, 5400, 9000, 12600, 16200, 19800]

    def test_a_whole_socket_is_silent_when_no_pair_of_it_gives_data(self) -> None:
        watchdog = Watchdog([BTC, ETH], 60.0)
        watchdog.begin(0.0)
        watchdog.saw([("BTC", "USDT")], 30.0)
        assert not watchdog.is_all_silent(89.0)
        assert watchdog.is_all_silent(90.0)

    def test_a_socket_that_never_gives_data_is_given_up_ever_more_seldom(self) -> None:
        watchdog = Watchdog([BTC], 60.0)
        watchdog.begin(0.0)
        assert watchdog.is_all_silent(60.0)
        watchdog.begin(61.0)
        assert not watchdog.is_all_silent(180.0)
        assert watchdog.is_all_silent(181.0)
        watchdog.begin(200.0)
        watchdog.saw([("BTC", "USDT")], 201.0)
        assert watchdog.is_all_silent(261.0)
