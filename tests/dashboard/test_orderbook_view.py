"""Order books in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from src.dashboard.views.orderbook import _mirrored
from tests.dashboard.browsing import Site, shoot

pytestmark = pytest.mark.browser
_DEPTH = "kind => document.querySelector(`#chart-depth-${kind} .js-plotly-plot`).data.map(({name, x, y}) => ({name, x, y}))"


def test_depth_imbalance_best_prices_and_executable_spreads(dashboard: Site) -> None:
    page = dashboard.open("/orderbook?symbol=ETH", height=2150)
    expect(page.locator("#chart-depth-market .js-plotly-plot")).to_be_visible()
    expect(page.locator("#chart-imbalance .js-plotly-plot")).to_be_visible()
    depth = page.evaluate(_DEPTH, "region")
    assert [trace["name"] for trace in depth] == [f"{side} within {distance} bp" for side in ("Bids", "Asks") for distance in (10, 50, 100)]
    assert depth[0]["y"] == ["Korea", "Asia", "America and Europe"]
    assert all(value < 0 for value in depth[0]["x"])
    assert all(value > 0 for value in depth[3]["x"])
    # Bids are drawn to the left, and are no negative amounts for all that.
    axis = page.evaluate("(({range, ticktext}) => ({range, ticktext}))(document.querySelector('#chart-depth-region .js-plotly-plot').layout.xaxis)")
    assert axis["range"][0] == -axis["range"][1]
    assert axis["ticktext"] == axis["ticktext"][::-1]
    assert "0" in axis["ticktext"]
    by_market = page.evaluate(_DEPTH, "market")
    assert [trace["name"] for trace in by_market] == [trace["name"] for trace in depth]
    assert by_market[0]["y"] == ["Binance", "Bithumb", "Kraken", "OKX", "Upbit"]
    assert all(value < 0 for value in by_market[0]["x"])
    assert all(value > 0 for value in by_market[3]["x"])
    # A region has what its markets have together.
    for region, market in zip(depth, by_market, strict=True):
        binance, bithumb, kraken, okx, upbit = market["x"]
        assert region["x"] == pytest.approx([bithumb + upbit, okx, binance + kraken])
    lines = page.evaluate("document.querySelector('#chart-imbalance .js-plotly-plot').data.map(({y, customdata}) => [y.length, customdata])")
    assert len(lines) == 3
    assert min(length for length, _ in lines) >= 6
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:00 UTC", said) for _, told in lines for said in told), (
        "UTC is said where a point is pointed at"
    )
    expect(page.locator("#table-books tbody tr")).to_have_count(5)
    expect(page.locator("#table-regions tbody tr")).to_have_count(3)
    first = page.locator("#table-executable tbody tr").first.locator("td")
    expect(first.nth(0)).to_have_text("1,000")
    expect(first.nth(1)).to_contain_text("▲ +2.")
    expect(first.nth(2)).to_have_text("Kraken")
    expect(first.nth(3)).to_have_text("Upbit")
    expect(page.locator("#table-executable tbody tr td:first-child")).to_have_text(["1,000", "10,000", "100,000"])
    shoot(page, "orderbook")


@pytest.mark.parametrize(
    ("widest", "texts"),
    [
        (528_560.0, ["400k", "200k", "0", "200k", "400k"]),
        (1_000_000.0, ["1M", "500k", "0", "500k", "1M"]),
        (2.5, ["2", "1", "0", "1", "2"]),
    ],
)
def test_an_axis_of_two_sides_has_no_signs(widest: float, texts: list[str]) -> None:
    assert _mirrored(widest)["ticktext"] == texts
