"""Arbitrage in a browser: heat map, regional premium, executable spread."""

from __future__ import annotations

import csv
import io
import time
import urllib.request

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from src.config.settings import Settings
from tests.dashboard.browsing import Site, shoot, site
from tests.dashboard.markets import BANK, KRW, MINUTE, Filled, tickers

pytestmark = pytest.mark.browser
_REGIONS = """() => document.querySelector('#chart-regions .js-plotly-plot').data.map(
    ({name, y, line}) => ({name, y, dash: line.dash, colour: line.color})
)"""


def test_premiums_market_by_market_by_region_and_after_fees(dashboard: Site) -> None:
    page = dashboard.open("/arbitrage?symbol=BTC", height=1500)
    expect(page.locator("#chart-map .js-plotly-plot")).to_be_visible()
    trace = page.evaluate("document.querySelector('#chart-map .js-plotly-plot').data.map(({x, y, text}) => ({x, y, text}))[0]")
    assert trace["y"] == trace["x"] == ["Upbit", "Bithumb", "Binance", "OKX", "Kraken"]
    # 1.021 over 0.9991, and back.
    assert trace["text"][0][4] == "+2.19"
    assert trace["text"][4][0] == "-2.14"
    assert trace["text"][0][0] == ""
    assert all(len(line["y"]) > 30 for line in page.evaluate(_REGIONS))
    first = page.locator("#table-spreads tbody tr").first
    expect(first.locator("td").nth(1)).to_have_text("Upbit")
    expect(first.locator("td").nth(2)).to_contain_text("▲ +")
    expect(page.locator("#table-spreads th")).to_have_text(["Buy on", "Sell on", "$ 1,000", "$ 10,000", "$ 100,000"])
    shoot(page, "arbitrage")


def test_the_regional_premium_is_drawn_on_both_bases(dashboard: Site) -> None:
    page = dashboard.open("/arbitrage?symbol=BTC")
    expect(page.locator("#chart-regions .js-plotly-plot")).to_be_visible()
    lines = page.evaluate(_REGIONS)
    assert [(line["name"], line["dash"]) for line in lines] == [
        ("Korea / Asia · USDT", "solid"),
        ("Korea / Asia · bank", "dash"),
        ("Korea / America and Europe · USDT", "solid"),
        ("Korea / America and Europe · bank", "dash"),
        ("Asia / America and Europe", "solid"),
    ]
    assert lines[0]["colour"] == lines[1]["colour"] != lines[2]["colour"] == lines[3]["colour"]
    # The bases differ by what USDT costs in Korea above a dollar at the bank.
    for by_usdt, by_bank in zip(lines[0]["y"], lines[1]["y"], strict=True):
        assert (1 + by_bank / 100) / (1 + by_usdt / 100) == pytest.approx(BANK / KRW, rel=1e-9)
    expect(page.locator("#figure-regions .note")).to_contain_text("The distance between the two is what USDT itself costs in Korea above a dollar.")
    page.locator("#language").click()
    expect(page.locator("#figure-regions .note")).to_contain_text("두 선의 차이는 국내 USDT 자체의 프리미엄입니다.")


def test_without_a_bank_rate_there_is_one_basis_and_the_page_says_so(empty_home: Settings, browser: Browser) -> None:
    now = round(time.time() * 1000)
    database = Filled(empty_home.database_address)
    records = [msgspec.structs.replace(ticker, bank_usd_rate=None) for ticker in tickers(now - 8 * MINUTE, now, MINUTE, ("BTC",))]
    database.tickers(records, ("arbitrage", "market_arbitrage"))
    database.close()
    with site(empty_home, browser) as dashboard:
        page = dashboard.open("/arbitrage")
        expect(page.locator("#chart-regions .js-plotly-plot")).to_be_visible()
        assert [line["name"] for line in page.evaluate(_REGIONS)] == [
            "Korea / Asia · USDT",
            "Korea / America and Europe · USDT",
            "Asia / America and Europe",
        ]
        expect(page.locator("#figure-regions .note")).to_contain_text("No bank rate is known for this time")


def test_spreads_are_exported_as_they_are_shown(dashboard: Site) -> None:
    page = dashboard.open("/arbitrage?symbol=ETH", width=400, height=1400, dark=True)
    expect(page.locator("#chart-regions .js-plotly-plot")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shown = page.locator("#table-spreads tbody tr").count()
    with urllib.request.urlopen(dashboard.address + (page.locator("#export-spreads-csv").get_attribute("href") or "")) as answer:  # noqa: S310
        rows = list(csv.reader(io.StringIO(answer.read().decode("utf-8-sig"))))
    assert rows[0] == ["Buy on", "Sell on", "$ 1,000", "$ 10,000", "$ 100,000"]
    assert len(rows) == shown + 1
    shoot(page, "arbitrage-400-dark")
