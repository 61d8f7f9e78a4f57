"""Column expressions that a metric is declared with, free of any engine.

The same expression becomes a Spark column (src/setting/spark_columns.py) and can be evaluated on one plain row (`evaluate`), which is
what the batch oracle does. What the functions mean, on nulls too, is in src/preprocess/functions.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from src.errors import ConfigurationError
from src.preprocess.functions import FUNCTIONS, WrongTypes
from src.schema.kinds import Kind


class Expression:
    """A value computed from the columns of one row. Build it with `col`, `lit`, operators and the functions below."""

    def evaluate(self, row: Mapping[str, Any]) -> Any:
        """The value on a plain row; None stands for null."""
        raise NotImplementedError

    def kind(self, kinds: Mapping[str, Kind]) -> Kind:
        """The type, given the types of the columns it reads; that of a bare null is DOUBLE.

        Raises ConfigurationError for an unknown column, and for a function that does not take its arguments' types.
        """
        return self.kind_or_null(kinds) or Kind.DOUBLE

    def kind_or_null(self, kinds: Mapping[str, Kind]) -> Kind | None:
        """As `kind`, but None for what is always null and so fits every type."""
        raise NotImplementedError

    def columns(self) -> Iterator[str]:
        """The names of the columns it reads."""
        raise NotImplementedError

    def _call(self, name: str, *others: object) -> Call:
        return Call(name, (self, *(as_expression(other) for other in others)))

    def __add__(self, other: object) -> Call:
        return self._call("add", other)

    def __sub__(self, other: object) -> Call:
        return self._call("subtract", other)

    def __mul__(self, other: object) -> Call:
        return self._call("multiply", other)

    def __truediv__(self, other: object) -> Call:
        return self._call("divide", other)

    def __radd__(self, other: object) -> Call:
        return as_expression(other) + self

    def __rsub__(self, other: object) -> Call:
        return as_expression(other) - self

    def __rmul__(self, other: object) -> Call:
        return as_expression(other) * self

    def __rtruediv__(self, other: object) -> Call:
        return as_expression(other) / self

    def __lt__(self, other: object) -> Call:
        return self._call("less", other)

    def __le__(self, other: object) -> Call:
        return self._call("less_or_equal", other)

    def __gt__(self, other: object) -> Call:
        return self._call("greater", other)

    def __ge__(self, other: object) -> Call:
        return self._call("greater_or_equal", other)

    def equals(self, other: object) -> Call:
        """Whether both are the same; a method, because `==` compares declarations."""
        return self._call("equals", other)

    def __and__(self, other: object) -> Call:
        return self._call("and", other)

    def __or__(self, other: object) -> Call:
        return self._call("or", other)

    def __invert__(self) -> Call:
        return self._call("not")

    def __abs__(self) -> Call:
        return self._call("abs")

    def is_null(self) -> Call:
        """Whether the value is missing."""
        return self._call("is_null")

    def is_not_null(self) -> Call:
        """Whether there is a value."""
        return ~self.is_null()

    def __bool__(self) -> bool:
        message = "a column expression has no truth value of its own: combine with &, | and ~, compare with .equals()"
        raise TypeError(message)


@dataclass(frozen=True, repr=False)
class Column(Expression):
    """A column by name."""

    name: str

    def evaluate(self, row: Mapping[str, Any]) -> Any:
        return row[self.name]

    def kind_or_null(self, kinds: Mapping[str, Kind]) -> Kind | None:
        try:
            return kinds[self.name]
        except KeyError:
            raise ConfigurationError(f"there is no column {self.name!r} here; known are {', '.join(sorted(kinds))}") from None

    def columns(self) -> Iterator[str]:
        yield self.name

    def __repr__(self) -> str:
        return f"col({self.name!r})"


@dataclass(frozen=True, repr=False)
class Literal(Expression):
    """A constant; None is null."""

    value: float | int | bool | str | None

    def evaluate(self, row: Mapping[str, Any]) -> Any:
        del row
        return self.value

    def kind_or_null(self, kinds: Mapping[str, Kind]) -> Kind | None:
        del kinds
        if self.value is None:
            return None
        found = next((kind for known, kind in _LITERAL_KINDS.items() if isinstance(self.value, known)), None)
        if found is None or (found is Kind.LONG and abs(cast("int", self.value)) > _LARGEST_LONG):
            raise ConfigurationError(f"{self.value!r} is no constant of an expression: use a number of at most 64 bits, a text, True, False or None")
        return found

    def columns(self) -> Iterator[str]:
        return iter(())

    def __repr__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True, repr=False)
class Call(Expression):
    """A function of other expressions; `FUNCTIONS` (src/preprocess/functions.py) says what each name means."""

    name: str
    arguments: tuple[Expression, ...]

    def evaluate(self, row: Mapping[str, Any]) -> Any:
        return FUNCTIONS[self.name].of(*(argument.evaluate(row) for argument in self.arguments))

    def kind_or_null(self, kinds: Mapping[str, Kind]) -> Kind | None:
        found = [argument.kind_or_null(kinds) for argument in self.arguments]
        try:
            return FUNCTIONS[self.name].kind(found)
        except WrongTypes as error:
            raise ConfigurationError(f"the expression {self!r} is wrong: {self.name} {error}") from None

    def columns(self) -> Iterator[str]:
        for argument in self.arguments:
            yield from argument.columns()

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.arguments))})"


_LITERAL_KINDS: Mapping[type, Kind] = {bool: Kind.BOOLEAN, int: Kind.LONG, float: Kind.DOUBLE, str: Kind.STRING}
_LARGEST_LONG = 2**63 - 1


def as_expression(value: object) -> Expression:
    """`value` itself when it is an expression, else the constant."""
    return value if isinstance(value, Expression) else Literal(cast("float | int | bool | str | None", value))


def col(name: str) -> Column:
    """The column of that name."""
    return Column(name)


def lit(value: float | bool | str | None) -> Literal:
    """A constant; None is null."""
    return Literal(value)


def when(condition: Expression, value: object, otherwise: object = None) -> Call:
    """`value` where the condition is true, else `otherwise`; a null condition counts as false."""
    return Call("when", (condition, as_expression(value), as_expression(otherwise)))


def coalesce(*values: object) -> Call:
    """The first that is not null."""
    return Call("coalesce", tuple(as_expression(value) for value in values))


def greatest(*values: object) -> Call:
    """The largest, nulls left out."""
    return Call("greatest", tuple(as_expression(value) for value in values))


def least(*values: object) -> Call:
    """The smallest, nulls left out."""
    return Call("least", tuple(as_expression(value) for value in values))


def sqrt(value: Expression) -> Call:
    """Square root; null below zero."""
    return Call("sqrt", (value,))
