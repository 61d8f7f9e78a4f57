"""What is around every view: title, navigation, status, the viewer's choices."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from dash import dcc, html

from src.dashboard.choice import Choice
from src.dashboard.view import Page, views

_SHORTEST, _LONGEST = 0.5, 3_600
_KEPT = ("symbol", "market", "interval", "source")


def frame(language: str, seconds: float) -> Any:
    """The layout, the same for every page but for a name that tells pages apart; callbacks fill it."""
    seconds_field = dcc.Input(id="seconds", type="number", min=_SHORTEST, max=_LONGEST, step="any", debounce=True)
    return html.Div(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Store(id="viewer", storage_type="local"),
            dcc.Store(id="shown"),
            dcc.Store(id="tab", data=uuid4().hex),
            dcc.Store(id="defaults", data={"language": language, "seconds": seconds}),
            dcc.Interval(id="tick", interval=round(seconds * 1000)),
            html.Header(
                [
                    html.A("CoinSpark", href="/", className="brand"),
                    html.Nav(id="navigation", className="navigation"),
                    html.Div(
                        [
                            dcc.Input(id="search", type="search", className="hidden", debounce=False),
                            html.Label(["↻ ", seconds_field, html.Span(" s")], id="seconds-label"),
                            html.Button("❚❚", id="pause", className="tool"),
                            html.Button("◐", id="theme", className="tool"),
                            html.Button("한/EN", id="language", className="tool"),
                        ],
                        className="tools",
                    ),
                    html.Div(id="labels", className="hidden"),
                ]
            ),
            html.Div(id="status", role="status"),
            html.P(id="held", className="badge stale"),
            html.Main(id="content"),
            html.Details([html.Summary("SQL"), html.Div(id="costs")], id="debug"),
        ],
        id="page",
    )


def labels(page: Page, viewer: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The navigation, what buttons are called, which the page's script gives to them, and what it shows while nothing new comes."""
    kept: dict[str, str] = {part: getattr(page.choice, part) for part in _KEPT}
    links = [
        dcc.Link(
            page.texts(f"{name}.title"),
            href=Choice(view=name, **kept).href,
            id=f"to-{name}",
            className="chosen" if name == page.choice.view else "",
        )
        for name in views()
    ]
    said = {
        "pause": page.texts("resume" if viewer.get("paused") else "pause"),
        "theme": page.texts("theme"),
        "language": page.texts("language"),
        "seconds-label": page.texts("seconds"),
        "search": page.texts("search"),
    }
    held = [html.Span(page.texts(f"held.{why}"), className=why) for why in ("paused", "lost")]
    return links, [html.Span(text, **data("for", name)) for name, text in said.items()], [*held, " ", html.Time(id="held-since")]


def data(name: str, value: str) -> Any:
    """An attribute of which Dash's types know nothing."""
    return {f"data-{name}": value}
