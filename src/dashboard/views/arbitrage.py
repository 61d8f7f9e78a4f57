"""Arbitrage: premium market by market, between regions over time, and what can be executed after fees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from dash import html

from src.dashboard.components import chips, graph, line, table
from src.dashboard.freshness import newest_event
from src.dashboard.last_prices import last_prices
from src.dashboard.palette import readable_on
from src.dashboard.question import Question, Row, newest_by
from src.dashboard.reading import Reading
from src.dashboard.view import Column, Loaded, Page, Sheet, View
from src.schema.records import Region

_MINUTE = 60_000
_SHOWN_MS = 180 * _MINUTE
_PREMIUM, _BANK, _NET = "premium_percent_", "bank_premium_percent_", "net_premium_percent_"
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
    """The premiums on both bases, oldest first."""
    pairs: tuple[str, ...]
    """Of regions: columns of `regional`, without what they begin with."""
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
        known = [column.name for column in reading.tables["arbitrage"].columns if column.name.startswith((_PREMIUM, _BANK))]
        regional = reading.rows(Question("arbitrage", ("window_end", *known), where, newest.time - _SHOWN_MS))[::-1]
        # Windows that are still open end at times to come.
        regional = [row for row in regional if row["window_end"] <= newest.time + _MINUTE]
        rows = Arbitrage(
            _prices(latest[0], page.settings.ticker_max_age_seconds) if latest else (),
            tuple(regional),
            tuple(name.removeprefix(_PREMIUM) for name in known if name.startswith(_PREMIUM)),
            _spreads(reading, where, newest.time),
            page.settings.executable_notionals_usd,
        )
        event = newest_event(reading, newest, "ticker")
        if latest:
            # Other symbols that go on make nothing of this one newer.
            event = min(event, latest[0]["window_start"] + _MINUTE)
        return Loaded(rows, newest.source, event, {"symbol": symbols}, {"symbol": symbol})

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
    found = [Price(market, price, age, age <= oldest) for market, price, age in last_prices(row) if age is not None]
    return tuple(sorted(found, key=lambda price: -price.price_usd))


def _spreads(reading: Reading, where: tuple[tuple[str, str], ...], time: int) -> tuple[Row, ...]:
    """The newest row of each pair of markets in the last minutes, those first that leave most after fees."""
    known = [column.name for column in reading.tables["executable_spread"].columns if column.name.startswith(_NET)]
    asked = Question("executable_spread", ("buy_market", "sell_market", "window_start", *known), where, time - 3 * _MINUTE, 5_000)
    pairs = newest_by(reading.rows(asked), "buy_market", "sell_market")

    def best(row: Row) -> float:
        return max((row[name] for name in known if row[name] is not None), default=float("-inf"))

    return tuple(sorted(pairs.values(), key=best, reverse=True)[:_MOST_PAIRS])


def _heat_map(prices: Sequence[Price], symbol: str, page: Page) -> Any:
    palette = page.palette
    names = [page.texts.named("market", price.market) for price in prices]
    cells = [[_premium(row, column) for column in prices] for row in prices]
    widest = max((abs(value) for line in cells for value in line if value is not None), default=0) or 1
    ends = (palette.down, palette.ground, palette.up)
    text = [["" if value is None else f"{value:+.2f}" for value in line] for line in cells]
    trace: dict[str, Any] = {
        "type": "heatmap", "x": names, "y": names, "z": cells, "zmin": -widest, "zmax": widest, "xgap": 2, "ygap": 2,
        "colorscale": [[place / 2, colour] for place, colour in enumerate(ends)], "showscale": False,
        "text": text, "hovertemplate": "%{y} / %{x}: %{text} %<extra></extra>",
    }  # fmt: skip
    # Numbers are black or white by the colour of their own cell, which a heat map alone does not do well enough to be read.
    shown = [(names[column], names[row], value) for row, line in enumerate(cells) for column, value in enumerate(line) if value is not None]
    colours = [readable_on(palette.between(palette.up if value > 0 else palette.down, abs(value) / widest)) for *_, value in shown]
    numbers: dict[str, Any] = {
        "type": "scatter", "mode": "text", "x": [column for column, *_ in shown], "y": [row for _, row, _ in shown],
        "text": [f"{value:+.2f}" for *_, value in shown], "textfont": {"color": colours}, "hoverinfo": "skip", "showlegend": False,
    }  # fmt: skip
    height = 110 + 34 * len(names)
    plain = {"type": "category", "showgrid": False}
    axes: Mapping[str, Any] = {"xaxis": {"side": "top", **plain}, "yaxis": {"autorange": "reversed", **plain}}
    return graph("map", [trace, numbers], palette.layout(symbol, height, **axes), page.texts("arbitrage.map", symbol=symbol))


def _premium(dear: Price, cheap: Price) -> float | None:
    if dear.market == cheap.market or not (dear.is_fresh and cheap.is_fresh) or not cheap.price_usd:
        return None
    return (dear.price_usd - cheap.price_usd) / cheap.price_usd * 100


def _regions(shown: Arbitrage, symbol: str, page: Page) -> Any:
    """The premium of each pair of regions; of those with Korea, whose prices are in won, on both bases."""
    texts = page.texts
    traces = []
    korean = [pair for pair in shown.pairs if Region.KOREA.value in pair.split("_")]
    knows_bank = any(row[f"{_BANK}{pair}"] is not None for row in shown.regional for pair in korean)

    def drawn(column: str, name: str, colour: str, dash: str) -> dict[str, Any]:
        return line(shown.regional, "window_end", column, name, page, {"color": colour, "dash": dash, "width": 2})

    for pair, colour in zip(shown.pairs, page.palette.series, strict=False):
        name = " / ".join(texts.named("region", region) for region in pair.split("_"))
        if pair not in korean:
            traces.append(drawn(f"{_PREMIUM}{pair}", name, colour, "solid"))
            continue
        traces.append(drawn(f"{_PREMIUM}{pair}", texts("arbitrage.by_usdt", pair=name), colour, "solid"))
        if knows_bank:
            traces.append(drawn(f"{_BANK}{pair}", texts("arbitrage.by_bank", pair=name), colour, "dash"))
    layout = page.palette.layout(symbol, 360, yaxis={"ticksuffix": " %", "tickformat": ".2f"}, xaxis={"type": "date"})
    note = texts("arbitrage.bases" if knows_bank else "arbitrage.no_bank")
    return graph("regions", traces, layout, texts("arbitrage.regions", symbol=symbol), note)
