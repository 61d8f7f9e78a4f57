"""Arbitrage: premium market by market, between regions over time, and what can be executed after fees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from dash import html

from src.dashboard.components import chips, graph, table
from src.dashboard.format import in_zone
from src.dashboard.freshness import newest_event
from src.dashboard.question import Question, Row
from src.dashboard.reading import Reading
from src.dashboard.view import Column, Loaded, Page, Sheet, View

_MINUTE = 60_000
_SHOWN_MS = 180 * _MINUTE
_PREMIUM, _NET = "premium_percent_", "net_premium_percent_"
_MARKETS = (Column("market", "market"), Column("price_usd", "price"), Column("age_seconds", "number"))
_MOST_PAIRS = 30


class Price(NamedTuple):
    """Last price of a market, USD, and its age in seconds."""

    market: str
    price_usd: float
    age_seconds: float
    is_fresh: bool
    """Only such prices are compared."""


class Arbitrage(NamedTuple):
    """What the view shows of one symbol."""

    prices: tuple[Price, ...]
    regional: tuple[Row, ...]
    """Oldest first."""
    pairs: tuple[str, ...]
    """Columns of `regional`, without what they begin with."""
    spreads: tuple[Row, ...]
    """The pairs of the newest window, the best first."""
    notionals: tuple[int, ...]


class ArbitrageView(View):
    """Premiums of one symbol, the settings' first by default."""

    name: ClassVar[str] = "arbitrage"
    order: ClassVar[int] = 30

    def load(self, reading: Reading, page: Page) -> Loaded:
        newest = reading.newest("market_arbitrage", page.choice.source or None)
        if newest is None:
            return Loaded(())
        source = ("source", newest.source)
        symbols = sorted({row["symbol"] for row in reading.rows(Question("market_arbitrage", ("symbol",), (source,), newest.time - 5 * _MINUTE))})
        symbol = page.choice.symbol or next((name for name in page.settings.symbols if name in symbols), symbols[0])
        where = (source, ("symbol", symbol))
        latest = reading.rows(Question("market_arbitrage", (), where, newest.time - 5 * _MINUTE, 1))
        pairs = [column.name for column in reading.tables["arbitrage"].columns if column.name.startswith(_PREMIUM)]
        regional = reading.rows(Question("arbitrage", ("window_end", *pairs), where, newest.time - _SHOWN_MS))[::-1]
        rows = Arbitrage(
            _prices(latest[0], page.settings.ticker_max_age_seconds) if latest else (),
            tuple(regional),
            tuple(name.removeprefix(_PREMIUM) for name in pairs),
            _spreads(reading, where, newest.time),
            page.settings.executable_notionals_usd,
        )
        return Loaded(rows, newest.source, newest_event(reading, newest, "ticker"), {"symbol": symbols}, {"symbol": symbol})

    def show(self, loaded: Loaded, page: Page) -> Any:
        shown, symbol, texts = loaded.rows, loaded.chosen["symbol"], page.texts
        choices = chips(texts("symbol"), "symbol", loaded.options["symbol"], symbol, page.choice)
        if not shown.prices:
            return [choices, html.P(texts("arbitrage.empty"), className="empty")]
        markets, spreads = self.sheets(loaded, page)
        executable = table(spreads, page) if shown.spreads else html.P(texts("arbitrage.no_books"), className="empty")
        return [choices, _heat_map(shown.prices, symbol, page), _regions(shown, symbol, page), executable, table(markets, page)]

    def sheets(self, loaded: Loaded, page: Page) -> Sequence[Sheet]:
        del page
        shown = loaded.rows or Arbitrage((), (), (), (), ())
        columns = (Column("buy_market", "market"), Column("sell_market", "market"), *(Column(f"net_{n}", "percent") for n in shown.notionals))
        spreads = [[row["buy_market"], row["sell_market"], *(row.get(f"{_NET}{notional}") for notional in shown.notionals)] for row in shown.spreads]
        return Sheet("markets", _MARKETS, [price[:3] for price in shown.prices]), Sheet("spreads", columns, spreads)


