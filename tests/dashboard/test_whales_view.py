"""The whale tape in a browser."""

from __future__ import annotations

import urllib.request

import pytest
from playwright.sync_api import expect

from tests.dashboard.browsing import Site, shoot

pytestmark = pytest.mark.browser


def test_the_tape_has_the_newest_whale_first(dashboard: Site) -> None:
    page = dashboard.open("/whales")
    rows = page.locator("#table-tape tbody tr")
    expect(rows.first).to_be_visible()
    # The trades of 3.1 BTC, of two markets, but for those in the gap; the last one is in a minute that is long closed.
    assert rows.count() >= 14
    expect(rows.first.locator("td").nth(1)).to_have_text("BTC")
    expect(rows.first.locator("td").nth(7)).to_contain_text("3.1")
    sides = set(page.locator("#table-tape tbody td:nth-child(4)").all_inner_texts())
    assert sides <= {"▲ bought", "▼ sold"}
    times = page.locator("#table-tape tbody time").evaluate_all("all => all.map(each => each.title)")
    assert times == sorted(times, reverse=True)
    page.locator("#choose-symbol-BTC").click()
    expect(page).to_have_url(dashboard.address + "/whales?symbol=BTC")
    expect(page.locator("#choose-symbol-BTC.chosen")).to_be_visible()
    shoot(page, "whales")
    href = page.locator("#export-tape-xlsx").get_attribute("href") or ""
    with urllib.request.urlopen(dashboard.address + href) as answer:  # noqa: S310
        assert answer.headers["Content-Disposition"] == 'attachment; filename="coinspark-whales-tape-BTC.xlsx"'
        assert answer.read(2) == b"PK"
