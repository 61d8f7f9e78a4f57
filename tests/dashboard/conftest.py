"""A browser for the run, and a database with half an hour of every job."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from pydantic import SecretStr

from src.config.settings import Settings
from tests.dashboard.browsing import Site, chromium, site
from tests.dashboard.live_clients import START, SYMBOLS
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, books, tickers, trades
from tests.dashboard.served import Served, served


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all pages. It goes with them: while it is there, its event loop is the thread's own, and no test could run another."""
    with sync_playwright() as playwright:
        found = chromium(playwright)
        yield found
        found.close()


@pytest.fixture(scope="session")
def now() -> int:
    """When the tests' data ends, ms since 1970 UTC; for pictures some minutes ahead, as they are taken until long after."""
    return round(time.time() * 1000) + (5 * MINUTE if os.environ.get("TEST_SCREENSHOTS") else 0)


@pytest.fixture(scope="session")
def gap(now: int) -> tuple[int, int]:
    """Minutes without trades, of which the ledger knows."""
    start = now // MINUTE * MINUTE
    return start - 20 * MINUTE, start - 16 * MINUTE


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory, now: int, gap: tuple[int, int]) -> Iterator[Settings]:
    """Settings of a database with three quarters of an hour of all jobs."""
    home = tmp_path_factory.mktemp("dashboard")
    settings = SETTINGS.model_copy(update={"home": home, "database_url": SecretStr(f"sqlite:///{home / 'coin.db'}")})
    filled = Filled(settings.database_address)
    filled.tickers(tickers(now - 32 * MINUTE, now))
    filled.books(books(now - 6 * MINUTE, now))
    # Six seconds apart, from three past the minute: never beside its turn, which would make a row of the second that it cuts.
    filled.trades(trades((now // MINUTE - 60) * MINUTE + 3_000, now, gaps=[gap]))
    filled.event(
        event_id="1", kind="gap", market="binance", channel="trade", symbol="BTC", source="simulated", event_time=gap[1],
        first_time=gap[0], last_time=gap[1], detail="connection lost: the exchange closed it",
    )  # fmt: skip
    yield settings
    filled.close()


@pytest.fixture
def dashboard(market: Settings, browser: Browser) -> Iterator[Site]:
    with site(market, browser) as found:
        yield found


@pytest.fixture
def empty_home(tmp_path: Path) -> Settings:
    """Settings of a database that nobody has made."""
    return SETTINGS.model_copy(update={"home": tmp_path, "database_url": SecretStr(f"sqlite:///{tmp_path / 'coin.db'}")})


@pytest.fixture(scope="session")
def api(market: Settings) -> Iterator[Served]:
    """The API over three quarters of an hour of all jobs; a tick is so long that a test is within one or two of them."""
    with served(market, seconds=3_000) as found:
        yield found


@pytest.fixture
def database(empty_home: Settings) -> Iterator[Filled]:
    filled = Filled(empty_home.database_address)
    filled.tickers(tickers(START, START + 2 * MINUTE, MINUTE, SYMBOLS), ("arbitrage", "market_arbitrage"))
    yield filled
    filled.close()


@pytest.fixture
def live(empty_home: Settings, database: Filled) -> Iterator[Served]:
    del database
    with served(empty_home, seconds=0.1) as found:
        yield found
