"""Expressions of a metric over Arrow columns: how derived columns are computed, a whole batch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from src.preprocess.expression import Call, Column, Expression, Literal


def arrow_column(expression: Expression, columns: Mapping[str, Any]) -> Any:
    """`expression` over `columns` (Arrow arrays by name); a scalar when it reads none of them."""
    match expression:
        case Column(name):
            return columns[name]
        case Literal(value):
            return pa.scalar(value)
        case Call(name, arguments):
            return _FUNCTIONS[name](*(arrow_column(argument, columns) for argument in arguments))
    raise TypeError(f"not an expression: {expression!r}")


def _on_doubles(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: function(*(value.cast(pa.float64()) for value in values))


def _divide(left: Any, right: Any) -> Any:
    return pc.divide(left, pc.if_else(pc.equal(right, 0.0), pa.scalar(None, pa.float64()), right))


def _sqrt(value: Any) -> Any:
    return pc.sqrt(pc.if_else(pc.less(value, 0.0), pa.scalar(None, pa.float64()), value))


def _of_one_type(values: tuple[Any, ...]) -> list[Any]:
    """A bare null has no type of its own; it takes that of the others."""
    kind = next((value.type for value in values if not pa.types.is_null(value.type)), pa.null())
    return [value if value.type == kind else value.cast(kind) for value in values]


def _when(condition: Any, value: Any, otherwise: Any) -> Any:
    return pc.if_else(pc.fill_null(condition, fill_value=False), *_of_one_type((value, otherwise)))


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "add": _on_doubles(pc.add),
    "subtract": _on_doubles(pc.subtract),
    "multiply": _on_doubles(pc.multiply),
    "divide": _on_doubles(_divide),
    "less": pc.less,
    "less_or_equal": pc.less_equal,
    "greater": pc.greater,
    "greater_or_equal": pc.greater_equal,
    "equals": pc.equal,
    "and": pc.and_kleene,
    "or": pc.or_kleene,
    "not": pc.invert,
    "is_null": pc.is_null,
    "abs": _on_doubles(pc.abs),
    "sqrt": _on_doubles(_sqrt),
    "when": _when,
    "coalesce": lambda *values: pc.coalesce(*_of_one_type(values)),
    "greatest": lambda *values: pc.max_element_wise(*_of_one_type(values)),
    "least": lambda *values: pc.min_element_wise(*_of_one_type(values)),
}
