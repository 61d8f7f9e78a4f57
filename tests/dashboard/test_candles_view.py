"""Candles in a browser: panes, choice by the address, gaps with their reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from src.dashboard.candle_gaps import Gap, gaps
from src.dashboard.views.candles import _unsided
from tests.dashboard.browsing import Site, shoot

_FIGURE = """name => document.querySelector(`#chart-${name} .js-plotly-plot`).data.map(
    ({type, name, x, y, close, text, customdata}) => ({type, name, x, y, close, text, customdata})
)"""


@pytest.mark.browser
def test_candles_with_their_panes_and_the_gap_drawn_as_one(dashboard: Site) -> None:
    page = dashboard.open("/candles?symbol=BTC&market=binance&interval=1m", height=1500)
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    expect(page.locator("#figure-price figcaption")).to_have_text("BTC on Binance, USDT spot, 1m")
    price = page.evaluate(_FIGURE, "price")
    assert [trace["name"] for trace in price] == ["Price", "VWAP", "Bollinger (20, 2)", "", "SMA 20", "EMA 20", "Gap"]
    # Four minutes without trades: nulls in the candles and in the lines.
    assert sum(value is None for value in price[0]["close"]) == 4
    assert sum(value is None for value in price[1]["y"]) == 4
    assert any("gap: connection lost: the exchange closed it" in text for text in price[-1]["text"])
    volume = page.evaluate(_FIGURE, "volume")
    assert [trace["name"] for trace in volume] == ["Takers bought", "Takers sold"]
    (rsi,) = page.evaluate(_FIGURE, "rsi")
    assert any(value is not None for value in rsi["y"])
    # Whatever is pointed at says UTC as well as the viewer's time, which is Seoul's.
    for local, utc in zip(rsi["x"], rsi["customdata"], strict=True):
        at = datetime.strptime(utc, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
        assert at.astimezone(ZoneInfo("Asia/Seoul")).strftime("%Y-%m-%dT%H:%M:%S.000") == local
    assert price[1]["customdata"] == price[0]["text"] == volume[0]["customdata"] == rsi["customdata"]
    assert {trace["name"] for trace in page.evaluate(_FIGURE, "macd")} == {"Histogram", "MACD", "Signal"}
    heights = page.evaluate("[...document.querySelectorAll('figure')].map(each => each.getBoundingClientRect().height)")
    assert [height > least for height, least in zip(heights, (430, 170, 150, 170), strict=True)] == [True] * 4
    # What the chart says where it is pointed at stands in a table too.
    missing = page.locator("#table-gaps tbody tr", has_text="all")
    expect(missing).to_have_count(1)
    expect(missing).to_contain_text("gap: connection lost: the exchange closed it")
    shoot(page, "candles")


@pytest.mark.browser
def test_the_address_says_what_is_shown(dashboard: Site) -> None:
    page = dashboard.open("/candles")
    expect(page.locator("#figure-price figcaption")).to_have_text("BTC on Upbit, KRW spot, 1m")
    page.locator("#choose-market-binance").click()
    expect(page.locator("#figure-price figcaption")).to_have_text("BTC on Binance, USDT spot, 1m")
    page.locator("#choose-interval-5m").click()
    expect(page).to_have_url(re.compile(r"/candles\?market=binance&interval=5m$"))
    expect(page.locator("#figure-price figcaption")).to_have_text("BTC on Binance, USDT spot, 5m")
    page.go_back()
    expect(page.locator("#figure-price figcaption")).to_have_text("BTC on Binance, USDT spot, 1m")
    page.goto(dashboard.address + "/candles?symbol=DOGE")
    expect(page.get_by_text("No candles of this choice.")).to_be_visible()


@pytest.mark.browser
def test_candles_narrow_and_dark(dashboard: Site) -> None:
    page = dashboard.open("/candles?symbol=BTC&market=upbit&interval=1m", width=400, height=1200, dark=True)
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    dates = page.evaluate("[...document.querySelectorAll('#chart-price .xtick text')].map(each => each.textContent)")
    assert any(re.search(r"\d{4}-\d\d-\d\d", text) for text in dates), "no month has an English name"
    shoot(page, "candles-400-dark")


@pytest.mark.parametrize(
    ("volume", "bought", "sold", "unsided"),
    [(3.0, 1.0, 2.0, None), (0.3, 0.1, 0.2, None), (3.0, None, None, 3.0), (3.0, 1.0, 0.0, 2.0)],
)
def test_what_nobody_says_the_side_of_is_part_of_the_volume(volume: float, bought: float | None, sold: float | None, unsided: float | None) -> None:
    assert _unsided({"volume": volume, "buy_volume": bought, "sell_volume": sold}) == unsided


def test_gaps_and_what_the_ledger_says_of_them() -> None:
    def candle(start: int, complete: str = "proven") -> dict[str, object]:
        return {"window_start": start, "window_end": start + 10, "complete": complete}

    def event(kind: str, time: int, first: int | None = None, last: int | None = None, detail: str = "") -> dict[str, object]:
        return {"kind": kind, "event_time": time, "first_time": first, "last_time": last, "detail": detail}

    candles = [candle(0), candle(10, "gap"), candle(40), candle(50)]
    events = [event("gap", 45, 15, 38, "lost"), event("stale", 25), event("dropped", 100)]
    assert gaps(candles, events, 10) == [Gap(10, 20, ("gap: lost",), is_missing=False), Gap(20, 40, ("gap: lost", "stale"), is_missing=True)]
