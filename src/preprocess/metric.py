"""`Metric`: a window of mergeable statistics, declared. How it runs is the planner's business (src/setting/planner.py)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations

from src.errors import ConfigurationError
from src.preprocess.expression import Expression
from src.preprocess.functions import NUMBERS
from src.preprocess.statistics import Count, First, Last, PerMarket, PerRegion, Statistic, Vwap, spread_out
from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema, check_identifier

_UNITS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
RECORDS = "_records"
"""The hidden count that every metric has: a window of no records has no row."""
INTERVAL = "interval"
"""The key column of a metric that has windows of several lengths."""
PAIR_KEYS = ("buy_market", "sell_market")
"""The key columns of a metric that has a row for each pair of markets."""


def milliseconds(duration: str) -> int:
    """Read "30 seconds" or "1 minute" as milliseconds. Raises ConfigurationError for anything else."""
    match = re.fullmatch(r"(\d+) (second|minute|hour|day)s?", duration)
    if match is None or not int(match[1]):
        raise ConfigurationError(f"{duration!r} is not a duration such as '30 seconds', '1 minute' or '2 hours'")
    return int(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True)
class Window:
    """Windows of a size that begin at multiples of the slide since 1970 UTC; without a slide they do not overlap.

    offset: they begin that long after those multiples. 1970 began on a Thursday: weeks from Monday have the offset "4 days".
    """

    size: str
    slide: str | None = None
    offset: str | None = None

    @property
    def size_ms(self) -> int:
        """Length, ms."""
        return milliseconds(self.size)

    @property
    def slide_ms(self) -> int:
        """Distance of the beginnings, ms."""
        return milliseconds(self.slide or self.size)

    @property
    def offset_ms(self) -> int:
        """Distance of a beginning from the multiple of the slide before it, ms."""
        return milliseconds(self.offset) % self.slide_ms if self.offset else 0

    def starts(self, time: int, span: int) -> range:
        """The beginnings of all windows whose last `span` ms (up to their end) hold `time`."""
        first = ((time - self.offset_ms - self.size_ms) // self.slide_ms + 1) * self.slide_ms + self.offset_ms
        return range(first, time - self.size_ms + span + 1, self.slide_ms)


@dataclass(frozen=True)
class Metric:
    """Statistics of the records of each window and key, and columns derived from them.

    name: its table; its topic is the name in CamelCase with `ProcessedCoin` behind it, unless `topic` says otherwise.
    window: or several by name: then the rows of all are in the one table, and `interval`, the name, is one more key.
    keys: record columns that, with the source and the window's beginning, identify a row; a record in which one is null counts for none.
    stats: by column name. A name that begins with _ is for derived columns only and is not kept.
    derived: by column name, over stats, keys and the derived columns before it.
    where: only records for which this holds.
    having: only rows for which this holds, an expression over what `derived` may read and the derived columns. A row that was written stays, so
        it should not become false again as records are added.
    pairs: names of PerMarket statistics. There is a row for each ordered pair of different markets then, with keys `buy_market` and `sell_market`,
        and `derived` and `having` read `<name>_buy` and `<name>_sell`: the statistic of the one market and of the other.
    packed: keys of which one window has very many values, each with few records. Their rows are the same; what the job remembers of them is one
        row for a window and its other keys, which grows with them and is merged when it is looked at: so it suits short windows alone.
    headline: columns that a view with little room shows first; all of them when empty.
    time: the record's time that decides the windows: `event_time` or `received_time`.
    description: meaning and units of the columns; taken from the docstring of the `cal_*` method.
    """

    name: str
    window: Window | Mapping[str, Window]
    keys: tuple[str, ...]
    stats: Mapping[str, Statistic | PerMarket | PerRegion]
    derived: Mapping[str, Expression] = field(default_factory=dict)
    where: Expression | None = None
    having: Expression | None = None
    pairs: tuple[str, ...] = ()
    packed: tuple[str, ...] = ()
    time: str = "event_time"
    topic: str = ""
    headline: tuple[str, ...] = ()
    description: str = ""
    markets: tuple[str, ...] = ()
    """Of a resolved metric: the configured markets."""

    def __post_init__(self) -> None:
        check_identifier(self.name, "the metric name")
        for window in self.intervals.values():
            if window.size_ms % window.slide_ms:
                raise ConfigurationError(f"metric {self.name}: the window's size must be a multiple of its slide")
        names = ["source", "window_start", "window_end", *self.row_keys, *self.stats, *self.derived]
        self._refuse_twice(name for name in names if names.count(name) > 1)
        for name in names:
            check_identifier(name.removeprefix("_"), f"metric {self.name}: the column")
        not_keys = sorted(set(self.packed) - set(self.keys))
        if not_keys:
            raise ConfigurationError(f"metric {self.name}: `packed` names {', '.join(not_keys)}, which is no key of it")
        if self.packed and any(isinstance(stat, Statistic) and stat.over for stat in self.stats.values()):
            raise ConfigurationError(f"metric {self.name}: with `packed` keys no statistic can look `over` another stretch than the window")
        if self.time not in {"event_time", "received_time"}:
            raise ConfigurationError(f"metric {self.name}: the time {self.time!r} is neither event_time nor received_time")
        if not self.topic:
            object.__setattr__(self, "topic", "".join(part.capitalize() for part in self.name.split("_")) + "ProcessedCoin")

    @property
    def intervals(self) -> Mapping[str | None, Window]:
        """The windows by the value of `interval`; of a metric with one window alone that is None."""
        named: dict[str | None, Window] = {}
        return {None: self.window} if isinstance(self.window, Window) else named | dict(self.window.items())

    @property
    def row_keys(self) -> tuple[str, ...]:
        """The columns that, with the source and the window's beginning, identify a row."""
        return (*self.keys, *(PAIR_KEYS if self.pairs else ()), *(() if isinstance(self.window, Window) else (INTERVAL,)))

    def resolved(self, markets: tuple[str, ...], regions: tuple[str, ...]) -> Metric:
        """The metric with each PerMarket and PerRegion replaced by its concrete columns, and the hidden record count added."""
        stats: dict[str, Statistic | PerMarket | PerRegion] = {RECORDS: Count()}
        for name, stat in self.stats.items():
            found = {name: stat} if isinstance(stat, Statistic) else spread_out(name, stat, markets if isinstance(stat, PerMarket) else regions)
            self._refuse_twice(column for column, each in found.items() if column in stats and (column, each) != (RECORDS, Count()))
            stats |= found
        unknown = sorted(name for name in self.pairs if not isinstance(self.stats.get(name), PerMarket))
        if unknown:
            raise ConfigurationError(f"metric {self.name}: `pairs` names {', '.join(unknown)}, which is no PerMarket statistic of it")
        named = {*stats, *self.derived, *self.row_keys}
        self._refuse_twice(leg for name in self.pairs for leg in (f"{name}_buy", f"{name}_sell") if leg in named)
        return replace(self, stats=stats, markets=markets)

    @property
    def statistics(self) -> Mapping[str, Statistic]:
        """The statistics of a resolved metric."""
        found = {name: stat for name, stat in self.stats.items() if isinstance(stat, Statistic)}
        if len(found) < len(self.stats):
            raise ConfigurationError(f"metric {self.name}: PerMarket and PerRegion have no columns before the metric is resolved")
        return found

    def span_ms(self, window: Window) -> int:
        """The longest stretch, ending with the window, that any statistic looks at, ms."""
        spans = [milliseconds(stat.over) for stat in self.statistics.values() if stat.over]
        for span in spans:
            if span % window.slide_ms:
                raise ConfigurationError(f"metric {self.name}: `over` must be a multiple of the window's slide")
        return max([window.size_ms, *spans])

    def pair_views(self) -> Iterator[tuple[tuple[str, str] | None, Mapping[str, str]]]:
        """For each pair of markets (one None for a metric without pairs): what `<name>_buy` and `<name>_sell` are called among the statistics."""
        if not self.pairs:
            yield None, {}
            return
        for buy, sell in permutations(self.markets, 2):
            yield (buy, sell), {f"{name}_{leg}": f"{name}_{market}" for name in self.pairs for leg, market in (("buy", buy), ("sell", sell))}

    def table(self, record_kinds: Mapping[str, Kind]) -> TableSchema:
        """The table of a resolved metric over records with these columns. Raises ConfigurationError for an unknown column."""
        kinds = {"source": Kind.STRING, "window_start": Kind.TIMESTAMP, "window_end": Kind.TIMESTAMP}
        for key in self.keys:
            if key not in record_kinds:
                raise ConfigurationError(f"metric {self.name}: there is no record column {key!r} to group by")
            kinds[key] = record_kinds[key]
        kinds |= dict.fromkeys(self.row_keys[len(self.keys) :], Kind.STRING)
        kinds |= self._statistic_kinds(record_kinds)
        given = dict(kinds)
        for name in self.pairs:
            of_any = next(kind for known, kind in kinds.items() if known in {f"{name}_{market}" for market in self.markets})
            given |= dict.fromkeys((f"{name}_buy", f"{name}_sell"), of_any)
        for name, expression in self.derived.items():
            kinds[name] = given[name] = expression.kind(given)
        if self.having is not None and self.having.kind(given) is not Kind.BOOLEAN:
            raise ConfigurationError(f"metric {self.name}: the condition {self.having!r} is no yes or no")
        columns = tuple(TableColumn(name, kind) for name, kind in kinds.items() if not name.startswith("_"))
        unknown = set(self.headline) - {column.name for column in columns}
        if unknown:
            raise ConfigurationError(f"metric {self.name}: the headline names {', '.join(sorted(unknown))}, which it does not have")
        return TableSchema(self.name, self.topic, columns, ("source", *self.row_keys, "window_start"), self.description, self.headline)

    def _refuse_twice(self, names: Iterable[str]) -> None:
        twice = sorted(set(names))
        if twice:
            raise ConfigurationError(
                f"metric {self.name}: the column {', '.join(twice)} is named twice (source, window_start, window_end and {RECORDS} are given, and "
                "PerMarket, PerRegion and `pairs` add the name of a market, region or side)"
            )

    def _statistic_kinds(self, record_kinds: Mapping[str, Kind]) -> dict[str, Kind]:
        kinds = {}
        for condition in [self.where, *(stat.where for stat in self.statistics.values())]:
            if condition is not None and condition.kind(record_kinds) is not Kind.BOOLEAN:
                raise ConfigurationError(f"metric {self.name}: the condition {condition!r} is no yes or no")
        for name, stat in self.statistics.items():
            value = stat.expression.kind(record_kinds)
            order = stat.order_expression if isinstance(stat, First | Last) else None
            if order is not None and order.kind(record_kinds) not in NUMBERS:
                raise ConfigurationError(f"metric {self.name}: {name} is ordered by what is no number")
            inputs = [value, *([stat.weight.kind(record_kinds)] if isinstance(stat, Vwap) else [])]
            if stat.result is Kind.DOUBLE and not NUMBERS.issuperset(inputs):
                raise ConfigurationError(f"metric {self.name}: {name} is a {type(stat).__name__} of what is no number")
            kinds[name] = stat.result or value
        return kinds
