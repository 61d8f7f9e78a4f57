"""Rows for the sinks: a metric's table with a column of every type, and the values that stores like to spoil."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema
from src.storage.sink import Batch

START = datetime(2026, 9, 21, 23, 59, 59, 999_000, tzinfo=UTC)
_KEY = ("source", "symbol", "window_start")


def schema(name: str = "sink_rows", **columns: Kind) -> TableSchema:
    """A table keyed as every metric's is; with a column of each type unless others are named."""
    values = columns or {"price": Kind.DOUBLE, "records": Kind.LONG, "whole": Kind.BOOLEAN, "signal": Kind.STRING}
    kinds = {"source": Kind.STRING, "symbol": Kind.STRING, "window_start": Kind.TIMESTAMP, "window_end": Kind.TIMESTAMP, **values}
    topic = "".join(part.capitalize() for part in name.split("_")) + "ProcessedCoin"
    return TableSchema(name, topic, tuple(TableColumn(column, kind) for column, kind in kinds.items()), _KEY)


def row(symbol: str = "BTC", *, window_start: datetime = START, **values: Any) -> dict[str, Any]:
    """A row of `schema()`; what is not given is null."""
    nulls = {"price": None, "records": None, "whole": None, "signal": None}
    return {"source": "live", "symbol": symbol, "window_start": window_start, "window_end": START, **nulls, **values}


def batch(batch_id: int, rows: Mapping[TableSchema, Iterable[Mapping[str, Any]]], generation: int = 1) -> Batch:
    """A batch of the query `tests`; another generation is another checkpoint."""
    tables = {table: pa.Table.from_pylist(list(found), schema=table.arrow()) for table, found in rows.items()}
    return Batch("tests", batch_id, tables, checkpoint=f"tests.{generation}", generation=generation)


def awkward() -> list[dict[str, Any]]:
    """Rows as they are written; `stored` says what must come back."""
    prices = [None, 0.0, -0.0, 1e-18, 1e18, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, -123456789.123456789, 1 / 3]
    texts = [
        "",
        "가격 경보 🚨",
        "' OR 1=1 --",
        'back\\slash "quote" %s %(x)s :name',
        "two\nlines\ttab",
        "[red]x[/red]",
        "0",
        "null",
        " blank",
        "é",
    ]
    values = [
        *(row(f"PRICE{place}", price=price) for place, price in enumerate(prices)),
        *(row(f"NOT{place}", price=price) for place, price in enumerate((float("nan"), float("inf"), float("-inf")))),
        *(row(f"RECORDS{place}", records=records) for place, records in enumerate((0, -1, 2**53 + 1, 2**63 - 1, -(2**63)))),
        *(row(f"WHOLE{place}", whole=whole) for place, whole in enumerate((True, False, None))),
        *(row(f"SIGNAL{place}", signal=signal) for place, signal in enumerate(texts)),
    ]
    times = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 3, 29, 2, 30, tzinfo=UTC), datetime(2026, 11, 1, 1, 30, 0, 1_000, tzinfo=UTC)]
    keys = ["btc", "BTC", "Btc", "비트코인", "비트 코인", "e", "é", "É", "a:b", "a\\:b", "x'; --", "S" * 64]
    return [*values, *(row("TIME", window_start=time, price=1.0) for time in times), *(row(key, price=2.0) for key in keys)]


def stored(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """By key, what a store must hold of rows: times as ms, NaN and infinity as null. A key that comes twice is an error."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for given in rows:
        plain = {name: _plain(value) for name, value in given.items()}
        key = tuple(plain[name] for name in _KEY)
        assert key not in found, f"{key} twice"
        found[key] = plain
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    return None if isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}) else value  # noqa: PLR0124
