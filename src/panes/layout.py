"""Where each number of each metric travels: the slots of the one table that goes from Spark's Python workers into the one aggregation.

The rows of all metrics share that table. A slot is a column with one way of merging; each metric fills as many of them as it needs, from the
first on, so the table is as wide as the widest metric and not as wide as all of them together. Of a metric with packed keys the rows of a window
travel as bytes in one row (src/panes/packing.py), and its slots are columns of what the bytes hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from src.panes.accumulators import Accumulator, Merge, Term, accumulators, split
from src.preprocess.expression import Call, Column, Expression, lit
from src.preprocess.metric import Metric, Window, milliseconds
from src.preprocess.statistics import Statistic
from src.schema.kinds import Kind

IDENTITY = ("source", "region", "market", "symbol", "quote", "instrument", "rate_source", "problem")
"""The columns that have few values: records are told apart by them first, and what reads nothing else is computed once for each of their values."""


@dataclass(frozen=True)
class Slot:
    """One column of the table. A first or a last travels with the times that decide it."""

    merge: Merge
    is_text: bool
    number: int

    @property
    def name(self) -> str:
        """The column's name."""
        return f"{self.merge.value}{'_text' if self.is_text else ''}_{self.number}"

    @property
    def is_ranked(self) -> bool:
        """Whether its values are bytes that say when they were first or last (src/panes/ranked.py)."""
        return self.merge in {Merge.FIRST, Merge.LAST}


@dataclass(frozen=True)
class Part:
    """What one metric takes of the panes for one window length: the accumulators that look at the same span of time."""

    place: int
    """Of the variant in the layout."""
    metric: Metric
    window: Window
    span_ms: int
    slots: Mapping[Accumulator, Slot]
    presence: Accumulator
    """Counts the records that the metric takes at all."""
    of_identity: Expression | None
    """The part of the metric's `where` that reads nothing but the identity."""


@dataclass(frozen=True)
class Variant:
    """A metric in one of its windows."""

    metric: Metric
    interval: str | None
    window: Window
    slots: Mapping[tuple[Statistic, int], tuple[Slot, ...]]
    """By statistic and span (ms), in the order of `accumulators`."""
    parts: tuple[Part, ...]

    def slots_of(self, stat: Statistic) -> tuple[Slot, ...]:
        """Where the numbers of a statistic are."""
        return self.slots[stat, span_of(stat, self.window)]


class Layout:
    """The slots of `metrics` (resolved) over records with columns of these kinds, main columns included; `main` are the latter's definitions."""

    def __init__(self, metrics: Sequence[Metric], kinds: Mapping[str, Kind], main: Mapping[str, Expression]) -> None:
        self._kinds = kinds
        self._main: dict[str, Expression] = {}
        for name, expression in main.items():
            self._main[name] = self.plain(expression)
        self.variants: tuple[Variant, ...] = ()
        for metric in metrics:
            for interval, window in metric.intervals.items():
                self.variants += (self._variant(len(self.variants), metric, interval, window),)
        self.keys = tuple(dict.fromkeys(key for metric in metrics for key in metric.keys if key not in metric.packed))
        self._every_key = tuple(dict.fromkeys(key for metric in metrics for key in metric.keys))
        self.packs = any(metric.packed for metric in metrics)
        """Whether the table has a column of packed rows."""
        found = {slot for variant in self.variants if not variant.metric.packed for part in variant.parts for slot in part.slots.values()}
        self.slots = tuple(sorted(found, key=lambda slot: (list(Merge).index(slot.merge), slot.is_text, slot.number)))

    @property
    def windows(self) -> int:
        """In how many windows of all metrics a record counts."""
        return sum(part.span_ms // part.window.slide_ms for variant in self.variants for part in variant.parts)

    def plain(self, expression: Expression) -> Expression:
        """The expression with the definition of each main column in its place."""
        match expression:
            case Column(name) if name in self._main:
                return self._main[name]
            case Call(name, arguments):
                return Call(name, tuple(self.plain(argument) for argument in arguments))
        return expression

    def kind(self, name: str) -> Kind:
        """The type of a record column or a main column."""
        return self._kinds[name]

    def main_keys(self) -> dict[str, Expression]:
        """The keys that are main columns, packed ones too, and what they are."""
        return {key: self._main[key] for key in self._every_key if key in self._main}

    def reads(self) -> set[str]:
        """The record columns that are read by any metric, keys included."""
        found = {name for key in self._every_key for name in self.plain(Column(key)).columns()}
        for variant in self.variants:
            found.add(variant.metric.time)
            for part in variant.parts:
                for each in (*part.slots, part.presence):
                    found |= each.reads()
                found |= set(part.of_identity.columns()) if part.of_identity is not None else set()
        return found

    def _variant(self, place: int, metric: Metric, interval: str | None, window: Window) -> Variant:
        where = None if metric.where is None else self.plain(metric.where)
        numbers: Counter[tuple[Merge, bool]] = Counter()
        by_span: dict[int, dict[Accumulator, Slot]] = {}
        slots: dict[tuple[Statistic, int], tuple[Slot, ...]] = {}
        for stat in metric.statistics.values():
            span = span_of(stat, window)
            mine = by_span.setdefault(span, {})
            for each in self._accumulators(stat, where):
                if each not in mine:
                    kind = each.merge, self._is_text(each)
                    mine[each] = Slot(*kind, numbers[kind])
                    numbers[kind] += 1
            slots[stat, span] = tuple(mine[each] for each in self._accumulators(stat, where))
        of_identity, of_records = split([] if where is None else [where], frozenset(IDENTITY))
        presence = Accumulator(Merge.SUM, lit(1), of_records, None, Term.COUNT)
        parts = tuple(Part(place, metric, window, span, mine, presence, of_identity) for span, mine in by_span.items())
        return Variant(metric, interval, window, slots, parts)

    def _accumulators(self, stat: Statistic, where: Expression | None) -> tuple[Accumulator, ...]:
        own = None if stat.where is None else self.plain(stat.where)
        found = []
        for each in accumulators(stat, where, own, frozenset(IDENTITY)):
            other = None if each.other is None else self.plain(each.other)
            found.append(Accumulator(each.merge, self.plain(each.value), each.where, each.of, each.term, other))
        return tuple(found)

    def _is_text(self, accumulator: Accumulator) -> bool:
        return accumulator.merge is not Merge.SUM and accumulator.value.kind(self._kinds) is Kind.STRING


def span_of(stat: Statistic, window: Window) -> int:
    """How long a stretch the statistic looks at, ms."""
    return milliseconds(stat.over) if stat.over else window.size_ms
