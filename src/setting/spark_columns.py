"""Expressions of a metric as Spark columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F  # noqa: N812  (the name every Spark program uses)

from src.preprocess.expression import Call, Column, Expression, Literal


def spark_column(expression: Expression, columns: Mapping[str, SparkColumn]) -> SparkColumn:
    """`expression` over `columns`, a Spark column for each name that it may read."""
    match expression:
        case Column(name):
            return columns[name]
        case Literal(value):
            return F.lit(value)
        case Call(name, arguments):
            return _FUNCTIONS[name](*(spark_column(argument, columns) for argument in arguments))
    raise TypeError(f"not an expression: {expression!r}")


def _extreme(choose: Callable[..., SparkColumn]) -> Callable[..., SparkColumn]:
    return lambda *values: choose(*values) if len(values) > 1 else values[0]


_FUNCTIONS: Mapping[str, Callable[..., SparkColumn]] = {
    "add": lambda left, right: (left + right).cast("double"),
    "subtract": lambda left, right: (left - right).cast("double"),
    "multiply": lambda left, right: (left * right).cast("double"),
    # Spark's ANSI mode fails the query on a division by zero; a metric has null there.
    "divide": lambda left, right: F.when(right != 0, left / right).cast("double"),
    "less": lambda left, right: left < right,
    "less_or_equal": lambda left, right: left <= right,
    "greater": lambda left, right: left > right,
    "greater_or_equal": lambda left, right: left >= right,
    "equals": lambda left, right: left == right,
    "and": lambda left, right: left & right,
    "or": lambda left, right: left | right,
    "not": lambda value: ~value,
    "is_null": lambda value: value.isNull(),
    "abs": lambda value: F.abs(value).cast("double"),
    "sqrt": lambda value: F.when(value >= 0, F.sqrt(value)),
    "when": lambda condition, value, otherwise: F.when(condition, value).otherwise(otherwise),
    "coalesce": F.coalesce,
    "greatest": _extreme(F.greatest),
    "least": _extreme(F.least),
}


def all_of(conditions: list[SparkColumn]) -> SparkColumn | None:
    """The conjunction, or None of none."""
    return reduce(lambda left, right: left & right, conditions) if conditions else None
