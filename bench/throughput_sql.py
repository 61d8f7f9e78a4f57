"""The four ticker metrics as SQL, for both rivals. Columns are named as ours, so that the rows can be compared; standard library only.

What they leave out makes them lighter than ours: the moving averages (`ma_price`, `ma_volume`) would ask for one more window and a join, the count of
the input (`input_quality`) for one more query, the names of the dearest and the cheapest market for expressions that Flink plans for seconds, and the
regional premium at a bank's rate for as many statistics again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

STALE_MS = 60_000
LATE_MS = 60_000
"""Ages that the settings have by default."""
TEXTS = frozenset({"signal"})
"""Columns that are text; `records` is a count, the others are numbers."""


@dataclass(frozen=True)
class Engine:
    """How a rival says the first and the last by event time; `{value}` and `{where}` stand for the value and for what it is filtered by."""

    first: str
    last: str


_AT = "CONCAT(CAST(`event_time` AS STRING), CAST({value} AS STRING))"
FLINK = Engine(
    f"CAST(SUBSTRING(MIN({_AT}) FILTER (WHERE {{where}}) FROM 14) AS DOUBLE)",
    f"CAST(SUBSTRING(MAX({_AT}) FILTER (WHERE {{where}}) FROM 14) AS DOUBLE)",
)
"""Its FIRST_VALUE and LAST_VALUE have no event time and cannot be merged, so windows that overlap refuse them; times of 13 digits sort as text."""
FLINK_LIGHT = Engine("MIN({value}) FILTER (WHERE {where})", "MAX({value}) FILTER (WHERE {where})")
"""With least and greatest in the place of first and last, which is less work and not the same metric."""
SPARK = Engine("min_by({value}, `event_time`) FILTER (WHERE {where})", "max_by({value}, `event_time`) FILTER (WHERE {where})")


@dataclass(frozen=True)
class Query:
    """A windowed metric: `columns` are computed of keys and `statistics`, by name."""

    name: str
    size_seconds: int
    slide_seconds: int
    keys: tuple[str, ...]
    where: str
    statistics: Mapping[str, str]
    columns: Mapping[str, str] = field(default_factory=dict)
    """In SQL over the statistics' names."""


def accepted(quotes: Mapping[str, str]) -> str:
    """Which records count: spot, in the market's own quote, with a price, not late."""
    comparable = " OR ".join(f"(`market` = '{market}' AND `quote` = '{quote}')" for market, quote in quotes.items())
    return f"`instrument` = 'spot' AND ({comparable}) AND (`backfilled` OR `received_time` - `event_time` <= {LATE_MS}) AND `price` > 0"


def queries(markets: tuple[str, ...], regions: tuple[str, ...], engine: Engine) -> tuple[Query, ...]:
    """time_metrics, arbitrage, market_arbitrage, market_arbitrage_signal."""
    return (_time_metrics(markets, engine), _arbitrage(regions), _market_arbitrage(markets, engine), _signal(engine))


def _time_metrics(markets: tuple[str, ...], engine: Engine) -> Query:
    statistics = {
        "mean": "AVG(`price_usd`)",
        "high": "MAX(`price_usd`)",
        "low": "MIN(`price_usd`)",
        "deviation": "STDDEV_SAMP(`price_usd`)",
        "counted": "COUNT(*)",
        "traded": "SUM(`traded_volume`)",
        "untold": "COUNT(*) FILTER (WHERE `traded_volume` IS NULL)",
    }
    for market in markets:
        statistics[f"first_{market}"] = engine.first.format(value="`volume_24h`", where=f"`market` = '{market}'")
        statistics[f"last_{market}"] = engine.last.format(value="`volume_24h`", where=f"`market` = '{market}'")
    moves = [f"last_{market} - first_{market}" for market in markets]
    columns = {
        "mean_price_usd": "mean",
        "high_price_usd": "high",
        "low_price_usd": "low",
        "price_deviation_usd": "deviation",
        "records": "counted",
        "volume": "CASE WHEN untold = 0 THEN traded END",
        "volume_24h_change": f"CASE WHEN COALESCE({', '.join(moves)}) IS NOT NULL THEN {' + '.join(f'COALESCE({move}, 0.0)' for move in moves)} END",
    }
    return Query("time_metrics", 60, 30, ("symbol", "region"), "`price_usd` IS NOT NULL", statistics, columns)


