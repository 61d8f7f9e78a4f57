"""What "equal" means wherever streamed rows meet the oracle's: keys, counts, min, max, first and last exactly; sums and means to 1e-9 relative."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from src.preprocess.admission import Admission
from src.preprocess.expression import Call, Expression
from src.preprocess.metric import Metric
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.statistics import Mean, StdDev, Sum, Vwap
from src.schema.records import Record

Rows = Mapping[tuple[Any, ...], Mapping[str, Any]]


def plain_rows(records: Iterable[Record], organization: SparkCoinAverageQueryOrganization) -> list[dict[str, Any]]:
    """Records as the oracle reads them: lateness decided, then the computed columns, then the main ones."""
    admission = Admission.of(organization.settings)
    computed, main = organization.computed(), organization.coin_main_columns()
    rows = []
    for record in records:
        row = msgspec.to_builtins(record) | {"late": admission.is_late(record), "problem": admission.problem(record)}
        for family in computed:
            row |= family.of(row)
        for name, expression in main.items():
            row[name] = expression.evaluate(row)
        rows.append(row)
    return rows


def keyed(rows: Iterable[Mapping[str, Any]], metric: Metric) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Stored rows by (source, *keys, window_start), times as integer ms; a key that comes twice is an error."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        plain = {name: round(value.timestamp() * 1000) if isinstance(value, datetime) else value for name, value in row.items()}
        key = (plain["source"], *(plain[name] for name in metric.row_keys), plain["window_start"])
        assert key not in found, f"{metric.name}: {key} twice"
        found[key] = plain
    return found


def assert_equal_rows(actual: Rows, expected: Rows, metric: Metric) -> None:
    """Same keys, and the same values in each row of the resolved metric."""
    assert set(actual) == set(expected)
    for difference in differences(actual, expected, metric):
        raise AssertionError(difference)


def differences(actual: Rows, expected: Rows, metric: Metric) -> Iterator[str]:
    """A text for each of the expected rows whose values are others."""
    tolerances = {name: _tolerance(metric, name) for row in expected.values() for name in row}
    for key, row in expected.items():
        found = actual[key]
        if set(found) != set(row):
            yield f"{key} has the columns {sorted(found)}, not {sorted(row)}"
            continue
        scale = max((abs(value) for value in row.values() if isinstance(value, float)), default=0.0)
        wrong = [name for name, value in row.items() if not same(found[name], value, tolerances[name], scale)]
        if wrong:
            yield f"{key}: " + ", ".join(f"{name}: {found[name]!r} is not {row[name]!r}" for name in wrong)


class Tolerance(Enum):
    """How close a column must come."""

    EXACT = "keys, and what is picked or counted"
    RELATIVE = "what is summed, and what is made of it: 1e-9 of the value"
    CANCELLING = "differences of what is summed: also the rounding of the terms, which may exceed 1e-9 of a small difference"


def same(actual: object, expected: object, tolerance: Tolerance, scale: float = 0.0) -> bool:
    """scale: the largest of the row's values, of which a cancelling column may be 1e-13 off (450 roundings of a double)."""
    if tolerance is Tolerance.EXACT or not isinstance(actual, float) or not isinstance(expected, float | int):
        return actual == expected
    return math.isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-13 * scale if tolerance is Tolerance.CANCELLING else 0.0)


def _tolerance(metric: Metric, name: str) -> Tolerance:
    if name in metric.derived:
        return _derived_tolerance(metric, metric.derived[name])
    stat = metric.statistics.get(name)
    if isinstance(stat, StdDev):
        return Tolerance.CANCELLING
    return Tolerance.RELATIVE if isinstance(stat, Sum | Mean | Vwap) else Tolerance.EXACT


def _derived_tolerance(metric: Metric, expression: Expression) -> Tolerance:
    """Of exact values every plan computes the same bits; of summed ones it is a matter of whether any are subtracted."""
    read = {_tolerance(metric, name) for name in expression.columns()}
    if read <= {Tolerance.EXACT}:
        return Tolerance.EXACT
    return Tolerance.CANCELLING if Tolerance.CANCELLING in read or _subtracts(expression) else Tolerance.RELATIVE


def _subtracts(expression: Expression) -> bool:
    return isinstance(expression, Call) and (expression.name == "subtract" or any(_subtracts(argument) for argument in expression.arguments))
