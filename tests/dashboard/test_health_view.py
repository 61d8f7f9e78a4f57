"""Health in a browser: all well, every trouble, what is of an earlier run, a database that is away, and what the page itself costs."""

from __future__ import annotations

import csv
import io
import re
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from src.config.settings import Settings
from tests.dashboard.browsing import Site, shoot, site
from tests.dashboard.markets import MINUTE, Filled
from tests.dashboard.statuses import LOST, REFUSED, collector, job, market_status, reporting, write, write_all_well, write_troubles
from tests.servers import MariaDb

pytestmark = pytest.mark.browser


def clock() -> int:
    """Now, ms since 1970 UTC: pages go by the real clock."""
    return round(time.time() * 1000)


@pytest.fixture
def home(market: Settings, tmp_path: Path) -> Settings:
    """Settings of a home where nothing has run yet, and of the database that all tests share."""
    return market.model_copy(update={"home": tmp_path})


def rows(page: Page, sheet: str) -> list[list[str]]:
    """The cells of a table on the page, all at one moment."""
    found: list[list[str]] = page.evaluate(
        "name => [...document.querySelectorAll(`#table-${name} tbody tr`)].map(row => [...row.cells].map(cell => cell.innerText))", sheet
    )
    return found


def exported(dashboard: Site, page: Page, sheet: str) -> list[list[str]]:
    href = page.locator(f"#export-{sheet}-csv").get_attribute("href") or ""
    with urllib.request.urlopen(dashboard.address + href) as answer:  # noqa: S310
        return list(csv.reader(io.StringIO(answer.read().decode("utf-8-sig"))))


def test_all_is_well(home: Settings, browser: Browser) -> None:
    with site(home, browser) as dashboard, reporting(home.home, write_all_well):
        page = dashboard.open("/health", height=1500)
        expect(page.locator("#summary")).to_have_text("All is well. Markets: 5, jobs: 3.")
        expect(page.locator("#freshness")).to_contain_text("Live · newest report")
        expect(page.locator("#job-ticker .head")).to_have_text("Ticker jobwell")
        figures = page.locator("#job-ticker dl")
        for said in (
            "Batch4,812",
            "Input, records/s412.5",
            "Processing, records/s1,630",
            "Lag, records96",
            "Late records2 (Upbit 2)",
            "Dead letters1",
        ):
            expect(figures).to_contain_text(said)
        feeds = rows(page, "feeds")
        assert [(line[0], line[1]) for line in feeds][-1] == ("Bank rate", "ticker")
        assert [line[0] for line in feeds if line[1] == "ticker"] == ["Binance", "Bithumb", "Kraken", "OKX", "Upbit", "Bank rate"]
        assert {line[2] for line in feeds} == {"well"}
        assert {line[4] for line in feeds[:-1]} == {"37.20"}
        # The ledger knows of one gap of BTC's trades on Binance, which the trades' collector tells of.
        assert {(line[0], line[7]) for line in feeds if "trade" in line[1]} == {("Binance", "1")} | {
            (name, "0") for name in ("Bithumb", "Kraken", "OKX", "Upbit")
        }
        (event,) = rows(page, "events")
        assert event[1:6] == ["gap", "Binance", "trade", "BTC", "4 min"]
        assert [line[:3] for line in rows(page, "collectors")] == [["orderbook, trade", "4712", "well"], ["ticker", "4711", "well"]]
        shoot(page, "health")


def test_troubles_are_named_first_of_all(home: Settings, browser: Browser) -> None:
    with site(home, browser) as dashboard, reporting(home.home, write_troubles):
        page = dashboard.open("/health", height=1700)
        expect(page.locator("#summary strong").first).to_have_text("To look after: 8")
        said = page.locator("#summary li")
        expect(said).to_have_count(8)
        text = page.locator("#summary").inner_text()
        for line in (
            "Ticker job ⚠ behind 250,000 records wait",
            f"Order-book job ✖ failed {REFUSED}",
            "Trade job ⚠ parks batches batches wait on disk: 7 (MySQL 7)",
            "Collector of orderbook ✖ failed Kafka does not answer",
            "Kraken (ticker) ⚠ stale last frame",
            "Binance (ticker) ⚠ stale no frame yet",
        ):
            # Signs before a state are the style sheet's, which is no text.
            assert re.sub(r"[⚠✖] ", "", line) in text
        assert re.search(r"Collector of trade silent has said nothing for \d min: it was ended from outside, or hangs", text)
        assert re.search(rf"OKX \(ticker\) not connected last frame \d+ (s|min) ago · {re.escape(LOST)}", text)
        expect(page.locator("#job-orderbook")).to_contain_text("Of an earlier run: the figures are those that it left.")
        expect(page.locator("#job-ticker")).to_contain_text("Sink failures12 (MySQL 12)")
        silent = next(line for line in rows(page, "feeds") if line[:2] == ["Upbit", "trade"])
        assert (silent[2], silent[4], silent[5]) == ("silent", "–", "–"), "a rate of then is none of now"
        shoot(page, "health-troubles")


