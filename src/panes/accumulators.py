"""What a statistic keeps of the records of a pane: a few numbers that merge by a sum, a minimum, a maximum, or by who was first or last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from src.preprocess.expression import Call, Expression
from src.preprocess.statistics import Count, First, Last, Max, Mean, Min, Statistic, StdDev, Sum, Vwap


class Merge(StrEnum):
    """How the parts of an accumulator become one."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"

    @property
    def of_slots(self) -> Merge:
        """How slots become one, which hold first and last as bytes whose order decides (`src/panes/ranked.py`): a sum, a minimum or a maximum."""
        match self:
            case Merge.FIRST:
                return Merge.MIN
            case Merge.LAST:
                return Merge.MAX
            case _:
                return self


class Term(StrEnum):
    """What is summed, of records whose value is not null. The moments are explained in `src/panes/moments.py`."""

    VALUE = "value"
    COUNT = "count"
    WEIGHT = "weight"
    WEIGHTED = "weighted"
    REFERENCE = "reference"
    HIGH_HIGH = "high_high"
    HIGH_LOW = "high_low"
    LOW_LOW = "low_low"
    REST = "rest"
    REFERENCE_REST = "reference_rest"
    SQUARES = "squares"


MOMENTS = (Term.REFERENCE, Term.HIGH_HIGH, Term.HIGH_LOW, Term.LOW_LOW, Term.REST, Term.REFERENCE_REST, Term.SQUARES)


@dataclass(frozen=True)
class Accumulator:
    """One number of a pane. `where` reads columns of single records; `of` those of the identity alone, and so holds for a whole pane or not."""

    merge: Merge
    value: Expression
    where: Expression | None = None
    of: Expression | None = None
    term: Term = Term.VALUE
    other: Expression | None = None
    """The weight of a mean, or what decides between records of equal times."""

    @property
    def of_records(self) -> Accumulator:
        """The same without the condition on the identity: what a pane of one identity holds of it."""
        return replace(self, of=None)

    def reads(self) -> set[str]:
        """The names of the columns that it reads."""
        return {name for each in (self.value, self.where, self.of, self.other) if each is not None for name in each.columns()}


def accumulators(stat: Statistic, where: Expression | None, own: Expression | None, identity: frozenset[str]) -> tuple[Accumulator, ...]:  # noqa: C901, PLR0911  (one case a statistic)
    """What `stat` is made of over records for which `where` and `own` hold; `finished` (src/panes/finish.py) reads them in this order.

    own: the statistic's `where`, or what is to stand for it.
    """
    of_identity, of_records = split([each for each in (where, own) if each is not None], identity)

    def accumulator(merge: Merge, term: Term = Term.VALUE, other: Expression | None = None) -> Accumulator:
        return Accumulator(merge, stat.expression, of_records, of_identity, term, other)

    def sums(*terms: Term) -> tuple[Accumulator, ...]:
        weight = stat.weight if isinstance(stat, Vwap) else None
        return tuple(accumulator(Merge.SUM, term, weight) for term in terms)

    match stat:
        case Count():
            return sums(Term.COUNT)
        case Sum():
            return sums(Term.VALUE)
        case Mean():
            return sums(Term.VALUE, Term.COUNT)
        case Vwap():
            return sums(Term.WEIGHTED, Term.WEIGHT)
        case StdDev():
            return sums(Term.COUNT, *MOMENTS)
        case Min():
            return (accumulator(Merge.MIN),)
        case Max():
            return (accumulator(Merge.MAX),)
        case First():
            return (accumulator(Merge.FIRST, other=stat.order_expression),)
        case Last():
            return (accumulator(Merge.LAST, other=stat.order_expression),)
    raise TypeError(f"no plan knows the statistic {type(stat).__name__}")


def split(conditions: Sequence[Expression], identity: frozenset[str]) -> tuple[Expression | None, Expression | None]:
    """The parts of a conjunction that read nothing but columns of the identity, and the others."""
    parts = [part for condition in conditions for part in _conjuncts(condition)]
    of_identity = [part for part in parts if identity.issuperset(part.columns())]
    return _conjunction(of_identity), _conjunction([part for part in parts if part not in of_identity])


def _conjuncts(condition: Expression) -> Iterator[Expression]:
    if isinstance(condition, Call) and condition.name == "and":
        for argument in condition.arguments:
            yield from _conjuncts(argument)
    else:
        yield condition


def _conjunction(parts: Sequence[Expression]) -> Expression | None:
    found: Expression | None = None
    for part in parts:
        found = part if found is None else found & part
    return found
