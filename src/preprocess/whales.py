"""Large trades: above a notional, in runs of one taker side, and above what their own symbol's last hour knows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.config.settings import Settings
from src.preprocess.candles import PRICE_KEYS
from src.preprocess.expression import Expression, col
from src.preprocess.metric import Metric, Window
from src.preprocess.series import Row, Series, SeriesMetric
from src.preprocess.statistics import Count, First, Last, Max, Sum
from src.preprocess.trade_columns import upper_edge
from src.schema.kinds import Kind

_HOUR_MS = 3_600_000
_IDENTIFIED = col("counted") & col("trade_id").is_not_null() & col("side").is_not_null()
_MINUTE = Window("1 minute")


def single_trades(name: str, above_usd: float) -> Metric:
    """One row for each trade above that notional that has an id and a side."""
    return Metric(
        name,
        _MINUTE,
        keys=(*PRICE_KEYS, "trade_id", "side"),
        where=_IDENTIFIED & (col("notional_usd") > above_usd),
        headline=("price", "size", "notional_usd", "event_time"),
        stats={"price": Last("price"), "size": Last("size"), "notional_usd": Last("notional_usd"), "event_time": Max("event_time")},
    )


def whale_runs(settings: Settings) -> Metric:
    """`whale_runs`; TradeQueryOrganization.cal_whale_runs says what the columns mean."""
    return Metric(
        "whale_runs",
        Window("1 second"),
        keys=(*PRICE_KEYS, "side"),
        where=col("counted") & col("side").is_not_null() & (col("notional_usd") >= settings.whale_run_trade_usd),
        having=(col("notional_usd") > settings.whale_notional_usd) & (col("trades") > 1),
        headline=("notional_usd", "trades", "first_price", "last_price", "size"),
        stats={
            "trades": Count(),
            "size": Sum("size"),
            "notional_usd": Sum("notional_usd"),
            "first_price": First("price", order="trade_number"),
            "last_price": Last("price", order="trade_number"),
            "_notional": Sum("notional"),
        },
        derived={"vwap": col("_notional") / col("size")},
    )


def trade_sizes() -> Metric:
    """`trade_sizes`; TradeQueryOrganization.cal_trade_sizes says what the columns mean."""
    is_sized: Expression = col("counted") & col("size_bin").is_not_null()
    return Metric("trade_sizes", _MINUTE, keys=(*PRICE_KEYS, "size_bin"), where=is_sized, stats={"trades": Count()})


def whale_outliers(settings: Settings) -> SeriesMetric:
    """`whale_outliers`; TradeQueryOrganization.cal_whale_outliers says what the columns mean."""
    numbers = ("price", "size", "notional_usd", "percentile_usd")
    return SeriesMetric(
        "whale_outliers",
        of=("trade_sizes", "large_trades"),
        keys=PRICE_KEYS,
        columns={
            "trade_id": Kind.STRING,
            "side": Kind.STRING,
            **dict.fromkeys(numbers, Kind.DOUBLE),
            "event_time": Kind.LONG,
            "hour_trades": Kind.LONG,
        },
        row_keys=("trade_id", "side"),
        series=Outliers(settings.whale_percentile),
        headline=("price", "size", "notional_usd", "percentile_usd"),
    )


@dataclass(frozen=True)
class Outliers(Series):
    """The large trades of each minute above a percentile of the 60 minutes before it.

    State: for each of those minutes that had trades its beginning (ms) and how many trades each bin had, `[start, [[bin, trades], ...]]`.
    """

    percentile: float

    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        sizes, large = rows["trade_sizes"], rows["large_trades"]
        start = (sizes or large)[0]["window_start"]
        hour = [minute for minute in state or () if minute[0] >= start - _HOUR_MS]
        bins: dict[float, int] = {}
        for _, counts in hour:
            for number, trades in counts:
                bins[number] = bins.get(number, 0) + trades
        found = percentile_bin(bins, self.percentile)
        # What is no number is found here: in the state it would disturb the hour after it.
        own = [[float(row["size_bin"]), int(row["trades"])] for row in sorted(sizes, key=lambda row: row["size_bin"])]
        kept = [*hour, [start, own]]
        if found is None:
            return kept, ()
        known = {"percentile_usd": upper_edge(found), "hour_trades": sum(bins.values())}
        names = ("trade_id", "side", "price", "size", "notional_usd", "event_time")
        edge = known["percentile_usd"]
        return kept, [{name: row[name] for name in names} | known for row in large if (row["notional_usd"] or 0.0) >= edge]


def percentile_bin(bins: Mapping[float, int], percentile: float) -> float | None:
    """The bin that holds the percentile (nearest rank) of trades counted by bin.

    None when the trades are so few that not one of them could lie above it: below 1000 for 99.9.
    """
    count = sum(bins.values())
    rank = math.ceil(count * percentile / 100.0 - 1e-9)
    if rank >= count:
        return None
    for number in sorted(bins):
        rank -= bins[number]
        if rank <= 0:
            return number
    return None
