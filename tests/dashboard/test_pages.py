"""What holds of every page: live update, one query for ten tabs, a database that dies, what is empty, what is stale, and the command."""

from __future__ import annotations

import re
import signal
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Browser, expect
from pydantic import SecretStr

from src.config.settings import Settings
from src.dashboard.view import views
from tests.dashboard.browsing import Site, command, shoot, site
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, tickers
from tests.servers import MariaDb, free_port

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("view", list(views()))
def test_an_empty_database_says_what_to_start(view: str, empty_home: Settings, browser: Browser) -> None:
    with site(empty_home, browser) as dashboard:
        page = dashboard.open(f"/{view}")
        expect(page.locator("#empty")).to_contain_text("python coin_spark.py")
        expect(page.locator(f"#to-{view}.chosen")).to_be_visible()


def test_new_rows_come_without_a_reload_and_a_pause_holds_them(empty_home: Settings, browser: Browser) -> None:
    now = round(time.time() * 1000)
    with site(empty_home, browser) as dashboard:
        page = dashboard.open("/overview")
        expect(page.locator("#empty")).to_be_visible()
        page.evaluate("window.wasHereBefore = true")
        database = Filled(empty_home.database_address)
        database.tickers(tickers(now - 2 * MINUTE, now, MINUTE, ("BTC",)))
        expect(page.locator(".tile strong")).to_have_text(["BTC"])
        page.locator("#pause").click()
        expect(page.locator("html")).to_have_attribute("data-paused", "yes")
        database.tickers(tickers(now - 2 * MINUTE, now, MINUTE, ("ETH",)))
        # Another page shows it, so the server has it; the one that is paused does not.
        expect(dashboard.open("/overview").locator(".tile strong")).to_have_text(["BTC", "ETH"])
        expect(page.locator(".tile strong")).to_have_text(["BTC"])
        page.locator("#pause").click()
        expect(page.locator(".tile strong")).to_have_text(["BTC", "ETH"])
        assert page.evaluate("window.wasHereBefore")
        database.close()


def test_ten_tabs_cost_the_database_what_one_does(market: Settings, browser: Browser) -> None:
    # A tick so long that the test is within one or two of them.
    with site(market, browser, seconds=3_000) as dashboard:
        first = dashboard.open("/overview")
        expect(first.locator("#tile-BTC")).to_be_visible()
        of_one, tick = dashboard.reading.costs.queries, dashboard.reading.tick
        for page in [dashboard.open("/overview") for _ in range(9)]:
            expect(page.locator("#tile-BTC")).to_be_visible()
        if dashboard.reading.tick == tick:
            assert dashboard.reading.costs.queries == of_one == 6


@pytest.mark.mysql
def test_a_dead_database_is_said_and_recovers_by_itself(stoppable_mysql: MariaDb, browser: Browser, tmp_path: Path) -> None:
    now = round(time.time() * 1000)
    url = stoppable_mysql.url("coin")
    database = Filled(url)
    database.tickers(tickers(now - 2 * MINUTE, now, MINUTE, ("BTC", "ETH")))
    settings = SETTINGS.model_copy(update={"home": tmp_path, "database_url": SecretStr(url)})
    with site(settings, browser) as dashboard:
        page = dashboard.open("/overview")
        expect(page.locator(".tile")).to_have_count(2)
        stoppable_mysql.kill()
        expect(page.locator("#away")).to_contain_text("cannot be reached")
        expect(page.locator("#content")).to_have_class("stale")
        expect(page.locator(".tile")).to_have_count(2)
        shoot(page, "database-away")
        expect(dashboard.open("/arbitrage").get_by_text("Nothing was read before the database went away.")).to_be_visible()
        stoppable_mysql.start()
        expect(page.locator("#away")).to_have_count(0)
        expect(page.locator("#freshness")).to_be_visible()
    database.close()


def test_old_data_is_marked_with_its_age(empty_home: Settings, browser: Browser) -> None:
    now = round(time.time() * 1000)
    database = Filled(empty_home.database_address)
    database.tickers(tickers(now - 135 * MINUTE, now - 125 * MINUTE, MINUTE, ("BTC",)))
    database.close()
    with site(empty_home, browser) as dashboard:
        page = dashboard.open("/overview")
        expect(page.locator("#freshness.stale")).to_contain_text("STALE: 2 h old")


