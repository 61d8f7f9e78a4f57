"""Ready questions: the newest rows of a metric's table, by its own name, filtered by the columns that it has."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from src.collect.exchanges import EXCHANGES
from src.dashboard.question import MOST_ROWS, Question, Row
from src.dashboard.stores import Store
from src.errors import ConfigurationError
from src.nearest import did_you_mean, one_of
from src.preprocess.candles import INTERVALS
from src.query.result import Heading, Result
from src.query.units import units
from src.schema.kinds import Kind
from src.schema.records import Region, Source
from src.schema.tables import TableSchema

DEFAULT_INTERVAL = "1m"
_SPAN = re.compile(r"(\d{1,6})\s*(s|m|h|d|w)")
_SPANS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHOICES: Mapping[str, Sequence[str]] = {"region": [*Region], "source": [*Source], "interval": [*INTERVALS]}
"""Columns whose values are known beforehand."""


@dataclass(frozen=True)
class Asked:
    """What is asked for. filters: column and value, in order; columns: all where none is named; last_ms: None for whatever there is."""

    table: str
    filters: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    last_ms: int | None = None
    limit: int = 200


def table_named(name: str, tables: Mapping[str, TableSchema]) -> TableSchema:
    """The table of that name. Raises ConfigurationError with the nearest ones, and with all."""
    if name not in tables:
        raise ConfigurationError(f'there is no table {name}: {one_of(name, tables, "The tables are")}; or give a statement: query "select ..."')
    return tables[name]


def span_ms(text: str) -> int:
    """What `--last` means, ms: 90s, 30m, 1h, 7d, 2w. Raises ConfigurationError."""
    match = _SPAN.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise ConfigurationError(f"--last {text}: a number above 0 and a unit, s, m, h, d or w: 90s, 30m, 1h, 7d, 2w")
    return int(match[1]) * _SPANS_MS[match[2]]


def question(schema: TableSchema, asked: Asked) -> Question:
    """The question to a store, one row more than asked for. Raises ConfigurationError for columns and values that there are not."""
    names = [column.name for column in schema.columns]
    for name in (*asked.columns, *(name for name, _ in asked.filters)):
        if name not in names:
            raise ConfigurationError(f"{schema.name} has no column {name}: {one_of(name, names, 'It has')}")
    kinds = {column.name: column.kind for column in schema.columns}
    given = [name for name, _ in asked.filters]
    if twice := next((name for name in given if given.count(name) > 1), None):
        raise ConfigurationError(f"{twice} is given twice: rows are asked for by one value of a column")
    for name, value in asked.filters:
        if kinds[name] is not Kind.STRING:
            raise ConfigurationError(f"{schema.name}: rows are chosen by columns of text, and {name} is a {kinds[name]}; use a statement")
        _check(name, value)
    if not 0 < asked.limit < MOST_ROWS:
        raise ConfigurationError(f"--limit {asked.limit}: 1 to {MOST_ROWS - 1}")
    # There is nothing from before 1970, and a calendar reaches only so far back.
    since = None if asked.last_ms is None else max(0, round(time.time() * 1000) - asked.last_ms)
    return Question(schema.name, (), asked.filters, since, asked.limit + 1)


def answer(store: Store, schema: TableSchema, asked: Asked) -> Result:
    """The newest rows first. Raises ConfigurationError for a symbol that the table has not, CoinSparkError for a database that is away."""
    found = store.rows(schema, question(schema, asked))
    symbol = dict(asked.filters).get("symbol")
    if not found and symbol is not None:
        _refuse_unknown(symbol, schema, store)
    rows = found[: asked.limit]
    by_name = units(schema, rows)
    times = {name for name, unit in by_name.items() if unit in {"UTC", "ms since 1970 UTC"}}
    headings = tuple(Heading(column.name, "UTC" if column.name in times else by_name.get(column.name, "")) for column in schema.columns)
    lines = [tuple(_value(row, heading.name, is_time=heading.name in times) for heading in headings) for row in rows]
    result = Result(headings, lines, more=len(found) > asked.limit)
    return result.only(asked.columns) if asked.columns else result


def brief(schema: TableSchema, result: Result) -> list[str]:
    """The columns that a terminal shows first: the time, the keys in which rows differ, and what the table calls its headline."""
    there = {heading.name: place for place, heading in enumerate(result.headings)}
    varying = [name for name in schema.key if name in there and len({row[there[name]] for row in result.rows}) > 1]
    times = [column.name for column in schema.columns if column.kind is Kind.TIMESTAMP][:1]
    keys = [*times, *(name for name in varying if name not in times)]
    values = schema.headline or tuple(column.name for column in schema.columns if column.name not in {*schema.key, "window_end"})
    return [name for name in dict.fromkeys((*keys, *values)) if name in there]


def _check(name: str, value: str) -> None:
    known = [*EXCHANGES] if name == "market" or name.endswith("_market") else _CHOICES.get(name)
    if known is not None and value not in known:
        raise ConfigurationError(f"there is no {name.replace('_', ' ')} {value}: {one_of(value, known, 'There are')}")


def _refuse_unknown(symbol: str, schema: TableSchema, store: Store) -> None:
    """A symbol that the newest rows do not have is said, where there are any."""
    known = {str(row["symbol"]) for row in store.rows(schema, Question(schema.name, ("symbol",)))}
    if known and symbol not in known:
        listed = ", ".join(sorted(known)[:20])
        raise ConfigurationError(f"{schema.name} has no rows of {symbol}: {did_you_mean(symbol, known, 'nothing is like it')} It has {listed}")


def _value(row: Row, name: str, *, is_time: bool) -> Any:
    value = row[name]
    return _EPOCH + timedelta(milliseconds=value) if is_time and isinstance(value, int) else value
