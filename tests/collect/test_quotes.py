"""The quote currency that the settings choose is the same one for sockets, the simulator and the metrics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from src.collect.exchanges import exchange
from src.collect.quotes import chosen_quote
from src.collect.simulator import MarketSimulator
from src.collect.wanted import choose_pairs
from src.config import Settings, load_settings
from src.errors import ConfigurationError
from src.preprocess.venues import venues
from tests.collect.simulated import START, take_until, tickers_of

KRAKEN = exchange("kraken")


def subscribed(settings: Settings) -> set[str]:
    return {pair.quote for pair in choose_pairs({"kraken": KRAKEN}, settings, {}).pairs["kraken"] if pair != KRAKEN.rate_pair}


def simulated(settings: Settings) -> set[str]:
    frames = MarketSimulator(seed=7, exchanges=[KRAKEN], symbols=settings.symbols, quotes=settings.quotes, start_time_ms=START)
    return {record.quote for frame in take_until(frames, START + 20_000) for record in tickers_of(frame) if record.symbol in settings.symbols}


def compared(settings: Settings) -> set[str]:
    return {venue.quote for venue in venues(settings)}


everywhere = pytest.mark.parametrize("quotes", [subscribed, simulated, compared])


@everywhere
@pytest.mark.parametrize(("chosen", "used"), [({}, "USD"), ({"kraken": "USDT"}, "USDT"), ({"kraken": "usdt"}, "USDT"), ({"okx": "USDC"}, "USD")])
def test_one_quote_is_used_everywhere(tmp_path: Path, quotes: Callable[[Settings], set[str]], chosen: dict[str, str], used: str) -> None:
    assert quotes(load_settings(home=tmp_path, markets=("kraken",), symbols=("BTC",), quotes=chosen)) == {used}


@everywhere
def test_a_quote_that_the_exchange_does_not_have_is_refused_everywhere(tmp_path: Path, quotes: Callable[[Settings], set[str]]) -> None:
    with pytest.raises(ConfigurationError, match=r"COINSPARK_QUOTES: kraken .* DOGE .* USD"):
        quotes(load_settings(home=tmp_path, markets=("kraken",), symbols=("BTC",), quotes={"kraken": "doge"}))


def test_without_a_choice_it_is_the_first_of_the_exchange() -> None:
    assert chosen_quote(KRAKEN, {}) == KRAKEN.quotes[0]
