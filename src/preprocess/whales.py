"""Whales: single trades and runs of trades above a notional, or above what their own price's last hour knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.config.settings import Settings
from src.preprocess.candles import PRICE_KEYS
from src.preprocess.expression import Expression, col, when
from src.preprocess.metric import Metric, Window
from src.preprocess.notional_hour import hour_before, minute_of, percentile_usd
from src.preprocess.series import Row, Series, SeriesMetric
from src.preprocess.statistics import Count, Last, Max
from src.preprocess.taker_runs import Run, runs_of, turn_of
from src.schema.kinds import Kind

_MINUTE_MS = 60_000
_NUMBERS = ("price", "first_price", "last_price", "size", "notional_usd", "percentile_usd")
_COUNTS = ("trades", "event_time", "last_event_time", "hour_trades")


def floor_usd(settings: Settings) -> float:
    """What a whale is above in any case, USD."""
    return min(settings.whale_floor_usd, settings.whale_notional_usd)


def large_trade_columns(settings: Settings) -> Mapping[str, Expression]:
    """Main columns: a trade's id and side where it is above the floor, else both empty, so that all smaller ones are counted in one row.

    Over `counted` and `notional_usd`. `identified`: trades with an id, a side and a notional in USD; no others can be a whale's.
    """
    is_large = col("notional_usd") > floor_usd(settings)
    has_id = col("trade_id").is_not_null() & ~col("trade_id").equals("")
    return {
        "identified": col("counted") & has_id & col("side").is_not_null() & col("notional_usd").is_not_null(),
        "large_trade_id": when(is_large, col("trade_id"), ""),
        "large_trade_side": when(is_large, col("side"), ""),
    }


def large_trades(settings: Settings) -> Metric:
    """`large_trades`; TradeQueryOrganization.cal_large_trades says what the columns mean."""
    is_large = col("notional_usd") > floor_usd(settings)
    return Metric(
        "large_trades",
        Window("1 minute"),
        keys=(*PRICE_KEYS, "large_trade_id", "large_trade_side"),
        packed=("large_trade_id", "large_trade_side"),
        where=col("identified"),
        headline=("price", "size", "notional_usd", "trades"),
        stats={
            "trades": Count(),
            "price": Last("price", where=is_large),
            "size": Last("size", where=is_large),
            "notional_usd": Last("notional_usd", where=is_large),
            "event_time": Max("event_time", where=is_large),
        },
    )


def whale_trades(settings: Settings) -> SeriesMetric:
    """`whale_trades`; TradeQueryOrganization.cal_whale_trades says what the columns mean."""
    return SeriesMetric(
        "whale_trades",
        of=("large_trades", "taker_seconds", "taker_half_seconds"),
        keys=PRICE_KEYS,
        columns={
            **dict.fromkeys(("kind", "side", "trade_id", "reason"), Kind.STRING),
            **dict.fromkeys(_NUMBERS, Kind.DOUBLE),
            **dict.fromkeys(_COUNTS, Kind.LONG),
        },
        row_keys=("kind", "side", "trade_id"),
        series=Whales(settings.whale_notional_usd, settings.whale_percentile, floor_usd(settings)),
        headline=("kind", "reason", "price", "notional_usd", "trades"),
    )


@dataclass(frozen=True)
class Whales(Series):
    """The whales of each minute, by the notional and by the percentile of the 60 minutes before it.

    State: `[start, minutes, turn]`: when the newest minute began (ms), the histograms of the hour's minutes up to it
    (src/preprocess/notional_hour.py), and what its last half second leaves to runs that go on after it (src/preprocess/taker_runs.py).
    """

    notional_usd: float
    percentile: float
    floor_usd: float

    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        traded, full, half = rows["large_trades"], rows["taker_seconds"], rows["taker_half_seconds"]
        first = next(row for given in (traded, full, half) for row in given)
        start = first["window_start"]
        last, minutes, turn = state or (start, [], [])
        passed = (start - last) // _MINUTE_MS
        hour = hour_before(minutes, passed)
        judged = _Judged(self, percentile_usd(hour, self.percentile, self.floor_usd), sum(minute[1] for minute in hour))
        large = [row for row in traded if row["large_trade_id"]]
        runs = runs_of(full, half, turn if passed == 1 else (), lambda notional: judged.reason(notional) is not None)
        # A trade that came twice is one row, and counts once.
        trades = len(large) + sum(row["trades"] for row in traded if not row["large_trade_id"])
        own = minute_of(trades, (row["notional_usd"] for row in large))
        found = [*map(judged.single, large), *map(judged.run, runs)]
        return [start, [*hour, own], turn_of(half, runs)], [row for row in found if row["reason"] is not None]


@dataclass(frozen=True)
class _Judged:
    """What the whales of a minute are judged by."""

    limits: Whales
    percentile_usd: float | None
    hour_trades: int

    def reason(self, notional: float | None) -> str | None:
        """Why a notional (USD) is a whale's; None when it is not."""
        if notional is None or not self.limits.floor_usd < notional < float("inf"):
            return None
        is_outlier = self.percentile_usd is not None and notional >= self.percentile_usd
        if notional > self.limits.notional_usd:
            return "both" if is_outlier else "notional"
        return "percentile" if is_outlier else None

    def single(self, row: Row) -> dict[str, Any]:
        """The row of one trade."""
        named = {"kind": "single", "side": row["large_trade_side"], "trade_id": row["large_trade_id"], "trades": 1}
        price, time = row["price"], row["event_time"]
        prices = {"price": price, "first_price": price, "last_price": price, "size": row["size"]}
        return {**named, **prices, "event_time": time, "last_event_time": time, **self._why(row["notional_usd"])}

    def run(self, run: Run) -> dict[str, Any]:
        """The row of a run of trades."""
        same = ("side", "trades", "first_price", "last_price", "size", "event_time", "last_event_time")
        size, notional = run["size"], run["notional"]
        price = notional / size if size and notional is not None else None
        return {
            "kind": "run",
            "trade_id": run["first_trade_id"],
            "price": price,
            **{name: run[name] for name in same},
            **self._why(run["notional_usd"]),
        }

    def _why(self, notional: float | None) -> dict[str, Any]:
        known = {"percentile_usd": self.percentile_usd, "hour_trades": self.hour_trades}
        return {"notional_usd": notional, "reason": self.reason(notional), **known}
