"""`Metric`: a window of mergeable statistics, declared. How it runs is the planner's business (src/setting/planner.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from src.errors import ConfigurationError
from src.preprocess.expression import Expression
from src.preprocess.functions import NUMBERS
from src.preprocess.statistics import Count, PerMarket, PerRegion, Statistic, Vwap, spread_out
from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema, check_identifier

_UNITS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
RECORDS = "_records"
"""The hidden count that every metric has: a window of no records has no row."""


def milliseconds(duration: str) -> int:
    """Read "30 seconds" or "1 minute" as milliseconds. Raises ConfigurationError for anything else."""
    match = re.fullmatch(r"(\d+) (second|minute|hour|day)s?", duration)
    if match is None or not int(match[1]):
        raise ConfigurationError(f"{duration!r} is not a duration such as '30 seconds', '1 minute' or '2 hours'")
    return int(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True)
class Window:
    """Windows of a size that begin at multiples of the slide since 1970 UTC; without a slide they do not overlap."""

    size: str
    slide: str | None = None

    @property
    def size_ms(self) -> int:
        """Length, ms."""
        return milliseconds(self.size)

    @property
    def slide_ms(self) -> int:
        """Distance of the beginnings, ms."""
        return milliseconds(self.slide or self.size)

    def starts(self, time: int, span: int) -> range:
        """The beginnings of all windows whose last `span` ms (up to their end) hold `time`."""
        first = ((time - self.size_ms) // self.slide_ms + 1) * self.slide_ms
        return range(first, time - self.size_ms + span + 1, self.slide_ms)


@dataclass(frozen=True)
class Metric:
    """Statistics of the records of each window and key, and columns derived from them.

    name: its table; its topic is the name in CamelCase with `ProcessedCoin` behind it, unless `topic` says otherwise.
    keys: record columns that, with the source and the window's beginning, identify a row.
    stats: by column name. A name that begins with _ is for derived columns only and is not kept.
    derived: by column name, over stats, keys and the derived columns before it.
    where: only records for which this holds.
    headline: columns that a view with little room shows first; all of them when empty.
    time: the record's time that decides the windows: `event_time` or `received_time`.
    description: meaning and units of the columns; taken from the docstring of the `cal_*` method.
    """

    name: str
    window: Window
    keys: tuple[str, ...]
    stats: Mapping[str, Statistic | PerMarket | PerRegion]
    derived: Mapping[str, Expression] = field(default_factory=dict)
    where: Expression | None = None
    time: str = "event_time"
    topic: str = ""
    headline: tuple[str, ...] = ()
    description: str = ""

    def __post_init__(self) -> None:
        check_identifier(self.name, "the metric name")
        if self.window.size_ms % self.window.slide_ms:
            raise ConfigurationError(f"metric {self.name}: the window's size must be a multiple of its slide")
        names = ["source", "window_start", "window_end", *self.keys, *self.stats, *self.derived]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(
                f"metric {self.name}: the column {', '.join(twice)} is named twice (source, window_start and window_end are given)"
            )
        for name in names:
            check_identifier(name.removeprefix("_"), f"metric {self.name}: the column")
        if not self.topic:
            object.__setattr__(self, "topic", "".join(part.capitalize() for part in self.name.split("_")) + "ProcessedCoin")

    def resolved(self, markets: tuple[str, ...], regions: tuple[str, ...]) -> Metric:
        """The metric with each PerMarket and PerRegion replaced by its concrete columns, and the hidden record count added."""
        stats: dict[str, Statistic | PerMarket | PerRegion] = {RECORDS: Count()}
        for name, stat in self.stats.items():
            if isinstance(stat, Statistic):
                stats[name] = stat
            else:
                stats |= spread_out(name, stat, markets if isinstance(stat, PerMarket) else regions)
        return replace(self, stats=stats)

    @property
    def statistics(self) -> Mapping[str, Statistic]:
        """The statistics of a resolved metric."""
        found = {name: stat for name, stat in self.stats.items() if isinstance(stat, Statistic)}
        if len(found) < len(self.stats):
            raise ConfigurationError(f"metric {self.name}: PerMarket and PerRegion have no columns before the metric is resolved")
        return found

    @property
    def span_ms(self) -> int:
        """The longest stretch, ending with the window, that any statistic looks at, ms."""
        spans = [milliseconds(stat.over) for stat in self.statistics.values() if stat.over]
        for span in spans:
            if span % self.window.slide_ms:
                raise ConfigurationError(f"metric {self.name}: `over` must be a multiple of the window's slide")
        return max([self.window.size_ms, *spans])

    def table(self, record_kinds: Mapping[str, Kind]) -> TableSchema:
        """The table of a resolved metric over records with these columns. Raises ConfigurationError for an unknown column."""
        kinds = {"source": Kind.STRING, "window_start": Kind.TIMESTAMP, "window_end": Kind.TIMESTAMP}
        for key in self.keys:
            if key not in record_kinds:
                raise ConfigurationError(f"metric {self.name}: there is no record column {key!r} to group by")
            kinds[key] = record_kinds[key]
        for condition in [self.where, *(stat.where for stat in self.statistics.values())]:
            if condition is not None and condition.kind(record_kinds) is not Kind.BOOLEAN:
                raise ConfigurationError(f"metric {self.name}: the condition {condition!r} is no yes or no")
        for name, stat in self.statistics.items():
            value = stat.expression.kind(record_kinds)
            inputs = [value, *([stat.weight.kind(record_kinds)] if isinstance(stat, Vwap) else [])]
            if stat.result is Kind.DOUBLE and not NUMBERS.issuperset(inputs):
                raise ConfigurationError(f"metric {self.name}: {name} is a {type(stat).__name__} of what is no number")
            kinds[name] = stat.result or value
        for name, expression in self.derived.items():
            kinds[name] = expression.kind(kinds)
        columns = tuple(TableColumn(name, kind) for name, kind in kinds.items() if not name.startswith("_"))
        unknown = set(self.headline) - {column.name for column in columns}
        if unknown:
            raise ConfigurationError(f"metric {self.name}: the headline names {', '.join(sorted(unknown))}, which it does not have")
        return TableSchema(self.name, self.topic, columns, ("source", *self.keys, "window_start"), self.description, self.headline)
