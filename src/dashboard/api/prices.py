"""Prices now: what the overview shows, and the last price of every market."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from src.config.settings import Settings
from src.dashboard.api.answers import Api
from src.dashboard.api.models import MarketPriceModel, PriceModel
from src.dashboard.api.parameters import Parameter
from src.dashboard.api.problems import Fault, Refused, nearest
from src.dashboard.choice import Choice
from src.dashboard.last_prices import last_prices, prices_question
from src.dashboard.palette import LIGHT
from src.dashboard.question import newest_by
from src.dashboard.texts import texts
from src.dashboard.view import Page, views
from src.schema.records import Source

_MARKET_FIELDS = tuple(MarketPriceModel.model_fields)
_TILE_FIELDS = tuple(name for name in PriceModel.model_fields if name != "markets")


def price_parameters(settings: Settings) -> tuple[Parameter, ...]:
    """What a request for prices may say."""
    source = Parameter("source", "live, replay or simulated; by default that of the newest row.", values=tuple(Source))
    return source, Parameter("symbol", "This base coin alone.", known=settings.symbols, is_upper=True)


def prices_answer(api: Api, settings: Settings, given: dict[str, Any]) -> dict[str, Any]:
    """An answer as `PricesModel` describes it. Raises Refused for a symbol without a price, and DatabaseAway."""
    reading = api.reading
    page = Page(Choice(source=given.get("source", "")), texts("en"), ZoneInfo("UTC"), LIGHT, reading.now, settings)
    # The overview's own questions: whoever looks at it has asked them already.
    loaded = views()["overview"].load(reading, page)
    wanted = given.get("symbol")
    tiles = [tile for tile in loaded.rows if wanted in {None, tile.symbol}]
    if wanted is not None and not tiles:
        what = f"there is no price of {wanted!r} now"
        raise Refused(404, "no such symbol", what, [Fault("symbol", what, nearest(wanted, [tile.symbol for tile in loaded.rows]))])
    newest = reading.newest("time_metrics", given.get("source"))
    rows = newest_by(reading.rows(prices_question(reading, newest, settings)), "symbol") if newest else {}
    markets = {symbol: [dict(zip(_MARKET_FIELDS, price, strict=True)) for price in last_prices(row)] for (symbol,), row in rows.items()}
    age = None if loaded.newest is None else reading.now - loaded.newest
    return {
        "source": loaded.source or None,
        "newest_event_time": loaded.newest,
        "age_ms": age,
        "is_stale": None if age is None else age > loaded.fresh_ms,
        "prices": [{name: getattr(tile, name) for name in _TILE_FIELDS} | {"markets": markets.get(tile.symbol, [])} for tile in tiles],
    }
