"""`SeriesMetric`: over the closed windows of other metrics, in order. What can only be said one window after the other: indicators.

How it runs on a stream is the planner's business (src/setting/series.py); `series_rows` is the plain batch computation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import msgspec

from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema, check_identifier

Row = Mapping[str, Any]


class Series(ABC):
    """A fold over the windows of one series. Pure: what it knows of earlier windows is in the state that it is given and gives back."""

    version: ClassVar[int] = 1
    """Raised when the code of `step` changes so that it cannot go on from a state that it kept before, or would give other rows.

    It is part of the fingerprint of the query: series begin anew from the rows that Kafka still holds. The class and its parameters are part of
    it as well, the code is not.
    """

    @abstractmethod
    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        """Take one closed window. Called once for each, oldest first; again from an earlier state when a window was corrected by backfilled records.

        state: what the step before gave, None at the first; plain values that MessagePack can hold (lists, numbers, texts, None).
        rows: of each metric in `of` its rows of this window, none for a metric that has none; times are integer ms.
        Returns the state after it, and the rows of this window: the columns of `SeriesMetric.columns` and `row_keys` by name.

        Whatever it raises, for a null where a number must be or for one too large, leaves out this window alone: the state stays what it was,
        the window has no rows, and those it was made of are counted. So raise it before what later windows would fail at is in the state.
        """


@dataclass(frozen=True)
class SeriesMetric:
    """Rows made of the closed windows of other metrics of the same job.

    name: its table; its topic is the name in CamelCase with `ProcessedCoin` behind it, unless `topic` says otherwise.
    of: the names of the metrics whose rows it reads.
    keys: columns of those rows that, with the source, identify a series.
    columns: by name what `series` gives in addition to source, keys, window_start and window_end, which the rows have anyway.
    row_keys: those of the columns that identify a row among those of one window; none where a window has one row.
    series: the fold.
    headline, description: as of a Metric.
    """

    name: str
    of: tuple[str, ...]
    keys: tuple[str, ...]
    columns: Mapping[str, Kind]
    series: Series
    row_keys: tuple[str, ...] = ()
    topic: str = ""
    headline: tuple[str, ...] = ()
    description: str = ""

    def __post_init__(self) -> None:
        check_identifier(self.name, "the metric name")
        if not self.of:
            raise ConfigurationError(f"metric {self.name}: `of` names no metric whose windows it could read")
        for name in self.columns:
            check_identifier(name, f"metric {self.name}: the column")
        twice = sorted({"source", "window_start", "window_end", *self.keys}.intersection(self.columns))
        if twice:
            raise ConfigurationError(f"metric {self.name}: the column {', '.join(twice)} is given, and named again in `columns`")
        missing = sorted(set(self.row_keys) - set(self.columns))
        if missing:
            raise ConfigurationError(f"metric {self.name}: the row key {', '.join(missing)} is none of its columns")
        if not self.topic:
            object.__setattr__(self, "topic", "".join(part.capitalize() for part in self.name.split("_")) + "ProcessedCoin")

    def table(self, tables: Mapping[str, TableSchema]) -> TableSchema:
        """Its table, given those of the metrics it reads, by name. Raises ConfigurationError for a metric or key that there is not."""
        kinds = {"source": Kind.STRING, "window_start": Kind.TIMESTAMP, "window_end": Kind.TIMESTAMP}
        for name in self.of:
            if name not in tables:
                raise ConfigurationError(f"metric {self.name} reads {name!r}, and there is no such metric in this job")
            known = {column.name: column.kind for column in tables[name].columns}
            missing = sorted(set(self.keys) - set(tables[name].key))
            if missing:
                # The value of another column may change or be null: a row would move from one series to the next.
                raise ConfigurationError(f"metric {self.name}: {name} has no key column {', '.join(missing)}")
            kinds |= {key: known[key] for key in self.keys}
        columns = tuple(TableColumn(name, kind) for name, kind in {**kinds, **self.columns}.items())
        return TableSchema(self.name, self.topic, columns, ("source", *self.keys, *self.row_keys, "window_start"), self.description, self.headline)


class Taken(NamedTuple):
    """What one step has led to."""

    state: bytes
    """MessagePack."""
    rows: Sequence[Mapping[str, Any]]
    fault: str | None = None
    """Why the window was left out; then the state is that before it, and there are no rows."""


BEGINNING = msgspec.msgpack.encode(None)
"""The state before the first window."""


def taken(metric: SeriesMetric, before: bytes, rows: Mapping[str, Sequence[Row]]) -> Taken:
    """One step of the metric's fold from the state `before` (MessagePack). Never raises: no row may end the query that all series share."""
    try:
        # Decoded for each step: a fold that changes the state it is given must not change what is kept of earlier windows.
        state, made = metric.series.step(msgspec.msgpack.decode(before), rows)
        for row in made:
            _check(metric, row)
        msgspec.msgpack.encode(made)
        return Taken(msgspec.msgpack.encode(state), made)
    except Exception as error:  # noqa: BLE001  (a fold is anybody's code, and what it meets anybody's numbers)
        return Taken(before, (), f"{type(error).__name__}: {error}"[:_FAULT_LENGTH])


def _check(metric: SeriesMetric, row: Mapping[str, Any]) -> None:
    """Raise ValueError for a value that no table holds."""
    for name in metric.row_keys:
        if row.get(name) is None:
            raise ValueError(f"the row key {name} is null")
    for name, value in row.items():
        if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise ValueError(f"{name} has more than 64 bits")


_LARGEST = 2**63
_FAULT_LENGTH = 200


def series_rows(metric: SeriesMetric, rows: Mapping[str, Iterable[Row]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows by (source, *keys, *row keys, window_start), given the closed rows of each metric that it reads; times are integer ms."""
    windows: dict[tuple[Any, ...], dict[tuple[int, int], dict[str, list[Row]]]] = defaultdict(dict)
    for name in metric.of:
        for row in rows.get(name, ()):
            series = windows[row["source"], *(row[key] for key in metric.keys)]
            series.setdefault((row["window_start"], row["window_end"]), defaultdict(list))[name].append(row)
    found = {}
    for key, series in windows.items():
        state = BEGINNING
        named = dict(zip(("source", *metric.keys), key, strict=True))
        for (start, end), members in sorted(series.items(), key=lambda item: item[0]):
            state, made, _ = taken(metric, state, {name: members.get(name, []) for name in metric.of})
            for values in made:
                row = {**named, "window_start": start, "window_end": end, **values}
                found[*key, *(row[name] for name in metric.row_keys), start] = row
    return found
