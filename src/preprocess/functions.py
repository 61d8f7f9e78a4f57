"""What the function of a `Call` means: its value on plain arguments, and which types it takes and gives.

Semantics are SQL's: null in, null out; `and`/`or` are three-valued; and a division by zero is null. Whole and decimal numbers mix and
give decimal ones; nothing else mixes.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.schema.kinds import Kind

Kinds = Sequence[Kind | None]
"""Types of arguments; None is that of a bare null, which fits everywhere."""
NUMBERS = frozenset({Kind.LONG, Kind.DOUBLE})


class WrongTypes(ValueError):
    """The function does not take arguments of these types."""


@dataclass(frozen=True)
class Function:
    """of: the value from plain arguments. kind: the type from those of the arguments; raises WrongTypes for ones it does not take."""

    of: Callable[..., Any]
    kind: Callable[[Kinds], Kind | None]


def _given(kinds: Kinds) -> set[Kind]:
    return {kind for kind in kinds if kind is not None}


def _number(kinds: Kinds) -> Kind:
    if _given(kinds) - NUMBERS:
        raise WrongTypes(f"takes numbers, not {_said(kinds)}")
    return Kind.DOUBLE


def _truth(kinds: Kinds) -> Kind:
    if _given(kinds) - {Kind.BOOLEAN}:
        raise WrongTypes(f"takes conditions, not {_said(kinds)}")
    return Kind.BOOLEAN


def _one_kind(kinds: Kinds) -> Kind | None:
    given = _given(kinds)
    if len(given) > 1 and given != NUMBERS:
        raise WrongTypes(f"takes values of one type, not {_said(kinds)}")
    return Kind.DOUBLE if given == NUMBERS else next(iter(given), None)


def _comparison(kinds: Kinds) -> Kind:
    _one_kind(kinds)
    return Kind.BOOLEAN


def _ordered(kinds: Kinds) -> Kind | None:
    if Kind.BOOLEAN in kinds:
        raise WrongTypes("takes numbers or texts, not conditions")
    return _one_kind(kinds)


def _chosen(kinds: Kinds) -> Kind | None:
    _truth(kinds[:1])
    return _one_kind(kinds[1:])


def _said(kinds: Kinds) -> str:
    return " and ".join("null" if kind is None else kind.value for kind in kinds)


def _null_if_any_null(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: None if any(argument is None for argument in arguments) else function(*arguments)


def _and(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _or(left: bool | None, right: bool | None) -> bool | None:
    if left is True or right is True:
        return True
    return None if left is None or right is None else False


def _first_not_null(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def found(*values: Any) -> Any:
        known: Iterable[Any] = (value for value in values if value is not None)
        return choose(known, default=None)

    return found


FUNCTIONS: Mapping[str, Function] = {
    "add": Function(_null_if_any_null(operator.add), _number),
    "subtract": Function(_null_if_any_null(operator.sub), _number),
    "multiply": Function(_null_if_any_null(operator.mul), _number),
    "divide": Function(_null_if_any_null(lambda left, right: left / right if right else None), _number),
    "less": Function(_null_if_any_null(operator.lt), _comparison),
    "less_or_equal": Function(_null_if_any_null(operator.le), _comparison),
    "greater": Function(_null_if_any_null(operator.gt), _comparison),
    "greater_or_equal": Function(_null_if_any_null(operator.ge), _comparison),
    "equals": Function(_null_if_any_null(operator.eq), _comparison),
    "and": Function(_and, _truth),
    "or": Function(_or, _truth),
    "not": Function(_null_if_any_null(operator.not_), _truth),
    "is_null": Function(lambda value: value is None, lambda _: Kind.BOOLEAN),
    "abs": Function(_null_if_any_null(abs), _number),
    "sqrt": Function(_null_if_any_null(lambda value: math.sqrt(value) if value >= 0 else None), _number),
    "when": Function(lambda condition, value, otherwise: value if condition else otherwise, _chosen),
    "coalesce": Function(_first_not_null, _one_kind),
    "greatest": Function(_extreme(max), _ordered),
    "least": Function(_extreme(min), _ordered),
}
