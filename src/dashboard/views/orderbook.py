"""Order books: sizes about the mid by region, imbalance over time, best prices by market, executable spread by notional."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from dash import html

from src.dashboard.components import chips, graph, line, table
from src.dashboard.freshness import newest_event
from src.dashboard.question import Question, Row, newest_by
from src.dashboard.reading import Reading
from src.dashboard.view import Column, Loaded, Page, Sheet, View
from src.schema.records import Region

_MINUTE = 60_000
_SHOWN_MS = 60 * _MINUTE
_DISTANCES = (10, 50, 100)
_REGIONS = [region.value for region in Region]
_BEST = {
    "best_bid": "last_best_bid_usd", "best_ask": "last_best_ask_usd", "spread_bp": "last_spread_bp", "bid_size_usd": "last_bid_size_usd",
    "ask_size_usd": "last_ask_size_usd", "imbalance": "last_imbalance",
}  # fmt: skip
_FIGURES = (
    Column("best_bid", "price"),
    Column("best_ask", "price"),
    Column("spread_bp", "number"),
    Column("bid_size_usd", "whole"),
    Column("ask_size_usd", "whole"),
    Column("imbalance", "ratio"),
)
_HEIGHTS = {"region": 90, "market": 55}
"""Pixels that one has in the chart of depth."""
_WITHIN = tuple(f"last_{side}_size_within_{distance}bp_usd" for side in ("bid", "ask") for distance in _DISTANCES)


class Books(NamedTuple):
    """What the view shows of one symbol."""

    markets: tuple[Row, ...]
    """The newest minute of each market."""
    regions: tuple[Row, ...]
    """The same of each region: what is its latest book's is of one of its markets."""
    course: tuple[Row, ...]
    """Imbalance of each region by minute, of all its books, oldest first."""
    executable: tuple[tuple[int, float | None, str | None, str | None], ...]
    """By notional, USD, the best premium before fees, percent, and where to buy and sell; nulls where no book has so much."""


class OrderBookView(View):
    """Books of one symbol, the settings' first by default."""

    name: ClassVar[str] = "orderbook"
    order: ClassVar[int] = 40

    def load(self, reading: Reading, page: Page) -> Loaded:
        newest = reading.newest("order_cal_market", page.choice.source or None)
        if newest is None:
            return Loaded(())
        source, recent = ("source", newest.source), newest.time - 2 * _MINUTE
        symbols = sorted({row["symbol"] for row in reading.rows(Question("order_cal_market", ("symbol",), (source,), recent))})
        symbol = page.choice.symbol or next((name for name in page.settings.symbols if name in symbols), symbols[0])
        where = (source, ("symbol", symbol))
        columns = ("market", "region", "window_start", *_BEST.values(), *_WITHIN)
        markets = reading.rows(Question("order_cal_market", columns, where, recent, 1_000))
        of_region = ("region", "window_start", "imbalance", *_BEST.values())
        regions = reading.rows(Question("order_cal_region", of_region, where, newest.time - _SHOWN_MS, 1_000))
        of_now = [row for row in regions if row["window_start"] >= recent]
        in_order = tuple(sorted(_newest(of_now, "region"), key=lambda row: _REGIONS.index(row["region"])))
        rows = Books(_newest(markets, "market"), in_order, tuple(regions[::-1]), _executable(reading, page, where, recent))
        return Loaded(rows, newest.source, newest_event(reading, newest, "orderbook"), {"symbol": symbols}, {"symbol": symbol})

    def show(self, loaded: Loaded, page: Page) -> Any:
        shown, symbol, texts = loaded.rows, loaded.chosen["symbol"], page.texts
        choices = chips(texts("symbol"), "symbol", loaded.options["symbol"], symbol, page.choice)
        if not shown.markets:
            return [choices, html.P(texts("orderbook.empty"), className="empty")]
        tables = [table(sheet, page) for sheet in self.sheets(loaded, page)]
        depths = [_depth(rows, kind, symbol, page) for kind, rows in (("region", _together(shown.markets)), ("market", shown.markets))]
        return [choices, *depths, _imbalance(shown.course, symbol, page), *tables]

    def sheets(self, loaded: Loaded, page: Page) -> Sequence[Sheet]:
        del page
        shown = loaded.rows or Books((), (), (), ())
        legs = (Column("buy_market", "market"), Column("sell_market", "market"))
        by_market = [_cells(row, "market", "region") for row in shown.markets]
        by_region = [_cells(row, "region") for row in shown.regions]
        return (
            Sheet("books", (Column("market", "market"), Column("region", "region"), *_FIGURES), by_market),
            Sheet("regions", (Column("region", "region"), *_FIGURES), by_region),
            Sheet("executable", (Column("notional_usd", "whole"), Column("premium_percent", "percent"), *legs), shown.executable),
        )


