"""Folds and rows for the tests of series: simple enough to be checked by eye, of several keys, with every way a window may be disturbed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.preprocess.series import Row, Series, SeriesMetric
from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema

MINUTE = 60_000
START = 1_790_000_040_000


def _table(name: str, keys: Mapping[str, Kind], values: Mapping[str, Kind]) -> TableSchema:
    kinds = {"source": Kind.STRING, "window_start": Kind.TIMESTAMP, "window_end": Kind.TIMESTAMP, **keys, **values}
    return TableSchema(
        name, f"{name.capitalize()}ProcessedCoin", tuple(TableColumn(*each) for each in kinds.items()), ("source", *keys, "window_start")
    )


BARS = _table("bars", {"market": Kind.STRING, "symbol": Kind.STRING}, {"close": Kind.DOUBLE, "trades": Kind.LONG})
FLOWS = _table("flows", {"symbol": Kind.STRING, "side": Kind.STRING}, {"volume": Kind.DOUBLE})
TABLES = {"bars": BARS, "flows": FLOWS}


@dataclass(frozen=True)
class Ema(Series):
    """Exponential mean of the close, null for the first `warm_up` windows."""

    warm_up: int = 3

    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        (row,) = rows["bars"]
        count, mean = state or [0, None]
        close = row["close"]
        mean = close if mean is None else mean if close is None else 0.8 * mean + 0.2 * close
        return [count + 1, mean], [{"ema": mean if count >= self.warm_up else None, "trades": row["trades"]}]


class Running(Series):
    """Counts over two metrics: windows, rows of either, and the volume of each side so far. It changes the state that it is given."""

    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        state = state or {"windows": 0, "bars": 0, "volume": {}}
        state["windows"] += 1
        state["bars"] += len(rows["bars"])
        for row in rows["flows"]:
            state["volume"][row["side"]] = state["volume"].get(row["side"], 0.0) + (row["volume"] or 0.0)
        counts = {"windows": state["windows"], "bars": state["bars"]}
        return state, [{"side": side, "volume": volume, **counts} for side, volume in sorted(state["volume"].items())]


class Squares(Series):
    """The sum of the squared closes and of the trades so far. It knows nothing of nulls, and nothing of numbers that are too large."""

    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        (row,) = rows["bars"]
        squares, trades = state or [0.0, 0]
        squares, trades = squares + row["close"] ** 2, trades + row["trades"]
        return [squares, trades], [{"squares": squares, "trades": trades}]


class Loud(Series):
    """The sides of which more than 1 was traded in a window."""

    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        return state, [{"side": row["side"], "volume": row["volume"]} for row in rows["flows"] if row["volume"] > 1.0]


EMA = SeriesMetric("bar_ema", ("bars",), ("market", "symbol"), {"ema": Kind.DOUBLE, "trades": Kind.LONG}, Ema())
RUNNING = SeriesMetric(
    "running",
    ("bars", "flows"),
    ("symbol",),
    {"side": Kind.STRING, "volume": Kind.DOUBLE, "windows": Kind.LONG, "bars": Kind.LONG},
    Running(),
    row_keys=("side",),
)

SQUARES = SeriesMetric("squares", ("bars",), ("market", "symbol"), {"squares": Kind.DOUBLE, "trades": Kind.LONG}, Squares())
LOUD = SeriesMetric("loud", ("flows",), ("symbol",), {"side": Kind.STRING, "volume": Kind.DOUBLE}, Loud(), row_keys=("side",))


@dataclass(frozen=True)
class Update:
    """One value of a row, as the main query writes it."""

    table: TableSchema
    row: Row

    @property
    def key(self) -> tuple[Any, ...]:
        """What identifies the row, in its table's order."""
        return tuple(self.row[name] for name in self.table.key)


@dataclass(frozen=True)
class Step:
    """One batch of the main query: the rows it changed, and what was closed by then."""

    updates: Sequence[Update]
    closed_until: Mapping[str, int]


def bar(symbol: str, minute: int, close: float | None = 1.0, *, market: str = "upbit", source: str = "live", trades: int = 1) -> Update:
    """A row of BARS, of the minute that begins so many after START."""
    start = START + minute * MINUTE
    named = {"source": source, "market": market, "symbol": symbol, "window_start": start, "window_end": start + MINUTE}
    return Update(BARS, {**named, "close": close, "trades": trades})


def flow(symbol: str, minute: int, side: str, volume: float, *, source: str = "live") -> Update:
    """A row of FLOWS."""
    start = START + minute * MINUTE
    named = {"source": source, "symbol": symbol, "side": side, "window_start": start, "window_end": start + MINUTE}
    return Update(FLOWS, {**named, "volume": volume})


def steps(seed: int, minutes: int = 30, per_minute: int = 3) -> list[Step]:
    """A job's batches: each row in several values, in batches around its window; some long after it was closed, some series silent for a while."""
    rng = random.Random(seed)
    arrivals: dict[int, list[Update]] = defaultdict(list)
    for minute in range(minutes):
        for source in ("live", "replay"):
            for symbol in ("BTC", "ETH", "XRP"):
                silent = symbol == "XRP" and 5 <= minute < 20
                made = [bar(symbol, minute, source=source, market=market) for market in ("upbit", "okx") if not silent and rng.random() > 0.1]
                made += [flow(symbol, minute, side, 0.0, source=source) for side in ("buy", "sell") if not silent and rng.random() > 0.3]
                for update in made:
                    moments = sorted(rng.randrange(minute * per_minute, (minute + 2) * per_minute) for _ in range(rng.randrange(1, 5)))
                    if rng.random() < 0.1:
                        moments.append((minute + rng.randrange(3, 12)) * per_minute)
                    for moment in moments:
                        arrivals[moment].append(Update(update.table, {**update.row, **_values(update.table, rng)}))
    found = []
    for moment in range(max(arrivals) + 1):
        closed = START + moment * MINUTE // per_minute - MINUTE
        rng.shuffle(arrivals[moment])
        last = {(*update.key, update.table.name): update for update in arrivals[moment]}
        found.append(Step(list(last.values()), {"live": closed, "replay": closed - 2 * MINUTE} if moment % 4 else {}))
    return found


def _values(table: TableSchema, rng: random.Random) -> dict[str, Any]:
    if table is FLOWS:
        return {"volume": round(rng.expovariate(1), 3)}
    return {"close": round(rng.gauss(100, 5), 2) if rng.random() > 0.1 else None, "trades": rng.randrange(1, 9)}


def closed_rows(given: Iterable[Step]) -> dict[str, list[Row]]:
    """What the oracle reads: the last value of each row whose window is closed in the end, by metric."""
    last: dict[tuple[Any, ...], Update] = {}
    closed: dict[str, int] = {}
    for step in given:
        closed |= step.closed_until
        for update in step.updates:
            last[update.table.name, update.key] = update
    found: dict[str, list[Row]] = {"bars": [], "flows": []}
    for update in last.values():
        if update.row["window_end"] <= closed.get(update.row["source"], 0):
            found[update.table.name].append(update.row)
    return {name: sorted(rows, key=lambda row: [str(row[key]) for key in TABLES[name].key]) for name, rows in found.items()}
