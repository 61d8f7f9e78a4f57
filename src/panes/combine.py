"""Records combined into panes: one row for each identity, further key and stretch of time, with the accumulators that metrics need of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from src.panes.accumulators import MOMENTS, Accumulator, Merge, Term
from src.panes.arrays import Flags, Integers, Numbers, Texts
from src.panes.columns import Records
from src.panes.merging import known_of, merged
from src.panes.moments import moments
from src.preprocess.expression import Expression
from src.schema.kinds import Kind

_LARGEST = 2**62


@dataclass(frozen=True)
class Grid:
    """How panes are cut: by which of the record's times, every how many ms, from which offset, and by which keys besides the identity."""

    time: str
    slide_ms: int
    offset_ms: int
    keys: tuple[str, ...] = ()


@dataclass
class Picked:
    """First or last values: with the times (ms) and the order that decide who was first. A null has `known` false."""

    known: Flags
    time: Integers
    received: Integers
    order: Numbers
    value: npt.NDArray[Any]


Values = Numbers | Texts | Picked
"""Of a sum, minimum or maximum numbers (NaN is null) or texts (None is null)."""


class Panes:
    """The panes of one batch on one grid. Arrays have one element a pane."""

    def __init__(self, records: Records, grid: Grid) -> None:
        self._records = records
        keys = [records.coded(key) for key in grid.keys]
        time = records.times[grid.time]
        pane = (time - grid.offset_ms) // grid.slide_ms
        order = self._order = _sorted(records, pane, [codes for codes, _ in keys])
        self._time, self._received = records.times["event_time"][order], records.times["received_time"][order]
        pane = pane[order]
        changes = _changes([records.identity[order], *(codes[order] for codes, _ in keys), pane])
        self._begins = np.flatnonzero(changes)
        self._ends = np.append(self._begins[1:], len(order))
        self._group = np.cumsum(changes) - 1
        self.identity: Integers = records.identity[order][self._begins]
        self.keys: dict[str, list[Any]] = {
            name: [known[code] for code in codes[order][self._begins]] for name, (codes, known) in zip(grid.keys, keys, strict=True)
        }
        self.start: Integers = pane[self._begins] * grid.slide_ms + grid.offset_ms
        self.newest: Integers = np.maximum.reduceat(time[order], self._begins) if len(order) else self.start
        self._cache: dict[str, Values] = {}
        self._valid: dict[str, Flags] = {}
        self._ordered: dict[str, Numbers] = {}
        self._ordered_texts: dict[str, Texts] = {}

    def __len__(self) -> int:
        return len(self._begins)

    def values(self, accumulator: Accumulator) -> Values:
        """One accumulator (without its condition on the identity) of each pane."""
        key = repr(accumulator)
        if key not in self._cache:
            if accumulator.term in MOMENTS:
                self._cache |= {repr(each): found for each, found in self._moments(accumulator)}
            else:
                self._cache[key] = self._computed(accumulator)
        return self._cache[key]

    def _computed(self, accumulator: Accumulator) -> Values:
        if accumulator.merge is Merge.SUM:
            return self._sum(accumulator)
        values = self._values_of(accumulator.value)
        valid = self._valid_for(accumulator.value, accumulator.where)
        if accumulator.merge in {Merge.FIRST, Merge.LAST}:
            return self._picked(accumulator, valid, values)
        return merged(accumulator.merge, values, valid, self._begins)

    def _sum(self, accumulator: Accumulator) -> Numbers:
        valid = self._valid_for(accumulator.value, accumulator.where)
        match accumulator.term:
            case Term.COUNT:
                found: Numbers = np.add.reduceat(valid.astype(np.float64), self._begins)
                return found
            case Term.VALUE:
                terms = self._numbers(accumulator.value)
            case Term.WEIGHT | Term.WEIGHTED:
                assert accumulator.other is not None  # noqa: S101  (these two terms are of a weighted mean)
                weight = self._numbers(accumulator.other)
                valid = valid & ~np.isnan(weight)
                terms = weight if accumulator.term is Term.WEIGHT else weight * self._numbers(accumulator.value)
            case _:
                raise TypeError(f"{accumulator.term} is not summed by itself")
        return merged(Merge.SUM, terms, valid, self._begins)

    def _moments(self, accumulator: Accumulator) -> Iterable[tuple[Accumulator, Numbers]]:
        valid = self._valid_for(accumulator.value, accumulator.where)
        values = np.where(valid, self._numbers(accumulator.value), 0.0)
        count: Numbers = np.add.reduceat(valid.astype(np.float64), self._begins)
        known = np.maximum(count, 1.0)
        mean = np.add.reduceat(values, self._begins) / known
        away = np.where(valid, values - mean[self._group], 0.0)
        shift = np.add.reduceat(away, self._begins) / known
        squares = np.add.reduceat(away * away, self._begins) - count * shift * shift
        found = moments(count, mean + shift, np.maximum(squares, 0.0))
        for term in MOMENTS:
            each = Accumulator(Merge.SUM, accumulator.value, accumulator.where, None, term, accumulator.other)
            yield each, np.where(count > 0, found[term], np.nan)

    def _picked(self, accumulator: Accumulator, valid: Flags, values: npt.NDArray[Any]) -> Picked:
        is_first = accumulator.merge is Merge.FIRST
        # Records lie in the order of their times, so the first that has a value is the one, unless others have the very same times.
        places = np.arange(len(valid))
        if is_first:
            at = np.minimum.reduceat(np.where(valid, places, len(valid)), self._begins)
        else:
            at = np.maximum.reduceat(np.where(valid, places, -1), self._begins)
        known = (at >= 0) & (at < len(valid))
        at = np.where(known, at, 0)
        order = np.zeros(len(valid)) if accumulator.other is None else np.nan_to_num(self._numbers(accumulator.other), nan=0.0)
        choose = min if is_first else max
        for group in self._tied(at, known):
            mine = [place for place in self._same_times(int(at[group]), group) if valid[place]]
            at[group] = choose(mine, key=lambda place: (order[place], values[place]))
        return Picked(known, self._time[at], self._received[at], order[at], values[at])

    def _tied(self, at: Integers, known: Flags) -> Sequence[int]:
        """The panes whose first or last record has a neighbour with the very same times."""
        same = np.zeros(len(self._order) + 1, dtype=np.bool_)
        same[1:-1] = (np.diff(self._time) == 0) & (np.diff(self._received) == 0) & (np.diff(self._group) == 0)
        found: list[int] = np.flatnonzero(known & (same[at] | same[at + 1])).tolist()
        return found

    def _same_times(self, place: int, group: int) -> range:
        """The records of a pane with the same times as the one at `place`: they lie side by side."""
        begin, end = place, place + 1
        while begin > self._begins[group] and self._times(begin - 1) == self._times(place):
            begin -= 1
        while end < self._ends[group] and self._times(end) == self._times(place):
            end += 1
        return range(begin, end)

    def _times(self, place: int) -> tuple[int, int]:
        return int(self._time[place]), int(self._received[place])

    def _valid_for(self, value: Expression, where: Expression | None) -> Flags:
        """The records whose value is known and for which `where` holds."""
        key = f"{value!r}|{where!r}"
        if key not in self._valid:
            valid = self._records.known(value)[self._order] if self._is_text(value) else known_of(self._numbers(value))
            holds = self._records.holds(where)
            self._valid[key] = valid if holds is None else valid & holds[self._order]
        return self._valid[key]

    def _numbers(self, expression: Expression) -> Numbers:
        """The values in the order of the panes; several accumulators read the same ones."""
        key = repr(expression)
        if key not in self._ordered:
            self._ordered[key] = self._records.numbers(expression)[self._order]
        return self._ordered[key]

    def _values_of(self, expression: Expression) -> npt.NDArray[Any]:
        if not self._is_text(expression):
            return self._numbers(expression)
        key = repr(expression)
        if key not in self._ordered_texts:
            self._ordered_texts[key] = self._records.texts(expression)[self._order]
        return self._ordered_texts[key]

    def _is_text(self, expression: Expression) -> bool:
        return expression.kind(self._records.kinds) is Kind.STRING


def _sorted(records: Records, pane: Integers, keys: Sequence[Integers]) -> Integers:
    """The records in order of identity, keys, pane, event time and reception."""
    codes = records.identity
    for each in keys:
        codes = codes * (int(each.max(initial=0)) + 1) + each
    event_time, received = records.times["event_time"], records.times["received_time"]
    if not len(codes):
        return np.arange(0)
    codes = codes * (int(pane.max()) - int(pane.min()) + 1) + (pane - pane.min())
    first, span = int(event_time.min()), int(event_time.max()) - int(event_time.min()) + 1
    if (int(codes.max()) + 1) * span < _LARGEST:
        # One sort of one number is several times faster than one by three; reception matters where event times are equal alone.
        found: Integers = np.argsort(codes * span + (event_time - first), kind="stable")
        if not ((np.diff(event_time[found]) == 0) & (np.diff(codes[found]) == 0) & (np.diff(received[found]) < 0)).any():
            return found
    return np.lexsort((received, event_time, codes))


def _changes(columns: Sequence[Integers]) -> Flags:
    found = np.zeros(len(columns[0]), dtype=np.bool_)
    found[:1] = True
    for column in columns:
        found[1:] |= np.diff(column) != 0
    return found