def _prices(row: Row, oldest: float) -> tuple[Price, ...]:
    found = []
    for name, value in row.items():
        market = name.removeprefix("last_price_usd_")
        if market != name and value is not None:
            age = row[f"age_seconds_{market}"]
            found.append(Price(market, value, age, age <= oldest))
    return tuple(sorted(found, key=lambda price: -price.price_usd))


def _spreads(reading: Reading, where: tuple[tuple[str, str], ...], time: int) -> tuple[Row, ...]:
    """The newest row of each pair of markets in the last minutes, those first that leave most after fees."""
    known = [column.name for column in reading.tables["executable_spread"].columns if column.name.startswith(_NET)]
    asked = Question("executable_spread", ("buy_market", "sell_market", "window_start", *known), where, time - 3 * _MINUTE, 5_000)
    pairs: dict[tuple[str, str], Row] = {}
    for row in reading.rows(asked):
        pairs.setdefault((row["buy_market"], row["sell_market"]), row)

    def best(row: Row) -> float:
        return max((row[name] for name in known if row[name] is not None), default=float("-inf"))

    return tuple(sorted(pairs.values(), key=best, reverse=True)[:_MOST_PAIRS])


def _heat_map(prices: Sequence[Price], symbol: str, page: Page) -> Any:
    names = [page.texts.named("market", price.market) for price in prices]
    cells = [[_premium(row, column) for column in prices] for row in prices]
    widest = max((abs(value) for line in cells for value in line if value is not None), default=0) or 1
    ends = (page.palette.down, page.palette.ground, page.palette.up)
    trace: dict[str, Any] = {
        "type": "heatmap", "x": names, "y": names, "z": cells, "zmin": -widest, "zmax": widest, "xgap": 2, "ygap": 2,
        "colorscale": [[place / 2, colour] for place, colour in enumerate(ends)], "showscale": False,
        "text": [["" if value is None else f"{value:+.2f}" for value in line] for line in cells], "texttemplate": "%{text}",
        "hovertemplate": "%{y} / %{x}: %{text} %<extra></extra>",
    }  # fmt: skip
    height = 110 + 34 * len(names)
    axes: Mapping[str, Any] = {"xaxis": {"side": "top", "type": "category"}, "yaxis": {"autorange": "reversed", "type": "category"}}
    return graph("map", [trace], page.palette.layout(symbol, height, **axes), page.texts("arbitrage.map", symbol=symbol))


def _premium(dear: Price, cheap: Price) -> float | None:
    if dear.market == cheap.market or not (dear.is_fresh and cheap.is_fresh) or not cheap.price_usd:
        return None
    return (dear.price_usd - cheap.price_usd) / cheap.price_usd * 100


def _regions(shown: Arbitrage, symbol: str, page: Page) -> Any:
    traces = []
    for pair, colour, dash in zip(shown.pairs, page.palette.series, ("solid", "dash", "dot") * 2, strict=False):
        one, _, other = pair.partition("_")
        times: list[str] = []
        values: list[float | None] = []
        before = None
        for row in shown.regional:
            if before is not None and row["window_end"] - before > _MINUTE:
                # A window that is not there breaks the line.
                times.append(in_zone(before + _MINUTE, page.zone))
                values.append(None)
            before = row["window_end"]
            times.append(in_zone(before, page.zone))
            values.append(row[f"{_PREMIUM}{pair}"])
        name = f"{page.texts.named('region', one)} / {page.texts.named('region', other)}"
        line = {"color": colour, "dash": dash, "width": 2}
        traces.append({"type": "scatter", "mode": "lines", "name": name, "x": times, "y": values, "line": line, "connectgaps": False})
    layout = page.palette.layout(symbol, 300, yaxis={"ticksuffix": " %", "tickformat": ".2f"}, xaxis={"type": "date"})
    return graph("regions", traces, layout, page.texts("arbitrage.regions", symbol=symbol))
