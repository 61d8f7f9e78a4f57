"""The overview in a browser: tiles, order, search, address, live update, languages, narrow and dark."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.dashboard.browsing import Site, shoot

pytestmark = pytest.mark.browser


def test_a_tile_for_each_symbol_with_its_prices_and_changes(dashboard: Site) -> None:
    page = dashboard.open("/overview")
    expect(page.locator(".tile strong")).to_have_text(["BTC", "ETH", "SOL", "XRP"])
    bitcoin = page.locator("#tile-BTC")
    expect(bitcoin.locator(".price")).to_contain_text("$ 8")
    expect(bitcoin.locator(".second")).to_contain_text("₩ 12")
    expect(bitcoin.locator(".head small")).to_have_text("OKX · Upbit")
    expect(bitcoin.locator("dd").nth(0)).to_contain_text("%")
    expect(bitcoin.locator("dd").nth(1)).to_contain_text("▲ +2.")
    expect(page.locator("#freshness")).to_contain_text("Simulated")
    shoot(page, "overview")


def test_the_address_sorts_and_the_field_searches(dashboard: Site) -> None:
    page = dashboard.open("/overview?sort=price")
    expect(page.locator(".tile strong")).to_have_text(["BTC", "ETH", "SOL", "XRP"])
    page.get_by_label("Search symbols").fill("x")
    expect(page.locator(".tile strong")).to_have_text(["XRP"])
    page.get_by_label("Search symbols").fill("nothing like it")
    expect(page.get_by_text("No symbol matches the search.")).to_be_visible()
    page.get_by_label("Search symbols").fill("")
    page.locator("#choose-sort-symbol").click()
    expect(page).to_have_url(dashboard.address + "/overview?sort=symbol")


def test_korean_dark_and_narrow(dashboard: Site) -> None:
    page = dashboard.open("/overview", width=400, height=860, dark=True)
    expect(page.locator("#tile-BTC")).to_be_visible()
    page.locator("#language").click()
    expect(page.locator("#to-overview")).to_have_text("개요")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shoot(page, "overview-400-dark-korean")
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_everything_is_reached_by_the_keyboard(dashboard: Site) -> None:
    page = dashboard.open("/overview")
    expect(page.locator("#tile-BTC")).to_be_visible()
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"to-overview", "search", "seconds", "pause", "theme", "language", "choose-sort-premium", "tile-BTC", "export-symbols-csv"} <= reached


def test_times_are_the_viewers_and_utc_on_hover(dashboard: Site) -> None:
    page = dashboard.open("/overview")
    moment = page.locator("#freshness time")
    # Both at once: the page may be filled anew between two questions.
    shown, hovered = moment.evaluate("each => [each.textContent, each.title]")
    noted = datetime.strptime(hovered, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    assert shown.endswith(noted.astimezone(ZoneInfo("Asia/Seoul")).strftime("%H:%M:%S"))
