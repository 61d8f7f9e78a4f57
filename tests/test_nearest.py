"""What a wrong word may have been meant to be."""

from __future__ import annotations

import pytest

from src.nearest import did_you_mean, nearest, one_of

MARKETS = ("binance", "binance_futures", "bithumb", "upbit", "okx", "kraken")


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("upbitt", ["upbit"]),
        ("UPBIT", ["upbit"]),
        ("binanse", ["binance"]),
        ("krakn", ["kraken"]),
        ("b", ["binance", "binance_futures", "bithumb"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_the_nearest_words(word: str, found: list[str]) -> None:
    assert nearest(word, MARKETS) == found


def test_a_faint_likeness_counts_where_it_is_asked_for() -> None:
    topics = ("RegionKorea_TickerPreprocessing", "DeadLetter")
    assert nearest("korea_ticker", topics) == []
    assert nearest("korea_ticker", topics, faint=True)[0] == "RegionKorea_TickerPreprocessing"


def test_what_is_said_behind_the_word() -> None:
    assert did_you_mean("ETHH", ("ETH", "BTC"), "look elsewhere") == "did you mean ETH?"
    assert did_you_mean("ZZZ", ("ETH", "BTC"), "look elsewhere") == "look elsewhere"
    assert one_of("tikcer", ("ticker", "trade"), "There are") == "did you mean ticker? There are ticker, trade"
    assert one_of("zzz", ("ticker", "trade"), "There are") == "There are ticker, trade"
