"""Arbitrage in a browser: heat map, regional premium, executable spread."""

from __future__ import annotations

import csv
import io
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.dashboard.browsing import Site, shoot

pytestmark = pytest.mark.browser


def test_premiums_market_by_market_by_region_and_after_fees(dashboard: Site) -> None:
    page = dashboard.open("/arbitrage?symbol=BTC", height=1500)
    expect(page.locator("#chart-map .js-plotly-plot")).to_be_visible()
    trace = page.evaluate("document.querySelector('#chart-map .js-plotly-plot').data.map(({x, y, text}) => ({x, y, text}))[0]")
    assert trace["y"] == trace["x"] == ["Upbit", "Bithumb", "Binance", "OKX", "Kraken"]
    # 1.021 over 0.9991, and back.
    assert trace["text"][0][4] == "+2.19"
    assert trace["text"][4][0] == "-2.14"
    assert trace["text"][0][0] == ""
    lines = page.evaluate("document.querySelector('#chart-regions .js-plotly-plot').data.map(({name, y}) => [name, y.length])")
    assert [name for name, _ in lines] == ["Korea / Asia", "Korea / America and Europe", "Asia / America and Europe"]
    assert lines[0][1] > 30
    first = page.locator("#table-spreads tbody tr").first
    expect(first.locator("td").nth(1)).to_have_text("Upbit")
    expect(first.locator("td").nth(2)).to_contain_text("▲ +")
    expect(page.locator("#table-spreads th")).to_have_text(["Buy on", "Sell on", "$ 1,000", "$ 10,000", "$ 100,000"])
    shoot(page, "arbitrage")


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
