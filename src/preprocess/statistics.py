"""The vocabulary that metrics are built from: statistics that merge.

Each can be computed on parts of a window and combined, whatever the parts and their order, so a planner may combine early and often.
`of` computes one from plain samples: the batch oracle uses it, and it is the definition that every faster plan is tested against.
Nulls are left out by all of them; over no samples a Count is 0 and every other is null.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

from src.preprocess.expression import Expression, as_expression, col, lit
from src.schema.kinds import Kind


class Sample(NamedTuple):
    """One record's value for a statistic. Compared as a whole: by time, reception, `order` and value, so the order is total."""

    event_time: int
    received_time: int
    order: float
    value: Any
    weight: Any = None


@dataclass(frozen=True)
class Statistic:
    """A summary of one column over the records of a window.

    value: the column, by name or as an expression over the record's columns.
    where: only records for which this holds.
    over: a span, such as "5 minutes", that ends with the window and may be longer than it.
    """

    value: str | Expression
    where: Expression | None = None
    over: str | None = None

    result: ClassVar[Kind | None] = Kind.DOUBLE
    """Type of the result; None: that of the value."""

    @property
    def expression(self) -> Expression:
        """The value as an expression."""
        return col(self.value) if isinstance(self.value, str) else self.value

    def only(self, condition: Expression) -> Statistic:
        """The same statistic over fewer records."""
        return replace(self, where=condition if self.where is None else self.where & condition)

    def of(self, samples: Sequence[Sample]) -> Any:
        """The statistic of samples whose value is not null, in any order."""
        raise NotImplementedError


_EVERY_RECORD = lit(1)


@dataclass(frozen=True)
class Count(Statistic):
    """Number of records."""

    value: str | Expression = _EVERY_RECORD
    result = Kind.LONG

    def of(self, samples: Sequence[Sample]) -> int:
        return len(samples)


@dataclass(frozen=True)
class Sum(Statistic):
    """Sum, in the unit of the value."""

    def of(self, samples: Sequence[Sample]) -> float | None:
        return math.fsum(sample.value for sample in samples) if samples else None


@dataclass(frozen=True)
class Mean(Statistic):
    """Arithmetic mean, in the unit of the value."""

    def of(self, samples: Sequence[Sample]) -> float | None:
        return math.fsum(sample.value for sample in samples) / len(samples) if samples else None


@dataclass(frozen=True)
class Min(Statistic):
    """Smallest value."""

    result = None

    def of(self, samples: Sequence[Sample]) -> Any:
        return min((sample.value for sample in samples), default=None)


@dataclass(frozen=True)
class Max(Statistic):
    """Largest value."""

    result = None

    def of(self, samples: Sequence[Sample]) -> Any:
        return max((sample.value for sample in samples), default=None)


@dataclass(frozen=True)
class First(Statistic):
    """Value of the earliest record by (event_time, received_time, order); of equal ones the smallest value.

    order: a number that tells records of equal times apart, such as a trade id; a null counts as 0.
    """

    order: str | Expression | None = None
    result = None

    @property
    def order_expression(self) -> Expression | None:
        """The order as an expression."""
        return col(self.order) if isinstance(self.order, str) else self.order

    def of(self, samples: Sequence[Sample]) -> Any:
        return min(samples).value if samples else None


@dataclass(frozen=True)
class Last(Statistic):
    """Value of the latest record by (event_time, received_time, order); of equal ones the largest value.

    order: a number that tells records of equal times apart, such as a trade id; a null counts as 0.
    """

    order: str | Expression | None = None
    result = None

    @property
    def order_expression(self) -> Expression | None:
        """The order as an expression."""
        return col(self.order) if isinstance(self.order, str) else self.order

    def of(self, samples: Sequence[Sample]) -> Any:
        return max(samples).value if samples else None


@dataclass(frozen=True)
class StdDev(Statistic):
    """Sample standard deviation (divisor n - 1), null below two records."""

    def of(self, samples: Sequence[Sample]) -> float | None:
        if len(samples) < 2:  # noqa: PLR2004  (the divisor is n - 1)
            return None
        mean = math.fsum(sample.value for sample in samples) / len(samples)
        return math.sqrt(math.fsum((sample.value - mean) ** 2 for sample in samples) / (len(samples) - 1))


@dataclass(frozen=True)
class Vwap(Statistic):
    """Volume-weighted average price: sum(value x size) / sum(size), over records that have both."""

    size: str | Expression = "size"

    @property
    def weight(self) -> Expression:
        """The size as an expression."""
        return col(self.size) if isinstance(self.size, str) else self.size

    def of(self, samples: Sequence[Sample]) -> float | None:
        weighed = [sample for sample in samples if sample.weight is not None]
        total = math.fsum(sample.weight for sample in weighed)
        return math.fsum(sample.value * sample.weight for sample in weighed) / total if total else None


@dataclass(frozen=True)
class PerMarket:
    """One column of the statistic for each configured market, named `<name>_<market>`."""

    statistic: Statistic
    column: ClassVar[str] = "market"


@dataclass(frozen=True)
class PerRegion:
    """One column of the statistic for each region that has a configured market, named `<name>_<region>`."""

    statistic: Statistic
    column: ClassVar[str] = "region"


def spread_out(name: str, per: PerMarket | PerRegion, values: Sequence[str]) -> dict[str, Statistic]:
    """The concrete statistics, by column name, that `per` stands for."""
    return {f"{name}_{value}": per.statistic.only(as_expression(col(per.column)).equals(value)) for value in values}