def _newest(rows: Sequence[Row], key: str) -> tuple[Row, ...]:
    found = newest_by(rows, key)
    return tuple(found[name] for name in sorted(found))


def _cells(row: Row, *names: str) -> list[Any]:
    return [*(row[name] for name in names), *(row[_BEST[column.name]] for column in _FIGURES)]


def _together(markets: Sequence[Row]) -> list[Row]:
    """What the markets of each region have about the mid together, USD; null where none of them says."""
    found: list[Row] = []
    for region in _REGIONS:
        mine = [row for row in markets if row["region"] == region]
        if mine:
            known = {name: [row[name] for row in mine if row[name] is not None] for name in _WITHIN}
            found.append({"region": region} | {name: sum(values) if values else None for name, values in known.items()})
    return found


def _executable(
    reading: Reading, page: Page, where: tuple[tuple[str, str], ...], since: int
) -> tuple[tuple[int, float | None, str | None, str | None], ...]:
    known = {column.name for column in reading.tables["executable_spread"].columns}
    notionals = [notional for notional in page.settings.executable_notionals_usd if f"premium_percent_{notional}" in known]
    columns = ("buy_market", "sell_market", *(f"premium_percent_{notional}" for notional in notionals))
    pairs = newest_by(reading.rows(Question("executable_spread", columns, where, since, 5_000)), "buy_market", "sell_market")
    found: list[tuple[int, float | None, str | None, str | None]] = []
    for notional in notionals if pairs else ():
        name = f"premium_percent_{notional}"
        best = max((row for row in pairs.values() if row[name] is not None), key=lambda row: row[name], default=None)
        found.append((notional, None, None, None) if best is None else (notional, best[name], best["buy_market"], best["sell_market"]))
    return tuple(found)


def _depth(rows: Sequence[Row], kind: str, symbol: str, page: Page) -> Any:
    """Bids to the left of nothing and asks to the right, USD, by region or market: what is nearer to the mid is part of what is further."""
    texts, palette = page.texts, page.palette
    names = [texts.named(kind, row[kind]) for row in rows]
    traces: list[dict[str, Any]] = []
    for side, sign, colour in (("bid", -1, palette.up), ("ask", 1, palette.down)):
        for distance, opacity in zip(_DISTANCES, (1.0, 0.65, 0.35), strict=True):
            values = [row[f"last_{side}_size_within_{distance}bp_usd"] for row in rows]
            label = texts(f"orderbook.{side}s", bp=distance)
            said = ["" if value is None else f"$ {value:,.0f}" for value in values]
            bar = {"type": "bar", "orientation": "h", "name": label, "y": names, "x": [None if value is None else sign * value for value in values]}
            hover = {"text": said, "textposition": "none", "hovertemplate": "%{y}: %{text}<extra>%{fullData.name}</extra>"}
            # Both sides of a distance lie on one line.
            traces.append(bar | hover | {"marker": {"color": colour}, "opacity": opacity, "offsetgroup": str(distance)})
    widest = max((abs(value) for trace in traces for value in trace["x"] if value is not None), default=0.0)
    axes = {"xaxis": _mirrored(widest), "yaxis": {"type": "category", "autorange": "reversed"}}
    layout = palette.layout(symbol, 150 + _HEIGHTS[kind] * len(names), barmode="group", **axes)
    return graph(f"depth-{kind}", traces, layout, texts(f"orderbook.depth.{kind}", symbol=symbol))


def _mirrored(widest: float) -> dict[str, Any]:
    """An axis as wide to the left of zero as to the right, whose labels have no sign: a bid is no negative amount."""
    if not widest > 0:
        return {}
    rough = widest / 4
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(scale * nice for nice in (1, 2, 5, 10) if scale * nice >= rough)
    ticks = [step * place for place in range(-math.floor(widest / step), math.floor(widest / step) + 1)]
    return {"range": [-widest * 1.04, widest * 1.04], "tickvals": ticks, "ticktext": [_short(abs(tick)) for tick in ticks]}


def _short(usd: float) -> str:
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if usd >= size:
            return f"{usd / size:,.4g}{letter}"
    return f"{usd:,.4g}"


def _imbalance(rows: Sequence[Row], symbol: str, page: Page) -> Any:
    traces: list[dict[str, Any]] = []
    regions = sorted({row["region"] for row in rows}, key=_REGIONS.index)
    for region, colour, dash in zip(regions, page.palette.series, ("solid", "dash", "dot"), strict=False):
        mine = [row for row in rows if row["region"] == region]
        drawn = {"color": colour, "dash": dash, "width": 2}
        traces.append(line(mine, "window_start", "imbalance", page.texts.named("region", region), page, drawn) | {"mode": "lines+markers"})
    layout = page.palette.layout(symbol, 240, yaxis={"range": [-1, 1], "tickformat": ".1f"}, xaxis={"type": "date"})
    return graph("imbalance", traces, layout, page.texts("orderbook.imbalance", symbol=symbol))
