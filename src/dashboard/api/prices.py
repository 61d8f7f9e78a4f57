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
from src.dashboard.freshness import prices_since
from src.dashboard.palette import LIGHT
from src.dashboard.question import Question, newest_by
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
    markets = _by_market(api, settings, loaded.source) if loaded.newest is not None else {}
    age = None if loaded.newest is None else reading.now - loaded.newest
    return {
        "source": loaded.source or None,
        "newest_event_time": loaded.newest,
        "age_ms": age,
        "is_stale": None if age is None else age > loaded.fresh_ms,
        "prices": [{name: getattr(tile, name) for name in _TILE_FIELDS} | {"markets": markets.get(tile.symbol, [])} for tile in tiles],
    }


def _by_market(api: Api, settings: Settings, source: str) -> dict[str, list[dict[str, Any]]]:
    names = [name.removeprefix("last_price_usd_") for name in api.tables["market_arbitrage"].kinds if name.startswith("last_price_usd_")]
    newest = api.reading.newest("market_arbitrage", source)
    if newest is None:
        return {}
    legs = tuple(f"{part}_{market}" for market in names for part in ("last_price_usd", "age_seconds"))
    asked = Question("market_arbitrage", ("symbol", *legs), (("source", source),), prices_since(newest.time, settings))
    found = {}
    for (symbol,), row in newest_by(api.reading.rows(asked), "symbol").items():
        values = [(market, row[f"last_price_usd_{market}"], row[f"age_seconds_{market}"]) for market in names]
        found[symbol] = [dict(zip(_MARKET_FIELDS, value, strict=True)) for value in values if value[1] is not None]
    return found
