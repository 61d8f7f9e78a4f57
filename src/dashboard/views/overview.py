"""The overview: a tile for each symbol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from dash import dcc, html

from src.dashboard.components import chips, signed, table
from src.dashboard.format import MISSING, number, percent
from src.dashboard.freshness import newest_event, prices_since
from src.dashboard.last_prices import PRICE, last_prices, prices_question
from src.dashboard.question import Question, newest_by
from src.dashboard.reading import Reading
from src.dashboard.view import Column, Loaded, Page, Sheet, View

_MINUTE = 60_000
_SPARK_MS = 30 * _MINUTE
_SORTS = ("symbol", "price", "change", "premium")
_COLUMNS = (
    Column("symbol"),
    Column("price_usd", "price"),
    Column("market_usd", "market"),
    Column("price_krw", "price"),
    Column("market_krw", "market"),
    Column("change_percent", "percent"),
    Column("korea_premium_percent", "percent"),
)


@dataclass(frozen=True)
class Tile:
    """One symbol.

    change_percent: mean price of the newest minute against that of the minute before, while that is of now; korea_premium_percent: Korea above
    another region, won by the price of USDT there.
    """

    symbol: str
    price_usd: float | None
    market_usd: str | None
    price_krw: float | None
    market_krw: str | None
    change_percent: float | None
    korea_premium_percent: float | None
    spark: tuple[float, ...]

    @property
    def cells(self) -> tuple[Any, ...]:
        """As a row of the sheet."""
        return tuple(getattr(self, column.name) for column in _COLUMNS)


class Overview(View):
    """A tile for each symbol: prices, change, sparkline and premium; sorted by the address, searched by the page."""

    name: ClassVar[str] = "overview"
    order: ClassVar[int] = 10
    searchable: ClassVar[bool] = True

    def load(self, reading: Reading, page: Page) -> Loaded:
        newest = reading.newest("time_metrics", page.choice.source or None)
        if newest is None:
            return Loaded(())
        source, recent = (("source", newest.source),), prices_since(newest.time, page.settings)
        premiums = tuple(column.name for column in reading.tables["arbitrage"].columns if column.name.startswith("premium_percent_korea"))
        means = reading.rows(
            Question("time_metrics", ("symbol", "region", "window_start", "mean_price_usd"), source, newest.time - _SPARK_MS - _MINUTE)
        )
        asked = prices_question(reading, newest, page.settings)
        prices = newest_by(reading.rows(asked), "symbol")
        own = reading.rows(Question("market_arbitrage_signal", ("symbol", "market", "region", "last_price"), source, recent))
        regional = newest_by(reading.rows(Question("arbitrage", ("symbol", *premiums), source, recent)), "symbol")
        korean = {(row["symbol"], row["market"]): row["last_price"] for row in reversed(own) if row["region"] == "korea"}
        series: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
        for row in means:
            series[row["symbol"]][row["region"]][row["window_start"]] = row["mean_price_usd"]
        order = [market for market in page.settings.markets if f"{PRICE}{market}" in asked.columns]
        home = {market for _, market in korean}
        tiles = []
        for symbol in sorted(series):
            usd = _dollar(prices.get((symbol,), {}), [market for market in order if market not in home], page.settings.ticker_max_age_seconds)
            krw = next(((market, korean[symbol, market]) for market in order if korean.get((symbol, market)) is not None), (None, None))
            change, spark = _course(series[symbol], recent)
            premium = next((value for name in premiums if (value := regional.get((symbol,), {}).get(name)) is not None), None)
            tiles.append(Tile(symbol, usd[1], usd[0], krw[1], krw[0], change, premium, spark))
        return Loaded(tuple(tiles), newest.source, newest_event(reading, newest, "ticker"))

    def show(self, loaded: Loaded, page: Page) -> Any:
        sort = page.choice.sort if page.choice.sort in _SORTS else _SORTS[0]
        order = chips(page.texts("sort"), "sort", _SORTS, sort, page.choice, lambda name: page.texts(f"sort.{name}"))
        tiles = _sorted(loaded.rows, page)
        cards = [_card(tile, page) for tile in tiles] or [html.P(page.texts("overview.nothing_found"), className="empty")]
        return [order, html.Div(cards, className="tiles", id="tiles"), *(table(sheet, page) for sheet in self.sheets(loaded, page))]

    def sheets(self, loaded: Loaded, page: Page) -> Sequence[Sheet]:
        return (Sheet("symbols", _COLUMNS, [tile.cells for tile in _sorted(loaded.rows, page)]),)


def _dollar(row: Mapping[str, Any], markets: Sequence[str], oldest: float) -> tuple[str | None, float | None]:
    """The first market outside Korea whose price is fresh, and the price."""
    fresh = {market: price for market, price, age in last_prices(row) if age is not None and age <= oldest}
    return next(((market, fresh[market]) for market in markets if market in fresh), (None, None))


def _course(regions: Mapping[str, Mapping[int, float]], recent: int) -> tuple[float | None, tuple[float, ...]]:
    """Change against the minute before, percent, and the means in order; of the region that has the newest and then the most of them.

    recent: a change before this is none of now, ms since 1970 UTC.
    """
    means = max(regions.values(), key=lambda one: (max(one), len(one)))
    newest = max(means)
    before = means.get(newest - _MINUTE)
    change = (means[newest] - before) / before * 100 if before and means[newest] is not None and newest >= recent else None
    return change, tuple(means[time] for time in sorted(means) if means[time] is not None)


def _sorted(tiles: Iterable[Tile], page: Page) -> list[Tile]:
    wanted = page.search.strip().upper()
    found = [tile for tile in tiles if wanted in tile.symbol]
    of = {"price": lambda tile: tile.price_usd, "change": lambda tile: tile.change_percent, "premium": lambda tile: tile.korea_premium_percent}
    value = of.get(page.choice.sort)
    return sorted(found, key=lambda tile: (value(tile) is None, -(value(tile) or 0), tile.symbol)) if value else found


def _card(tile: Tile, page: Page) -> Any:
    texts = page.texts
    usd, krw = f"$ {number(tile.price_usd)}", f"₩ {number(tile.price_krw)}"
    places = " · ".join(texts.named("market", market) for market in (tile.market_usd, tile.market_krw) if market)
    figures = [
        html.Dt(texts("column.change_percent")),
        html.Dd(signed(tile.change_percent, percent(tile.change_percent))),
        html.Dt(texts("column.korea_premium_percent")),
        html.Dd(signed(tile.korea_premium_percent, percent(tile.korea_premium_percent))),
    ]
    spark = html.Img(src=_svg(tile.spark, page.palette.series[0]), alt=texts("overview.spark", symbol=tile.symbol), className="spark")
    return dcc.Link(
        [
            html.Div([html.Strong(tile.symbol), html.Small(places or MISSING)], className="head"),
            html.Div(usd, className="price"),
            html.Div(krw, className="second"),
            spark,
            html.Dl(figures),
        ],
        href=page.choice.but(view="candles", symbol=tile.symbol, sort="").href,
        className="tile card",
        id=f"tile-{tile.symbol}",
    )


def _svg(values: Sequence[float], colour: str) -> str:
    """A line over the values, as an image's address."""
    low, high = min(values, default=0), max(values, default=0)
    span = (high - low) or 1
    points = " ".join(f"{place * 120 / max(1, len(values) - 1):.1f},{30 - (value - low) / span * 28:.1f}" for place, value in enumerate(values))
    line = f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='1.5'/>"
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 120 32' preserveAspectRatio='none'>{line}</svg>"
    return f"data:image/svg+xml,{quote(picture)}"
