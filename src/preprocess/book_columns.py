"""What the levels of one order book say: its best prices, its sizes, and what it costs to walk it for a notional."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import ge, le
from typing import Any

import numpy as np

from src.preprocess.computed import Computed
from src.preprocess.ragged_levels import Floats, RaggedLevels, Side
from src.schema.kinds import Kind

BASIS_POINTS = 10_000.0
DISTANCES_BP = (10, 50, 100)
"""How far from the mid sizes are added up, basis points."""
_PRICES = ("best_bid", "best_ask", "best_bid_usd", "best_ask_usd", "mid_usd", "spread_usd", "spread_bp", "crossed")


@dataclass(frozen=True)
class _Half:
    """One side: what its columns are called, and which way its prices go."""

    name: str
    walked: str
    """Whoever takes from the bids sells, and whoever takes from the asks buys."""
    away: float
    """-1 where deeper levels are lower."""
    not_beyond: Callable[[Any, Any], Any]


_BID = _Half("bid", "sell", -1.0, ge)
_ASK = _Half("ask", "buy", 1.0, le)


@dataclass(frozen=True)
class BookColumns(Computed):
    """Columns of one book. Those of a side are null where that side is empty, those that need both where either is.

    best_bid, best_ask: quote currency; best_bid_usd, best_ask_usd, mid_usd (halfway between), spread_usd (ask minus bid): USD;
    spread_bp: the spread in basis points of the mid; bid_size_usd, ask_size_usd: price times size, USD, of the first `size_levels` levels;
    <side>_size_within_<n>bp_usd: the same of the levels that are at most so far from the mid. A record holds the best levels only: where
    <side>_reach_bp, the distance of the deepest one from the mid, is less than n, there may be more than that;
    buy_price_usd_<notional>: average price, USD per coin, of buying for that many USD from the asks, best first; sell_price_usd_<notional>: of
    selling to the bids for that many; null where the levels of the record are worth less than the notional.
    crossed: 1 where the best bid is not below the best ask (or a price not above 0), else 0.

    All are null for a record without a USD rate (a change of a futures book has none) and for a book that is not valid; for a crossed one all
    but `crossed`.
    """

    size_levels: int
    notionals_usd: tuple[int, ...]

    @property
    def kinds(self) -> Mapping[str, Kind]:
        names = [*_PRICES]
        for half in (_BID, _ASK):
            names += [f"{half.name}_size_usd", *(_within(half, distance) for distance in DISTANCES_BP), f"{half.name}_reach_bp"]
            names += [f"{half.walked}_price_usd_{notional}" for notional in self.notionals_usd]
        return dict.fromkeys(names, Kind.DOUBLE)

    @property
    def reads(self) -> tuple[str, ...]:
        return ("bids", "asks", "valid", "usd_rate")

    def of(self, record: Mapping[str, Any]) -> Mapping[str, float | None]:
        found: dict[str, float | None] = dict.fromkeys(self.kinds)
        rate = record["usd_rate"]
        if record["valid"] is not True or rate is None or not rate > 0:
            return found
        bids, asks = _numbers(record["bids"]), _numbers(record["asks"])
        bid, ask, mid = bids[0][0] if bids else None, asks[0][0] if asks else None, None
        found["crossed"] = 0.0
        if bid is not None and ask is not None:
            if not 0 < bid < ask:
                return found | {"crossed": 1.0}
            mid, spread = (bid + ask) / 2, ask - bid
            found |= {"mid_usd": mid * rate, "spread_usd": spread * rate, "spread_bp": spread / mid * BASIS_POINTS}
        for half, best, levels in ((_BID, bid, bids), (_ASK, ask, asks)):
            if best is not None:
                found |= {f"best_{half.name}": best, f"best_{half.name}_usd": best * rate}
                found |= self._of_side(half, levels, mid, rate)
        return {name: None if value is None or not math.isfinite(value) else value for name, value in found.items()}

    def _of_side(self, half: _Half, levels: Sequence[tuple[float, float]], mid: float | None, rate: float) -> Mapping[str, float | None]:
        found: dict[str, float | None] = {f"{half.name}_size_usd": _added(levels[: self.size_levels], rate)}
        for notional in self.notionals_usd:
            found[f"{half.walked}_price_usd_{notional}"] = _walked(levels, rate, float(notional))
        if mid is not None:
            found[f"{half.name}_reach_bp"] = (levels[-1][0] - mid) * half.away / mid * BASIS_POINTS
            for distance in DISTANCES_BP:
                found[_within(half, distance)] = _added([level for level in levels if half.not_beyond(level[0], _limit(half, distance, mid))], rate)
        return found

    def columns(self, fields: Mapping[str, Sequence[Any]], count: int) -> Mapping[str, Floats]:
        # The steps are those of `of`, in the same order, so that both round alike and give the same bits.
        rates = np.array(fields["usd_rate"], np.float64)
        known = np.flatnonzero(np.fromiter((valid is True for valid in fields["valid"]), np.bool_, count) & (rates > 0))
        rate = rates[known]
        bids, asks = (RaggedLevels([fields[side][place] or () for place in known.tolist()]) for side in ("bids", "asks"))
        found: dict[str, Floats] = {}
        with np.errstate(all="ignore"):
            bid, ask = bids.best_prices(), asks.best_prices()
            mid, spread = (bid + ask) / 2, ask - bid
            crossed = ~np.isnan(mid) & ~((bid > 0) & (bid < ask))
            found |= {"mid_usd": mid * rate, "spread_usd": spread * rate, "spread_bp": spread / mid * BASIS_POINTS}
            for half, best, levels in ((_BID, bid, bids), (_ASK, ask, asks)):
                found |= {f"best_{half.name}": best, f"best_{half.name}_usd": best * rate}
                found |= self._of_sides(half, levels, mid, rate)
        of_all = {}
        for name in self.kinds:
            values = crossed.astype(np.float64) if name == "crossed" else np.where(crossed | ~np.isfinite(found[name]), np.nan, found[name])
            of_all[name] = np.full(count, np.nan)
            of_all[name][known] = values
        return of_all

    def _of_sides(self, half: _Half, levels: RaggedLevels, mid: Floats, rate: Floats) -> Mapping[str, Floats]:
        order = levels.order
        rate_of = rate[order]
        limits = {distance: _limit(half, distance, mid)[order] for distance in DISTANCES_BP}
        size, within = np.zeros(len(order)), {distance: np.zeros(len(order)) for distance in DISTANCES_BP}
        walks = {notional: _Walk(float(notional), len(order)) for notional in self.notionals_usd}
        for place, (count, prices, sizes) in enumerate(levels.walk()):
            values = prices * sizes * rate_of[:count]
            if place < self.size_levels:
                size[:count] += values
            for distance, total in within.items():
                total[:count] += np.where(half.not_beyond(prices, limits[distance][:count]), values, 0.0)
            for walk in walks.values():
                walk.take(values, sizes)
        sums = {f"{half.name}_size_usd": size} | {f"{half.walked}_price_usd_{notional}": walk.average for notional, walk in walks.items()}
        best, reach = levels.best_prices(), (levels.deepest_prices() - mid) * half.away / mid * BASIS_POINTS
        found = {name: np.where(np.isnan(best), np.nan, _put_back(values, order)) for name, values in sums.items()}
        found |= {_within(half, distance): np.where(np.isnan(mid), np.nan, _put_back(total, order)) for distance, total in within.items()}
        return found | {f"{half.name}_reach_bp": reach}


class _Walk:
    """`_walked` for many books at once, in the order of their levels."""

    def __init__(self, notional: float, count: int) -> None:
        self._notional = notional
        self._remaining = np.full(count, notional)
        self._coins = np.zeros(count)
        self.average = np.full(count, np.nan)

    def take(self, values: Floats, sizes: Floats) -> None:
        """The next level of the first so many books: what it is worth in USD, and its size."""
        remaining, coins, average = (kept[: len(values)] for kept in (self._remaining, self._coins, self.average))
        filled = (remaining > 0) & (values >= remaining)
        all_coins = (coins + sizes * (remaining / values))[filled]
        average[filled] = np.where(all_coins > 0, self._notional / all_coins, np.nan)
        # Nothing remains for those that are filled, and nothing more is taken for them.
        untaken = ~filled & (remaining > 0)
        coins += np.where(untaken, sizes, 0.0)
        remaining -= np.where(untaken, values, remaining)


def _walked(levels: Sequence[tuple[float, float]], rate: float, notional: float) -> float | None:
    """Average price in USD when levels are taken, best first, until they were worth `notional` USD; None where they are not worth so much."""
    remaining, coins = notional, 0.0
    for price, size in levels:
        value = price * size * rate
        if value >= remaining:
            coins += size * (remaining / value)
            return notional / coins if coins > 0 else None
        coins += size
        remaining -= value
    return None


def _added(levels: Sequence[tuple[float, float]], rate: float) -> float:
    total = 0.0
    for price, size in levels:
        total += price * size * rate
    return total


def _within(half: _Half, distance: int) -> str:
    return f"{half.name}_size_within_{distance}bp_usd"


def _limit(half: _Half, distance: int, mid: Any) -> Any:
    """The last price that is not further from the mid; written so that 50 basis points of 100 are exactly 0.5."""
    return mid + half.away * (mid * distance / BASIS_POINTS)


def _numbers(levels: Side | None) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for price, size in levels or ()]


def _put_back(values: Floats, order: Any) -> Floats:
    found = np.empty(len(values))
    found[order] = values
    return found
