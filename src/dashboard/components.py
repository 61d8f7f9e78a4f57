"""Pieces that views are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html

from src.dashboard.choice import Choice
from src.dashboard.format import MISSING, age, clock, in_zone, number, percent, ratio, utc, whole
from src.dashboard.question import Row
from src.dashboard.texts import Texts
from src.dashboard.view import Page, Sheet, heading

_FEWER = 4
"""Digits that count of a size or a share; a price has more."""
_FORMS: dict[str, Callable[[Any], str]] = {
    "number": lambda value: number(value, _FEWER),
    "price": number,
    "whole": whole,
    "percent": percent,
    "ratio": ratio,
}
_MINUTE = 60_000
_ARROWS = {"buy": ("up", "▲"), "sell": ("down", "▼")}
_RIGHT = frozenset({*_FORMS, "time", "seconds"})
"""Kinds whose values stand under one another by their last digit."""


def aria(label: str) -> Any:
    """What a part of the page is, to whoever does not see it."""
    return {"aria-label": label}


def graph(name: str, traces: Sequence[dict[str, Any]], layout: dict[str, Any], label: str, note: str = "") -> Any:
    """A chart; `label` says what it is to whoever does not see it, `note` what must be known to read it."""
    figure = {"data": list(traces), "layout": layout}
    # The page knows the height before the chart is drawn, so that nothing moves when it is.
    style = {"height": f"{layout['height']}px"}
    chart = dcc.Graph(id=f"chart-{name}", figure=figure, config={"displayModeBar": False, "responsive": True}, className="chart", style=style)
    room = {"minHeight": f"{layout['height'] + 50}px"}
    more = [html.P(note, className="note")] if note else []
    return html.Figure([html.Figcaption(label), chart, *more], id=f"figure-{name}", className="card", style=room, **aria(label))


def in_both_zones(times: Sequence[int], name: str, page: Page) -> dict[str, Any]:
    """The times of a trace, ms since 1970 UTC: on its axis the viewer's, and UTC as well where it is pointed at."""
    said = f"%{{x}}<br>%{{customdata}}<br>%{{y}}<extra>{name}</extra>"
    return {"x": [in_zone(time, page.zone) for time in times], "customdata": [utc(time) for time in times], "hovertemplate": said}


def line(rows: Iterable[Row], time: str, value: str, name: str, page: Page, drawn: dict[str, Any]) -> dict[str, Any]:
    """A line over rows of every minute, oldest first; where one is missing it breaks."""
    points: list[tuple[int, float | None]] = []
    for row in rows:
        if points and row[time] - points[-1][0] > _MINUTE:
            points.append((points[-1][0] + _MINUTE, None))
        points.append((row[time], row[value]))
    times = in_both_zones([at for at, _ in points], name, page)
    return {"type": "scatter", "mode": "lines", "name": name, **times, "y": [found for _, found in points], "line": drawn, "connectgaps": False}


def moment(milliseconds: int | None, page: Page) -> Any:
    """A time in the viewer's zone, with UTC on hover."""
    if milliseconds is None:
        return MISSING
    return html.Time(clock(milliseconds, page.zone, page.now), dateTime=utc(milliseconds), title=utc(milliseconds))


def signed(value: float | None, text: str) -> Any:
    """A change: its sign is also an arrow, as a colour alone is not seen by all. What is shown as zero has none."""
    if value is None or not text.startswith(("+", "-")):
        return html.Span(text, className="flat")
    return html.Span(f"{'▲' if value > 0 else '▼'} {text}", className="up" if value > 0 else "down")


def chips(label: str, part: str, values: Iterable[str], shown: str, choice: Choice, name: Callable[[str], str] = str) -> Any:
    """Links that change one part of the address; the one that is shown is marked."""
    links = [
        dcc.Link(
            name(value), href=choice.but(**{part: value}).href, className="chip chosen" if value == shown else "chip", id=f"choose-{part}-{value}"
        )
        for value in values
    ]
    return html.Nav([html.Span(label, className="label"), *links], className="chips", **aria(label))


def condition(name: str, page: Page) -> Any:
    """How something fares, in a word; a sign before it says it to whoever sees no colours (assets/page.css)."""
    return html.Span(page.texts(f"condition.{name}"), className=f"condition {name}")


def away_banner(what: str, since: int, advice: str, page: Page) -> Any:
    """Says that a database does not answer: what is wrong, since when (ms since 1970 UTC), and what the page does about it (a text's key)."""
    texts = page.texts
    said = [html.Strong(texts("away.title")), " ", texts("away.since"), " ", moment(since, page), f" ({age(page.now - since, texts)})"]
    return html.Div([*said, html.Code(what), html.P(texts(advice))], className="away", role="alert", id="away")


def table(sheet: Sheet, page: Page) -> Any:
    """A sheet on the page, with its exports."""
    heads = [html.Th(heading(column, page.texts), scope="col", className=_class(column.kind)) for column in sheet.columns]
    rows = [
        html.Tr([html.Td(_cell(value, column.kind, page), className=_class(column.kind)) for value, column in zip(row, sheet.columns, strict=True)])
        for row in sheet.rows
    ]
    title = page.texts(f"sheet.{sheet.name}")
    body = html.Table([html.Thead(html.Tr(heads)), html.Tbody(rows)], id=f"table-{sheet.name}")
    scroller = html.Div(body, className="scroller", tabIndex=0, role="region", **aria(title))
    return section(sheet.name, [scroller], page)


def section(sheet: str, body: Sequence[Any], page: Page) -> Any:
    """A card with a sheet's title and its exports, whatever it shows of it."""
    title = page.texts(f"sheet.{sheet}")
    exports = html.Span([_export(sheet, kind, title, page) for kind in ("csv", "xlsx")], className="exports")
    return html.Section([html.H2([title, exports]), *body], className="card", id=f"section-{sheet}")


def _export(sheet: str, kind: str, title: str, page: Page) -> Any:
    href = f"/export/{page.choice.view}/{sheet}.{kind}{_query(page)}"
    said = page.texts("export", table=title, kind=kind.upper())
    return html.A("CSV" if kind == "csv" else "Excel", href=href, className="export", title=said, id=f"export-{sheet}-{kind}")


def _query(page: Page) -> str:
    query = page.choice.href.partition("?")[2]
    more = {"language": page.texts.language} | ({"search": page.search} if page.search else {})
    return "?" + (f"{query}&" if query else "") + urlencode(more)


def _cell(value: Any, kind: str, page: Page) -> Any:
    if kind == "time":
        return moment(value, page)
    if value is None:
        return MISSING
    match kind:
        case "percent":
            return signed(value, percent(value))
        case "condition":
            return condition(value, page)
        case "side" if value in _ARROWS:
            name, arrow = _ARROWS[value]
            return html.Span(f"{arrow} {page.texts.named(kind, value)}", className=name)
    return _plain(value, kind, page.texts)


def _plain(value: Any, kind: str, texts: Texts) -> str:
    if kind == "seconds":
        return age(round(value * 1000), texts)
    return _FORMS[kind](value) if kind in _FORMS else texts.named(kind, str(value))


def _class(kind: str) -> str:
    return kind if kind in _RIGHT or kind in {"text", "words"} else "named"
