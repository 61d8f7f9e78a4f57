"""Runs of trades: what one side took at one price within a second.

No venue says who the taker was. Trades of one taker side at one venue within one second are taken for one taker's, which is what an order that
walks the book looks like; takers of the same side that meet in one second cannot be told apart.
Seconds begin every half second, at the full one and halfway to the next, so a run of up to 500 ms lies in one of them wherever it begins. Of those
that overlap the one with the largest notional is kept.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from src.config.settings import Settings
from src.preprocess.candles import PRICE_KEYS
from src.preprocess.expression import Expression, col
from src.preprocess.metric import Metric, Window
from src.preprocess.series import Row
from src.preprocess.statistics import Count, First, Last, Max, Min, Sum

BEFORE_MINUTE = -0.5
"""The `half_second` of what lies in this minute of the second that began half a second before it."""
END_OF_MINUTE = 59.5
"""The `half_second` of what lies in this minute of the second that ends half a second after it."""
_SUMS = ("trades", "size", "notional", "notional_usd")
_LAST = ("last_price", "last_event_time")

Run = Mapping[str, Any]
"""A row of one of the two metrics, with `begin`: seconds since the beginning of the minute."""


def taker_seconds(settings: Settings, floor: float) -> Metric:
    """`taker_seconds`; TradeQueryOrganization.cal_taker_seconds says what the columns mean. floor: smaller ones have no row, USD."""
    return _seconds("taker_seconds", "second", settings, _is_run(floor))


def taker_half_seconds(settings: Settings, floor: float) -> Metric:
    """`taker_half_seconds`; TradeQueryOrganization.cal_taker_half_seconds says what the columns mean. floor: smaller ones have no row, USD."""
    # Of a second that the turn of the minute cuts each part has a row, however small: they are put together when the minute is closed.
    is_cut = (col("half_second") < 0.0) | (col("half_second") >= END_OF_MINUTE)
    return _seconds("taker_half_seconds", "half_second", settings, _is_run(floor) | is_cut)


def _is_run(floor: float) -> Expression:
    return (col("notional_usd") > floor) & (col("trades") > 1)


def _seconds(name: str, key: str, settings: Settings, having: Expression) -> Metric:
    return Metric(
        name,
        Window("1 minute"),
        keys=(*PRICE_KEYS, "side", key),
        packed=("side", key),
        where=col("identified") & (col("notional_usd") >= settings.whale_run_trade_usd),
        having=having,
        headline=("notional_usd", "trades", "first_price", "last_price", "size"),
        stats={
            "trades": Count(),
            "size": Sum("size"),
            "notional": Sum("notional"),
            "notional_usd": Sum("notional_usd"),
            "first_price": First("price", order="trade_number"),
            "last_price": Last("price", order="trade_number"),
            "first_trade_id": First("trade_id", order="trade_number"),
            "event_time": Min("event_time"),
            "last_event_time": Max("event_time"),
        },
    )


def runs_of(full: Sequence[Row], half: Sequence[Row], turn: Iterable[Run], is_whale: Callable[[float], bool]) -> list[Run]:
    """The runs of one minute that are a whale's, none overlapping another.

    full, half: its rows of the two metrics. turn: what `turn_of` gave for the minute right before it. is_whale: of a notional, USD.
    """
    before = {row["side"]: row for row in turn}
    found: dict[str, list[Run]] = defaultdict(list)
    for row in full:
        found[row["side"]].append({**row, "begin": row["second"]})
    for row in half:
        begin, earlier = row["half_second"], before.get(row["side"])
        if begin == BEFORE_MINUTE and earlier is not None:
            found[row["side"]].append({**joined(earlier, row), "begin": begin})
        elif BEFORE_MINUTE < begin < END_OF_MINUTE:
            found[row["side"]].append({**row, "begin": begin})
    return [run for side in sorted(found) for run in _largest(found[side], is_whale)]


def turn_of(half: Iterable[Row], runs: Iterable[Run]) -> list[Run]:
    """Of a minute, by side, what its last half second leaves to a run that goes on after it: nothing where it is part of a run already."""
    taken = {run["side"] for run in runs if run["begin"] + 1.0 > END_OF_MINUTE}
    return [row for row in half if row["half_second"] == END_OF_MINUTE and row["side"] not in taken]


def joined(first: Run, second: Run) -> dict[str, Any]:
    """Two parts of a run, the earlier one first."""
    sums = {name: None if first[name] is None or second[name] is None else first[name] + second[name] for name in _SUMS}
    return {**first, **sums, **{name: second[name] for name in _LAST}}


def _largest(seconds: Sequence[Run], is_whale: Callable[[float], bool]) -> list[Run]:
    """The seconds of one side that are a whale's, oldest first, of those that overlap the largest."""
    whales = [run for run in seconds if run["trades"] > 1 and _is_finite(run["notional_usd"]) and is_whale(run["notional_usd"])]
    kept: list[Run] = []
    for run in sorted(whales, key=_rank):
        if all(abs(run["begin"] - other["begin"]) >= 1.0 for other in kept):
            kept.append(run)
    return sorted(kept, key=lambda run: float(run["begin"]))


def _is_finite(number: float | None) -> bool:
    return number is not None and math.isfinite(number)


def _rank(run: Run) -> tuple[float, float]:
    # Overlapping seconds often hold the very same trades; their sums may then differ in the last digit, by the order of adding.
    return -float(f"{run['notional_usd']:.9g}"), run["begin"]
