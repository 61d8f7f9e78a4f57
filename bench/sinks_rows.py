"""Batches of rows of a real metric's table, the same ones every time: as many symbols, markets and windows as the batch needs, no key twice."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pyarrow as pa

from bench.throughput_records import MARKETS, START_MS, SYMBOLS
from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema
from src.storage.sink import Batch

TABLES = ("candles", "average_price", "buy_sell_pressure", "indicators")
"""Whose key is symbol, market and window, with texts that are the same in all rows."""
_SEED = 7
_SYMBOL, _MARKET = "symbol", "market"
_TEXTS = {"source": "simulated", "region": "korea", "quote": "USDT", "instrument": "spot", "interval": "1m", "channel": "ticker", "side": "buy"}
_WINDOW_MS = 60_000


def batches(table: TableSchema, rows: int, size: int, query: str, turn: int) -> Iterator[Batch]:
    """Batches of `size` rows of `table`, `rows` in all; of another turn the same keys, with other values and later batch ids."""
    rng = random.Random(_SEED + turn)  # noqa: S311  (no secret)
    count = math.ceil(rows / size)
    columns = list(zip(table.columns, table.arrow().types, strict=True))
    for number in range(count):
        places = range(number * size, min(rows, (number + 1) * size))
        made = [pa.array([_value(column, place, rng) for place in places], type_) for column, type_ in columns]
        yield Batch(query, turn * count + number, {table: pa.table(made, schema=table.arrow())}, checkpoint=query, generation=1)


def _value(column: TableColumn, place: int, rng: random.Random) -> object:
    if column.kind is Kind.TIMESTAMP:
        # Prices of a window come together, as from a job: a symbol of a market, then the next.
        begin = START_MS + place // (len(SYMBOLS) * len(MARKETS)) * _WINDOW_MS
        return begin + _WINDOW_MS * (column.name == "window_end")
    if column.name == _SYMBOL:
        return SYMBOLS[place % len(SYMBOLS)]
    if column.name == _MARKET:
        return MARKETS[place // len(SYMBOLS) % len(MARKETS)]
    if column.kind is Kind.STRING:
        return _TEXTS.get(column.name, column.name)
    if column.kind is Kind.LONG:
        return rng.randrange(1, 100_000)
    return rng.random() < 0.5 if column.kind is Kind.BOOLEAN else rng.lognormvariate(5, 2)  # noqa: PLR2004
