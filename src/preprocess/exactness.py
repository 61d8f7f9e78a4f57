"""Whole numbers that a double cannot hold: a metric that would round one is refused when it is declared.

Statistics travel as doubles, which hold every whole number up to 2**53. Times are bounded to that; a book's `sequence` is not. As a key, in a
condition and in a `Count` such a column is carried exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from src.errors import ConfigurationError
from src.preprocess.expression import Call, Column, Expression
from src.preprocess.metric import Metric
from src.preprocess.statistics import Count, First, Last, Statistic, Vwap

_CONDITIONS = frozenset({"less", "less_or_equal", "greater", "greater_or_equal", "equals", "and", "or", "not", "is_null"})
"""What these give is true or false, whatever they read."""


def check_exact(metric: Metric, large: Collection[str], plain: Callable[[Expression], Expression]) -> None:
    """Raise ConfigurationError when a statistic of a resolved metric carries a column that may pass 2**53.

    large: those columns. plain: an expression with the definition of each main column in its place.
    """
    for name, stat in metric.statistics.items():
        if isinstance(stat, Count):
            continue
        found = sorted({column for each in _inputs(stat) for column in _carried(plain(each)) if column in large})
        if found:
            raise ConfigurationError(
                f"metric {metric.name}: {name} is a {type(stat).__name__} of {', '.join(found)}, whose values may pass 2**53, which a statistic does "
                "not carry exactly; use it as a key, in a condition or in a Count"
            )


def _inputs(stat: Statistic) -> Iterator[Expression]:
    yield stat.expression
    if isinstance(stat, Vwap):
        yield stat.weight
    if isinstance(stat, First | Last) and stat.order_expression is not None:
        yield stat.order_expression


def _carried(expression: Expression) -> Iterator[str]:
    """The columns whose values go into the expression's value."""
    match expression:
        case Column(name):
            yield name
        case Call(name, arguments) if name not in _CONDITIONS:
            for argument in arguments[1:] if name == "when" else arguments:
                yield from _carried(argument)