def test_what_starts_and_what_ends_is_shown_without_a_reload(home: Settings, browser: Browser) -> None:
    def starting(home: Path, now: int) -> None:
        write(home, job(now, "trade", state="starting", batch_id=None, lag_records=None, input_records_per_second=None))

    def collecting(home: Path, now: int) -> None:
        write(home, collector(now, ("trade",), {"okx": market_status(now)}, 1))

    with site(home, browser) as dashboard:
        page = dashboard.open("/health")
        expect(page.locator("#empty")).to_contain_text("python coin_spark.py ticker")
        with reporting(home.home, starting):
            expect(page.locator("#job-trade .condition")).to_have_text("starting")
            expect(page.locator("#section-feeds")).to_contain_text("python coin_spark.py collect")
        with reporting(home.home, collecting):
            expect(page.locator("#table-feeds tbody tr")).to_have_count(1)
        now = clock()
        write(home.home, job(now, "trade", state="stopped"), collector(now, ("trade",), {"okx": market_status(now)}, 1, state="stopped"))
        expect(page.locator("#summary")).to_have_text("Nothing runs now: what follows is of the last run.")
        expect(page.locator("#job-trade.ended .condition")).to_have_text("stopped")


def test_old_reports_are_marked_and_nothing_of_them_is_shown_as_of_now(home: Settings, browser: Browser) -> None:
    with site(home, browser) as dashboard:
        write_all_well(home.home, clock() - 125 * MINUTE)
        page = dashboard.open("/health")
        expect(page.locator("#freshness.stale")).to_contain_text("STALE: 2 h old")
        expect(page.locator("#summary strong").first).to_have_text("To look after: 5")
        expect(page.locator("#job-ticker .condition")).to_have_text("silent")
        assert {line[2] for line in rows(page, "feeds")} == {"silent"}
        expect(page.locator("#content")).to_have_class("stale")


def test_tables_are_exported_with_all_digits(home: Settings, browser: Browser) -> None:
    with site(home, browser) as dashboard, reporting(home.home, write_troubles):
        page = dashboard.open("/health")
        expect(page.locator("#table-feeds")).to_be_visible()
        feeds = exported(dashboard, page, "feeds")
        assert feeds[0][:6] == ["Market", "Channels", "State", "Last frame (s)", "Messages/s", "Delay, ms"]
        kraken = next(line for line in feeds if line[0] == "kraken")
        assert (kraken[2], kraken[4]) == ("stale", "0.0")
        assert float(kraken[3]) >= 95
        jobs = exported(dashboard, page, "jobs")
        assert next(line for line in jobs if line[0] == "ticker")[1] == "behind"
        assert jobs[0][-2:] == ["Parked batches", "Message"]
        for sheet in ("events", "collectors", "questions"):
            assert len(exported(dashboard, page, sheet)) >= 2
            with urllib.request.urlopen(f"{dashboard.address}/export/health/{sheet}.xlsx") as answer:  # noqa: S310
                assert answer.read(2) == b"PK"


def test_the_debug_panel_says_what_each_question_costs_and_how_many_pages_share_it(home: Settings, browser: Browser) -> None:
    with site(home, browser) as dashboard, reporting(home.home, write_all_well):
        health = dashboard.open("/health", height=1500)
        others = [dashboard.open("/overview") for _ in range(2)]
        for page in others:
            expect(page.locator("#tile-BTC")).to_be_visible()
        line_of = "name => [...document.querySelectorAll('#table-questions tbody tr')].find(row => row.cells[0].innerText === name)"
        for name, pages in (("market_arbitrage_signal", "2"), ("collector_events", "1")):
            health.wait_for_function(f"([name, pages]) => ({line_of})(name)?.cells[6].innerText === pages", arg=[name, pages])
        line = next(line for line in rows(health, "questions") if line[0] == "market_arbitrage_signal")
        assert line[1] == "source = simulated"
        assert float(line[3]) > 0
        assert int(line[4].replace(",", "")) > 0
        assert line[5].endswith(" s")


@pytest.mark.mysql
def test_health_is_there_while_the_database_is_not(stoppable_mysql: MariaDb, home: Settings, browser: Browser) -> None:
    url = stoppable_mysql.url("coin")
    database = Filled(url)
    settings = home.model_copy(update={"database_url": SecretStr(url)})
    with site(settings, browser) as dashboard, reporting(home.home, write_all_well):
        page = dashboard.open("/health")
        expect(page.locator("#section-events")).to_contain_text("Nothing in the last hour")
        stoppable_mysql.kill()
        expect(page.locator("#away")).to_contain_text("cannot be reached")
        expect(page.locator("#job-ticker .condition")).to_have_text("well")
        assert {line[7] for line in rows(page, "feeds")} == {"–"}, "without the ledger nobody knows of the last hour"
        stoppable_mysql.start()
        expect(page.locator("#away")).to_have_count(0)
        expect(page.locator("#section-events")).to_contain_text("Nothing in the last hour")
    database.close()
