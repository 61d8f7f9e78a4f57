"""Every view on a narrow page, by the keyboard alone, and as readable on dark ground as on light."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from src.config.settings import Settings
from src.dashboard.view import views
from tests.dashboard.browsing import Site, shoot
from tests.dashboard.statuses import write_troubles

pytestmark = pytest.mark.browser
_SETTLED = "document.querySelectorAll('.dash-graph').length === document.querySelectorAll('.js-plotly-plot').length"
_NARROW = """() => {
    const cut = [];
    const words = element => [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    for (const element of document.querySelectorAll('body *')) {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        if (!words(element) || !box.width || style.visibility === 'hidden' || element.closest('#js-plotly-tester')) continue;
        const drawing = element.closest('svg.main-svg'), scroller = element.closest('.scroller');
        const frame = drawing ? drawing.getBoundingClientRect() : {left: 0, right: innerWidth};
        const outside = !scroller && (box.left < frame.left - 1 || box.right > frame.right + 1);
        const hidden = /hidden|clip/.test(style.overflowX) && element.scrollWidth > element.clientWidth + 1;
        if (outside || hidden) cut.push(element.textContent.trim().slice(0, 60));
    }
    return cut;
}"""
_CONTROLS = """() => {
    const all = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
    window.controls = [...document.querySelectorAll(all)].filter(each => each.getClientRects().length && !each.disabled);
    window.controls[0].focus();
    return window.controls.map(each => each.id || each.className || each.textContent);
}"""
_FOCUSED = """() => {
    const style = getComputedStyle(document.activeElement);
    return [window.controls.indexOf(document.activeElement), style.outlineStyle !== 'none' || style.boxShadow !== 'none'];
}"""
_CONTRAST = """() => {
    const numbers = text => (text.match(/[\\d.]+/g) || []).map(Number);
    const light = colour => colour.slice(0, 3).map(part => part / 255)
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    const over = (colour, ground) => {
        const share = colour.length > 3 ? colour[3] : 1;
        return [0, 1, 2].map(place => colour[place] * share + ground[place] * (1 - share));
    };
    const groundOf = element => {
        const layers = [];
        for (let each = element; each; each = each.parentElement) {
            const colour = numbers(getComputedStyle(each).backgroundColor);
            if (colour.length === 3 || colour[3] > 0) layers.push(colour);
        }
        return layers.reverse().reduce((ground, layer) => over(layer, ground), [255, 255, 255]);
    };
    const poor = new Set();
    const judge = (element, colour, text) => {
        const style = getComputedStyle(element), ground = groundOf(element);
        const [darker, lighter] = [light(over(numbers(colour), ground)), light(ground)].sort((one, other) => one - other);
        const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
        const ratio = (lighter + 0.05) / (darker + 0.05), least = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
        if (ratio < least) poor.add(`${ratio.toFixed(2)} ${colour} on ${ground.map(Math.round)}: ${text.trim().slice(0, 40)}`);
    };
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].filter(node => node.nodeType === 3 && node.textContent.trim());
        // Numbers of the heat map stand on cells that are drawn: tests/dashboard/test_palette.py.
        if (!element.getClientRects().length || element.closest('#chart-map .scatterlayer, #js-plotly-tester')) continue;
        const style = getComputedStyle(element);
        if (own.length) judge(element, element instanceof SVGElement ? style.fill : style.color, own[0].textContent);
        if (element.placeholder) judge(element, getComputedStyle(element, '::placeholder').color, element.placeholder);
        const sign = getComputedStyle(element, '::before');
        if (!/none|normal/.test(sign.content)) judge(element, sign.color, sign.content);
    }
    return [...poor];
}"""


@pytest.fixture
def site_with_jobs(dashboard: Site, market: Settings, now: int) -> Site:
    """The dashboard where something has run, and not all is well."""
    write_troubles(market.home, now)
    return dashboard


def opened(dashboard: Site, view: str, *, korean: bool = False, **look: object) -> Page:
    """A page of BTC that is filled and then stands still."""
    page = dashboard.open(f"/{view}?symbol=BTC", **look)  # type: ignore[arg-type]
    expect(page.locator("#content table").first).to_be_visible()
    if korean:
        page.locator("#language").click()
        expect(page.locator("html")).to_have_attribute("lang", "ko")
        page.wait_for_function("/[가-힣]/.test(document.getElementById('content').innerText)")
    page.locator("#pause").click()
    expect(page.locator("html")).to_have_attribute("data-paused", "yes")
    page.wait_for_function(_SETTLED)
    return page


@pytest.mark.parametrize("view", list(views()))
@pytest.mark.parametrize("korean", [False, True], ids=["english", "korean"])
def test_nothing_is_cut_off_at_400_pixels(site_with_jobs: Site, view: str, korean: bool) -> None:
    page = opened(site_with_jobs, view, korean=korean, width=400, height=1500, dark=korean)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(_NARROW) == []
    if korean and view in {"orderbook", "whales", "health"}:
        page.locator("#pause").click()
        expect(page.locator("#held")).to_be_hidden()
        shoot(page, f"{view}-400-dark-korean")


@pytest.mark.parametrize("view", list(views()))
def test_every_control_is_reached_by_the_keyboard_in_the_order_of_the_page(site_with_jobs: Site, view: str) -> None:
    page = opened(site_with_jobs, view)
    names = page.evaluate(_CONTROLS)
    assert {"to-health", "seconds", "pause", "theme", "language"} <= set(names)
    reached = [0]
    for _ in range(2 * len(names)):
        page.keyboard.press("Tab")
        place, is_marked = page.evaluate(_FOCUSED)
        if place >= 0:
            assert is_marked, f"nobody sees that {names[place]} has the focus"
            reached.append(place)
        if place == len(names) - 1:
            break
    assert reached == list(range(len(names)))


def test_by_the_keyboard_alone_one_comes_to_another_view_and_symbol(site_with_jobs: Site) -> None:
    page = opened(site_with_jobs, "orderbook")
    page.locator("#to-whales").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(site_with_jobs.address + "/whales?symbol=BTC")
    page.locator("#pause").focus()
    page.keyboard.press("Space")
    expect(page.locator("html")).to_have_attribute("data-paused", "no")
    page.locator("#choose-symbol-all").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(site_with_jobs.address + "/whales?symbol=all")
    expect(page.locator("#choose-symbol-all.chosen")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("view", list(views()))
def test_texts_have_the_contrast_that_wcag_asks_for(site_with_jobs: Site, view: str, dark: bool) -> None:
    page = opened(site_with_jobs, view, dark=dark)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark" if dark else "light")
    assert page.evaluate(_CONTRAST) == []