def test_the_pace_and_the_look_are_kept_by_the_browser(dashboard: Site) -> None:
    page = dashboard.open("/overview")
    page.get_by_label("Refresh, seconds").fill("7")
    page.get_by_label("Refresh, seconds").press("Enter")
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_label("Refresh, seconds")).to_have_value("7")


def test_what_the_viewer_has_not_chosen_is_the_systems(dashboard: Site) -> None:
    page = dashboard.open("/overview")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_a_page_that_nobody_fills_says_so_and_of_when_it_is(dashboard: Site) -> None:
    page = dashboard.open("/overview")
    expect(page.locator("#tile-BTC")).to_be_visible()
    expect(page.locator("#held")).to_be_hidden()
    page.locator("#pause").click()
    expect(page.locator("#held .paused")).to_have_text("Paused. What is shown is of")
    expect(page.locator("#held .lost")).to_be_hidden()
    expect(page.locator("#held-since")).to_have_text(re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"))
    page.locator("#pause").click()
    expect(page.locator("#held")).to_be_hidden()
    # The dashboard ends, and a minute passes.
    page.route("**/_dash-update-component*", lambda route: route.abort("connectionrefused"))
    page.evaluate("() => { const began = Date.now; Date.now = () => began() + 60000; }")
    expect(page.locator("#held .lost")).to_be_visible()
    expect(page.locator("#held .lost")).to_have_text("The dashboard does not answer. What is shown is of")
    expect(page.locator("#held .paused")).to_be_hidden()
    expect(page.locator("#held-since")).to_have_attribute("title", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"))
    expect(page.locator("#tile-BTC")).to_be_visible()
    page.unroute("**/_dash-update-component*")
    expect(page.locator("#held")).to_be_hidden()


def test_a_search_is_exported_as_it_is_shown(dashboard: Site) -> None:
    page = dashboard.open("/overview")
    page.get_by_label("Search symbols").fill("x")
    expect(page.locator(".tile strong")).to_have_text(["XRP"])
    href = page.locator("#export-symbols-csv").get_attribute("href") or ""
    with urllib.request.urlopen(dashboard.address + href) as answer:  # noqa: S310
        lines = answer.read().decode("utf-8-sig").splitlines()
    assert [line.partition(",")[0] for line in lines] == ["Symbol", "XRP"]


def test_a_symbol_of_other_letters_names_its_file(dashboard: Site) -> None:
    with urllib.request.urlopen(f"{dashboard.address}/export/whales/tape.csv?symbol=%EB%B9%84") as answer:  # noqa: S310
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''coinspark-whales-tape-%EB%B9%84.csv"


def test_addresses_that_are_none(dashboard: Site) -> None:
    page = dashboard.open("/nothing")
    expect(page.get_by_text("There is no such page.")).to_be_visible()
    for path in ("/export/overview/nothing.csv", "/export/nothing/symbols.csv", "/export/overview/symbols.pdf"):
        with pytest.raises(HTTPError, match="404"):
            urllib.request.urlopen(dashboard.address + path)  # noqa: S310


def test_the_command_serves_until_it_is_stopped_and_refuses_a_taken_port(tmp_path: Path) -> None:
    port = free_port()
    running = command("dashboard", "--port", str(port), "--language", "ko", home=tmp_path)
    assert running.stderr is not None
    try:
        assert running.stderr.readline().endswith(f"The dashboard is at http://127.0.0.1:{port}/ (Ctrl-C stops it).\n")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert b"CoinSpark" in answer.read()
        second = command("dashboard", "--port", str(port), home=tmp_path)
        _, said = second.communicate(timeout=60)
        assert second.returncode == 2
        assert f"port {port} is taken by" in said
    finally:
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)
    assert (running.returncode, said) == (0, "")


def test_a_wrong_language_is_refused(tmp_path: Path) -> None:
    refused = command("dashboard", "--port", str(free_port()), "--language", "fr", home=tmp_path)
    _, said = refused.communicate(timeout=60)
    assert (refused.returncode, said) == (2, "coinspark: --language 'fr': there are en, ko\n")
