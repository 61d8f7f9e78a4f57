"""The page: its frame, the callback that fills it at each tick, and the downloads. Every file it needs comes from here, none from the internet."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import flask
from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update
from dash.exceptions import PreventUpdate

from src.config.settings import Settings
from src.dashboard.choice import choice_of
from src.dashboard.components import away_banner, moment
from src.dashboard.costs import asked_by
from src.dashboard.export import csv_bytes, excel_bytes
from src.dashboard.format import age, zone_named
from src.dashboard.frame import data, frame, labels
from src.dashboard.palette import palette
from src.dashboard.reading import DatabaseAway, Reading
from src.dashboard.texts import LANGUAGES, texts
from src.dashboard.view import Loaded, Page, View, views

_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LONGEST_NAME = 64
_WRITERS = {"csv": (csv_bytes, "text/csv; charset=utf-8"), "xlsx": (excel_bytes, _EXCEL)}


def make_app(reading: Reading, settings: Settings, language: str = "en") -> Dash:
    """The application over `reading`; pages tick as often as it does, and begin in `language`."""
    texts(language)
    app = Dash(
        "coinspark",
        title="CoinSpark",
        update_title="",
        assets_folder=str(Path(__file__).parent / "assets"),
        serve_locally=True,
        suppress_callback_exceptions=True,
    )
    app.layout = partial(frame, language, reading.seconds)
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("viewer", "changed"),
        *(Output("viewer", "data"), Output("tick", "interval"), Output("tick", "disabled"), Output("seconds", "value")),
        *(Input("theme", "n_clicks"), Input("language", "n_clicks"), Input("pause", "n_clicks"), Input("seconds", "value")),
        *(State("viewer", "data"), State("defaults", "data")),
    )
    shared = _Pages(reading, settings, language)
    app.callback(
        *(Output("navigation", "children"), Output("labels", "children"), Output("held", "children")),
        *(Output("search", "className"), Output("search", "placeholder")),
        *(Input("url", "pathname"), Input("url", "search"), Input("viewer", "data")),
    )(shared.labels)
    app.callback(
        *(
            Output("content", "children"),
            Output("content", "className"),
            Output("status", "children"),
            Output("shown", "data"),
            Output("costs", "children"),
        ),
        *(Input("tick", "n_intervals"), Input("url", "pathname"), Input("url", "search"), Input("viewer", "data"), Input("search", "value")),
        *(State("shown", "data"), State("tab", "data")),
    )(shared.refresh)
    app.server.add_url_rule("/export/<view>/<sheet>.<kind>", "export", shared.export)
    return app


class _Pages:
    """Answers of the server, which keeps nothing of any viewer."""

    def __init__(self, reading: Reading, settings: Settings, language: str) -> None:
        self._reading = reading
        self._settings = settings
        self._language = language

    def _page(self, path: str, search: str, viewer: dict[str, Any] | None, wanted: str = "") -> Page:
        viewer = viewer or {}
        language = viewer.get("language")
        shown = language if language in LANGUAGES else self._language
        return Page(
            choice_of(path, search, next(iter(views()))),
            texts(shown),
            zone_named(viewer.get("zone")),
            palette(shown, is_dark=viewer.get("theme") == "dark"),
            self._reading.now,
            self._settings,
            wanted,
        )

    def labels(self, path: str, search: str, viewer: dict[str, Any] | None) -> tuple[Any, ...]:
        if viewer is None:
            raise PreventUpdate
        page = self._page(path, search, viewer)
        view = views().get(page.choice.view)
        return *labels(page, viewer), "" if view and view.searchable else "hidden", page.texts("search")

    def refresh(
        self, _ticks: int, path: str, search: str, viewer: dict[str, Any] | None, wanted: str | None, shown: str | None, tab: str | None
    ) -> tuple[Any, ...]:
        if viewer is None:
            raise PreventUpdate
        page = self._page(path, search, viewer, wanted or "")
        view = views().get(page.choice.view)
        if view is None:
            return html.P(page.texts("no_such_view"), className="empty"), "", "", "", ""
        # What was shown of another address says nothing of this one.
        identity = repr((page.choice, page.texts.language, page.palette.is_dark, str(page.zone), page.search))
        try:
            with asked_by(str(tab or "")[:_LONGEST_NAME]):
                loaded = view.load(self._reading, page)
        except DatabaseAway as away:
            return self._away(away, page, identity, shown)
        content, version = self._content(view, loaded, page, identity, shown)
        return content, "stale" if self._is_stale(loaded) else "", self._filled(self._status(loaded, page)), version, self._costs(page)

    def _filled(self, status: Any) -> Any:
        """The status with the time at which the page was filled, by which its script sees when that is over."""
        return html.Div(status, **data("filled", str(self._reading.now)))

    def _content(self, view: View, loaded: Loaded, page: Page, identity: str, shown: str | None) -> tuple[Any, str]:
        version = _digest(identity) + _digest(repr((loaded.rows, loaded.source, loaded.options)))
        if version == shown:
            return no_update, version
        if loaded.newest is None:
            return html.P(page.texts(f"{view.name}.empty"), className="empty", id="empty"), version
        return view.show(loaded, page), version

    def _is_stale(self, loaded: Loaded) -> bool:
        return loaded.newest is not None and self._reading.now - loaded.newest > loaded.fresh_ms

    def _status(self, loaded: Loaded, page: Page) -> Any:
        if loaded.newest is None:
            return html.Span(page.texts("status.empty"), className="note")
        old = age(self._reading.now - loaded.newest, page.texts)
        key = "status.stale" if self._is_stale(loaded) else "status.fresh"
        source = [html.Strong(page.texts(f"source.{loaded.source}")), " · "] if loaded.source else []
        said = [*source, page.texts(loaded.newest_is), " ", moment(loaded.newest, page), " · ", page.texts(key, age=old)]
        return html.Span(said, className="badge stale" if self._is_stale(loaded) else "badge", id="freshness")

    def _away(self, away: DatabaseAway, page: Page, identity: str, shown: str | None) -> tuple[Any, ...]:
        banner = self._filled(away_banner(str(away), away.since, "away.advice", page))
        if shown and shown.startswith(_digest(identity)):
            return no_update, "stale", banner, no_update, self._costs(page)
        return html.P(page.texts("away.nothing"), className="empty"), "", banner, "", self._costs(page)

    def _costs(self, page: Page) -> Any:
        costs = self._reading.costs
        lines = [f"{table}: {seconds * 1000:.1f} ms, {rows:,}" for table, (seconds, rows) in sorted(costs.last.items())]
        total = page.texts("costs.total", queries=f"{costs.queries:,}", rows=f"{costs.rows:,}", seconds=f"{costs.seconds:,.1f}")
        return [html.P(f"{self._reading.store.shown} · {total}"), html.Ul([html.Li(line) for line in lines])]

    def export(self, view: str, sheet: str, kind: str) -> flask.Response:
        given = flask.request
        viewer = {"language": given.args.get("language")}
        page = self._page(view, given.query_string.decode(errors="replace"), viewer, given.args.get("search", ""))
        known = views().get(view)
        if known is None or kind not in _WRITERS:
            flask.abort(404)
        try:
            sheets = {one.name: one for one in known.sheets(known.load(self._reading, page), page)}
        except DatabaseAway as away:
            return flask.Response(f"{away}\n", 503, content_type="text/plain; charset=utf-8")
        if sheet not in sheets:
            flask.abort(404)
        write, content_type = _WRITERS[kind]
        name = "-".join(part for part in ("coinspark", view, sheet, page.choice.symbol, page.choice.market, page.choice.interval) if part)
        # Some symbols are Chinese, and a header alone has no letters for them (RFC 6266).
        said = f'filename="{name}.{kind}"' if name.isascii() else f"filename*=UTF-8''{quote(name)}.{kind}"
        headers = {"Content-Disposition": f"attachment; {said}", "Cache-Control": "no-store"}
        return flask.Response(write(sheets[sheet], page.texts), headers=headers, content_type=content_type)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
