"""What "equal" means wherever streamed rows meet the oracle's: keys, counts, min, max, first and last exactly; sums and means to 1e-9 relative."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from src.preprocess.admission import Admission
from src.preprocess.expression import Expression
from src.preprocess.metric import Metric
from src.schema.records import Ticker

Rows = Mapping[tuple[Any, ...], Mapping[str, Any]]


def plain_rows(records: Iterable[Ticker], admission: Admission, main: Mapping[str, Expression]) -> list[dict[str, Any]]:
    """Records as the oracle reads them: with lateness decided and the main columns added."""
    rows = []
    for record in records:
        row = {name: getattr(record, name) for name in record.__struct_fields__}
        row |= {"late": admission.is_late(record), "problem": admission.problem(record)}
        row = msgspec.to_builtins(row)
        for name, expression in main.items():
            row[name] = expression.evaluate(row)
        rows.append(row)
    return rows


def keyed(rows: Iterable[Mapping[str, Any]], metric: Metric) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Stored rows by (source, *keys, window_start), times as integer ms; a key that comes twice is an error."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        plain = {name: round(value.timestamp() * 1000) if isinstance(value, datetime) else value for name, value in row.items()}
        key = (plain["source"], *(plain[name] for name in metric.keys), plain["window_start"])
        assert key not in found, f"{metric.name}: {key} twice"
        found[key] = plain
    return found


def assert_equal_rows(actual: Rows, expected: Rows) -> None:
    """Same keys, and the same values in each row."""
    assert set(actual) == set(expected)
    for key, row in expected.items():
        assert set(actual[key]) == set(row), key
        for name, value in row.items():
            assert same(actual[key][name], value), f"{key} {name}: {actual[key][name]!r} is not {value!r}"


def same(actual: object, expected: object) -> bool:
    if isinstance(actual, float) and isinstance(expected, float | int):
        return math.isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-9)
    return actual == expected