def _arbitrage(regions: tuple[str, ...]) -> Query:
    statistics = {"newest": "MAX(`event_time`)"}
    columns = {}
    for region in regions:
        statistics[f"mean_{region}"] = f"AVG(`price_usd`) FILTER (WHERE `region` = '{region}')"
        statistics[f"time_{region}"] = f"MAX(`event_time`) FILTER (WHERE `region` = '{region}')"
        columns[f"mean_price_usd_{region}"] = f"mean_{region}"
    for one, other in combinations(regions, 2):
        spread = f"{_fresh('mean', one)} - {_fresh('mean', other)}"
        columns[f"spread_usd_{one}_{other}"] = spread
        columns[f"premium_percent_{one}_{other}"] = f"({spread}) / {_fresh('mean', other)} * 100"
    return Query("arbitrage", 300, 60, ("symbol",), "`price_usd` IS NOT NULL", statistics, columns)


def _market_arbitrage(markets: tuple[str, ...], engine: Engine) -> Query:
    statistics = {"newest": "MAX(`event_time`)"}
    columns = {}
    for market in markets:
        statistics[f"last_{market}"] = engine.last.format(value="`price_usd`", where=f"`market` = '{market}'")
        statistics[f"time_{market}"] = f"MAX(`event_time`) FILTER (WHERE `market` = '{market}')"
        columns[f"last_price_usd_{market}"] = f"last_{market}"
        columns[f"age_seconds_{market}"] = f"(newest - time_{market}) / 1000E0"
    fresh = {market: _fresh("last", market) for market in markets}
    compared = " + ".join(f"CASE WHEN {price} IS NULL THEN 0 ELSE 1 END" for price in fresh.values())
    high = f"GREATEST({', '.join(f'COALESCE({price}, -1E300)' for price in fresh.values())})"
    low = f"LEAST({', '.join(f'COALESCE({price}, 1E300)' for price in fresh.values())})"

    def both(sql: str) -> str:
        return f"CASE WHEN {compared} > 1 THEN {sql} END"

    columns |= {
        "best_spread_usd": both(f"{high} - {low}"),
        "best_premium_percent": both(f"({high} - {low}) / {low} * 100"),
    }
    return Query("market_arbitrage", 300, 60, ("symbol",), "`price_usd` IS NOT NULL", statistics, columns)


def _signal(engine: Engine) -> Query:
    statistics = {
        "first_price_": engine.first.format(value="`price`", where="TRUE"),
        "last_price_": engine.last.format(value="`price`", where="TRUE"),
        "counted": "COUNT(*)",
        "first_volume": engine.first.format(value="`volume_24h`", where="TRUE"),
        "last_volume": engine.last.format(value="`volume_24h`", where="TRUE"),
        "mean": "AVG(`price`)",
        "deviation": "STDDEV_SAMP(`price`)",
    }
    price_change = "(last_price_ - first_price_) / first_price_ * 100"
    volume_change = "(last_volume - first_volume) / first_volume * 100"
    alert, surge = f"ABS({price_change}) >= 2.0", f"{volume_change} >= 2.8"
    one = f"WHEN {alert} THEN 'PRICE_ALERT' WHEN {surge} THEN 'VOLUME_SURGE'"
    columns = {
        "first_price": "first_price_",
        "last_price": "last_price_",
        "records": "counted",
        "price_change_percent": price_change,
        "volume_24h_change_percent": volume_change,
        "volatility_percent": "deviation / mean * 100",
        "signal": f"CASE WHEN {alert} AND {surge} THEN 'PRICE_ALERT,VOLUME_SURGE' {one} END",
    }
    return Query("market_arbitrage_signal", 300, 60, ("symbol", "market", "region"), "TRUE", statistics, columns)


def _fresh(statistic: str, name: str) -> str:
    return f"(CASE WHEN newest - time_{name} <= {STALE_MS} THEN {statistic}_{name} END)"
