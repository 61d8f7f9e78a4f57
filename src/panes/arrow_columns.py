"""Expressions of a metric over Arrow columns: how derived columns are computed, a whole batch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from src.preprocess.expression import Call, Column, Expression, Literal

_NULL = pa.NULL


def arrow_column(expression: Expression, columns: Mapping[str, Any]) -> Any:
    """`expression` over `columns` (Arrow arrays by name), of the type that its `kind` says; a scalar when it reads none of them."""
    found = _column(expression, columns)
    return found.cast(pa.float64()) if pa.types.is_null(found.type) else found


def _column(expression: Expression, columns: Mapping[str, Any]) -> Any:
    match expression:
        case Column(name):
            return columns[name]
        case Literal(value):
            return pa.scalar(value)
        case Call(name, arguments):
            return _FUNCTIONS[name](*(_column(argument, columns) for argument in arguments))
    raise TypeError(f"not an expression: {expression!r}")


def _on_doubles(function: Callable[..., Any]) -> Callable[..., Any]:
    # Not "safe": that refuses whole numbers that a double holds only nearly.
    return lambda *values: function(*(value.cast(pa.float64(), safe=False) for value in values))


def _on_booleans(function: Callable[..., Any]) -> Callable[..., Any]:
    # A bare null has no type of its own, and Arrow's logic takes none such.
    return lambda *values: function(*(value.cast(pa.bool_()) for value in values))


def _compared(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: function(*_of_one_type(values))


def _chosen(function: Callable[..., Any]) -> Callable[..., Any]:
    # Of bare nulls the choice is a bare null, which an expression around it may still take for any type.
    return lambda *values: _NULL if all(pa.types.is_null(value.type) for value in values) else function(*_of_one_type(values))


def _divide(left: Any, right: Any) -> Any:
    return pc.divide(left, pc.if_else(pc.equal(right, 0.0), pa.scalar(None, pa.float64()), right))


def _sqrt(value: Any) -> Any:
    return pc.sqrt(pc.if_else(pc.less(value, 0.0), pa.scalar(None, pa.float64()), value))


def _of_one_type(values: tuple[Any, ...]) -> list[Any]:
    """Whole and decimal numbers together become decimal ones; a bare null takes the type of the others."""
    types = {value.type for value in values} - {pa.null()}
    kind = pa.float64() if pa.float64() in types or not types else next(iter(types))
    return [value if value.type == kind else value.cast(kind, safe=False) for value in values]


def _when(condition: Any, value: Any, otherwise: Any) -> Any:
    holds = pc.fill_null(condition.cast(pa.bool_()), fill_value=False)
    return _chosen(lambda *values: pc.if_else(holds, *values))(value, otherwise)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": _on_doubles(pc.add),
    "subtract": _on_doubles(pc.subtract),
    "multiply": _on_doubles(pc.multiply),
    "divide": _on_doubles(_divide),
    "less": _compared(pc.less),
    "less_or_equal": _compared(pc.less_equal),
    "greater": _compared(pc.greater),
    "greater_or_equal": _compared(pc.greater_equal),
    "equals": _compared(pc.equal),
    "and": _on_booleans(pc.and_kleene),
    "or": _on_booleans(pc.or_kleene),
    "not": _on_booleans(pc.invert),
    "is_null": pc.is_null,
    "abs": _on_doubles(pc.abs),
    "sqrt": _on_doubles(_sqrt),
    "when": _when,
    "coalesce": _chosen(pc.coalesce),
    "greatest": _chosen(pc.max_element_wise),
    "least": _chosen(pc.min_element_wise),
}
