"""What is old is not made new by what goes on beside it: a market, a symbol, a price."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from src.config.settings import Settings
from src.dashboard.choice import Choice
from src.dashboard.freshness import newest_event, newest_event_at, prices_since
from src.dashboard.palette import LIGHT
from src.dashboard.reading import Newest, Reading
from src.dashboard.serving import opened_reading
from src.dashboard.texts import texts
from src.dashboard.view import Loaded, Page, views
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, books, tickers, trades

START = 1_790_000_040_000
END = START + 20 * MINUTE
BEFORE = START + 15 * MINUTE
"""Until when the one is heard of that falls silent."""
LAST = END - 20_000
"""The time of the last tickers."""


def loaded(reading: Reading, settings: Settings, view: str, **choice: str) -> Loaded:
    page = Page(Choice(view, **choice), texts("en"), ZoneInfo("UTC"), LIGHT, END, settings)
    return views()[view].load(reading, page)


@contextmanager
def filled(settings: Settings, **records: Any) -> Iterator[Reading]:
    database = Filled(settings.database_address)
    for kind, found in records.items():
        getattr(database, kind)(found)
    database.close()
    with opened_reading(settings, 3_000) as reading:
        yield reading


def test_candles_are_as_old_as_their_market(empty_home: Settings) -> None:
    found = [trade for trade in trades(START, END, 6_000) if trade.market == "upbit" or trade.event_time < BEFORE]
    with filled(empty_home, trades=found) as reading:
        last = max(trade.event_time for trade in found)
        assert loaded(reading, empty_home, "candles", market="upbit").newest == last
        assert loaded(reading, empty_home, "candles", market="binance").newest == BEFORE - 6_000
        # Where there is no candle to be old.
        assert loaded(reading, empty_home, "candles", market="kraken").newest == last


def test_a_market_that_is_silent_for_longer_is_as_old_as_what_is_shown_of_it(empty_home: Settings) -> None:
    found = [trade for trade in trades(START, END, 6_000) if trade.market == "upbit" or trade.event_time < START + 2 * MINUTE]
    with filled(empty_home, trades=found) as reading:
        assert loaded(reading, empty_home, "candles", market="binance", interval="1m").newest == START + 2 * MINUTE
        newest = Newest("simulated", END - MINUTE)
        assert reading.newest("candles") == newest
        # A candle of a day ends in time to come: then it is ten minutes at least.
        assert newest_event_at(reading, newest, "trade", "binance", END + 1_000 * MINUTE) == END - 11 * MINUTE


def test_where_the_job_does_not_say_it_is_the_newest_window(empty_home: Settings) -> None:
    with filled(empty_home) as reading:
        newest = Newest("live", START)
        assert newest_event(reading, newest, "trade") == newest_event_at(reading, newest, "trade", "okx", END) == START


@pytest.fixture
def quiet(empty_home: Settings) -> Iterator[tuple[Reading, Settings]]:
    """Upbit falls silent, and whatever there is of ETH."""
    found = tickers(START, END, 20_000, ("BTC", "ETH"))
    kept = [ticker for ticker in found if ticker.event_time < BEFORE or (ticker.market != "upbit" and ticker.symbol != "ETH")]
    with filled(empty_home, tickers=kept) as reading:
        yield reading, empty_home


def test_a_price_is_of_a_market_that_goes_on_or_there_is_none(quiet: tuple[Reading, Settings]) -> None:
    bitcoin, ether = loaded(*quiet, "overview").rows
    assert (bitcoin.symbol, bitcoin.market_usd, bitcoin.market_krw) == ("BTC", "okx", "bithumb")
    assert bitcoin.change_percent is not None
    assert (ether.symbol, ether.price_usd, ether.price_krw, ether.change_percent, ether.korea_premium_percent) == ("ETH", None, None, None, None)
    assert len(ether.spark) > 10, "what it was before is no price of now, and is shown"


def test_premiums_of_a_symbol_are_as_old_as_it(quiet: tuple[Reading, Settings]) -> None:
    assert loaded(*quiet, "arbitrage", symbol="BTC").newest == LAST
    assert loaded(*quiet, "arbitrage", symbol="ETH").newest == BEFORE


def test_no_premium_is_of_a_time_to_come(quiet: tuple[Reading, Settings]) -> None:
    ends = [row["window_end"] for row in loaded(*quiet, "arbitrage", symbol="BTC").rows.regional]
    assert max(ends) == END
    assert ends == sorted(ends)


def test_a_region_that_has_fallen_silent_has_no_book_of_now(empty_home: Settings) -> None:
    found = [book for book in books(END - 6 * MINUTE, END) if book.region != "korea" or book.event_time < END - 4 * MINUTE]
    with filled(empty_home, books=found) as reading:
        shown = loaded(reading, empty_home, "orderbook").rows
    assert [row["market"] for row in shown.markets] == ["binance", "kraken", "okx"]
    assert [row["region"] for row in shown.regions] == ["asia", "ne"]
    assert {row["region"] for row in shown.course} == {"korea", "asia", "ne"}, "what it was before is shown over time"


def test_prices_are_looked_for_as_far_back_as_they_can_be_fresh() -> None:
    assert prices_since(END, SETTINGS) == END - 2 * MINUTE
    assert prices_since(END, SETTINGS.model_copy(update={"ticker_max_age_seconds": 0.5})) == END - MINUTE - 500
