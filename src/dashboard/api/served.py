"""A table as the API serves it: what it may be asked by, and how far back an answer looks that was not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from src.collect.exchange import Channel
from src.collect.exchanges import EXCHANGES
from src.config.settings import Settings
from src.dashboard.api.meaning import Meaning, meanings
from src.dashboard.api.parameters import Parameter, Value
from src.dashboard.question import Question, place
from src.dashboard.reading import Reading
from src.dashboard.tables import interval_lengths
from src.preprocess.metric import INTERVAL
from src.schema.kinds import Kind
from src.schema.records import Instrument, Region, Side, Source
from src.schema.tables import TableSchema
from src.storage.sql_tables import time_column

_DAY_MS = 86_400_000
_CLOSED: Mapping[str, tuple[str, ...]] = {
    "source": tuple(Source),
    "region": tuple(Region),
    "instrument": tuple(Instrument),
    "side": tuple(Side),
    "channel": tuple(Channel),
} | dict.fromkeys(("market", "buy_market", "sell_market"), tuple(EXCHANGES))
"""Keys of which all values are known."""
_ALSO = ("source", "market", "channel", "symbol")
"""Columns that a table may be asked by, also where they are not of its key."""
_CAPITALS = ("symbol", "quote")


@dataclass(frozen=True)
class ServedTable:
    """One table. lengths: of its windows by the value of `interval`, ms; none where it has windows of one length."""

    schema: TableSchema
    lengths: Mapping[str, int]
    symbols: tuple[str, ...] = ()
    """Some that there may be."""

    @property
    def name(self) -> str:
        """The table's."""
        return self.schema.name

    @cached_property
    def time(self) -> str:
        """The column that `from` and `to` are of."""
        return time_column(self.schema) or ""

    @cached_property
    def place(self) -> tuple[str, ...]:
        """The columns that say where a row stands: time, and the rest of the key."""
        return place(self.schema)

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """By column."""
        return {column.name: column.kind for column in self.schema.columns}

    @cached_property
    def meanings(self) -> Mapping[str, Meaning]:
        """By column."""
        return meanings(self.schema)

    @cached_property
    def keys(self) -> tuple[Parameter, ...]:
        """What rows may be chosen by: the key's columns but the time, and a few that are keys elsewhere."""
        names = [name for name in self.kinds if (name in self.schema.key or name in _ALSO) and self.kinds[name] is not Kind.TIMESTAMP]
        return tuple(self._key(name) for name in names)

    def span_ms(self, interval: Value | None, rows: int) -> int:
        """How far back from the newest row an answer looks that was not told: a day, or so many of longer windows."""
        if interval is not None:
            return max(_DAY_MS, rows * self.lengths.get(str(interval), 0))
        return max(_DAY_MS, 2 * max(self.lengths.values(), default=0))

    def beginning(self, reading: Reading, where: tuple[tuple[str, Value], ...], rows: int) -> int | None:
        """The time from which on an answer looks that was not told, ms since 1970 UTC; None without any row. Raises DatabaseAway."""
        given = dict(where)
        source = (("source", given["source"]),) if "source" in given else ()
        # The same question as the page's.
        newest = reading.rows(Question(self.name, ("source", self.time), source, limit=1))
        return newest[0][self.time] - self.span_ms(given.get(INTERVAL), rows) if newest else None

    def _key(self, name: str) -> Parameter:
        values = tuple(self.lengths) if name == INTERVAL else _CLOSED.get(name, ())
        known = self.symbols if name == "symbol" else ()
        return Parameter(name, self.meanings[name].text, self.kinds[name], values, known, is_upper=name in _CAPITALS)


def served_tables(reading: Reading, settings: Settings) -> Mapping[str, ServedTable]:
    """Every table that the page may read, by name."""
    lengths = interval_lengths(settings)
    return {name: ServedTable(schema, lengths.get(name, {}), settings.symbols) for name, schema in reading.tables.items()}
