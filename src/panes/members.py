"""The rows that a metric gets out of panes: those of its own keys, each number in its slot, with the windows that they count for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np

from src.panes.accumulators import Accumulator, Merge, Term
from src.panes.arrays import Integers
from src.panes.columns import Identities
from src.panes.combine import Grid, Panes, Picked, Values
from src.panes.layout import IDENTITY, Part, Slot
from src.panes.merging import grouped, known_of, merged


@dataclass(frozen=True)
class Members:
    """Rows of one part of a metric. Arrays have one element a row."""

    part: Part
    source: Sequence[str]
    keys: Mapping[str, Sequence[Any]]
    start: Integers
    """Beginning of the pane, ms since 1970 UTC."""
    newest: Integers
    """The newest time in it, ms since 1970 UTC."""
    slots: Mapping[Slot, Values]
    packs: Sequence[bytes] | None = None
    """Of rows that are packed (src/panes/packing.py): what each of them holds, in place of slots."""
    window_end: Integers | None = None
    """Of rows that are windows already (src/panes/windows.py): the end of each, ms since 1970 UTC; `start` is then where it begins."""

    def __len__(self) -> int:
        return len(self.start)

    @property
    def first_end(self) -> Integers:
        """The end of the first window that a row counts for, ms since 1970 UTC."""
        return self.start + self.part.window.slide_ms if self.window_end is None else self.window_end

    @property
    def last_end(self) -> Integers:
        """The end of the last one; others end every slide between the two."""
        return self.start + self.part.span_ms if self.window_end is None else self.window_end


def grid_of(part: Part) -> Grid:
    """The grid of the panes that a part needs."""
    metric = part.metric
    return Grid(metric.time, part.window.slide_ms, part.window.offset_ms, tuple(key for key in metric.keys if key not in IDENTITY))


def members(part: Part, panes: Panes, identities: Identities) -> Members:
    """The panes that the metric takes, those of one key and beginning made one."""
    present = panes.values(part.presence)
    taken = np.flatnonzero(identities.holds(part.of_identity)[panes.identity] & (np.asarray(present) > 0))
    identity = panes.identity[taken]
    texts = {name: identities.texts(name) for name in ("source", *part.metric.keys) if name in IDENTITY}
    values = [_texts_of(texts[name], identity) if name in texts else _of(panes.keys[name], taken) for name in _names(part)]
    keyed = [place for place, names in enumerate(zip(*values, strict=True)) if None not in names]
    if len(keyed) < len(taken):
        # A row without one of its keys would be nobody's.
        taken, identity = taken[keyed], identity[keyed]
        values = [[column[place] for place in keyed] for column in values]
    slots = {slot: _masked(panes.values(each.of_records), taken, identities, each, identity) for each, slot in part.slots.items()}
    return _of_one_key(part, values, panes.start[taken], panes.newest[taken], slots)


def joined(found: Sequence[Members]) -> Members:
    """Rows of one part that several batches of records gave, those of one key and beginning made one."""
    if len(found) == 1:
        return found[0]
    some = [each for each in found if len(each)] or found[:1]
    part = some[0].part
    values = [list(chain.from_iterable(columns)) for columns in zip(*([each.source, *each.keys.values()] for each in some), strict=True)]
    slots = {slot: _one_after_another([each.slots[slot] for each in some]) for slot in part.slots.values()}
    return _of_one_key(part, values, np.concatenate([each.start for each in some]), np.concatenate([each.newest for each in some]), slots)


def _of_one_key(part: Part, values: Sequence[Sequence[Any]], start: Integers, newest: Integers, slots: Mapping[Slot, Values]) -> Members:
    """Rows made one where source, keys (these are `values`) and beginning are the same."""
    numbers, order, begins = grouped(zip(*values, start.tolist(), strict=True))
    columns = list(zip(*numbers, strict=True)) if numbers else [()] * (len(_names(part)) + 1)
    named = dict(zip(_names(part), columns[:-1], strict=True))
    newest = np.maximum.reduceat(newest[order], begins) if len(begins) else newest[:0]
    starts = np.array(columns[-1], dtype=np.int64)
    return Members(part, named.pop("source"), named, starts, newest, merged_slots(part, slots, order, begins))


def merged_slots(part: Part, slots: Mapping[Slot, Values], order: Integers, begins: Integers) -> dict[Slot, Values]:
    """The numbers of runs of rows: `order` has the rows, which may be in several runs, and each run begins at one of `begins` in it."""
    return {slot: _merged(each, slots[slot], order, begins) for each, slot in part.slots.items()}


def _one_after_another(values: Sequence[Values]) -> Values:
    arrays: Any = [each for each in values if not isinstance(each, Picked)]
    if arrays:
        return np.concatenate(arrays)
    return Picked(*(np.concatenate([getattr(each, field.name) for each in values]) for field in fields(Picked)))


def _names(part: Part) -> tuple[str, ...]:
    return ("source", *part.metric.keys)


def _texts_of(known: Sequence[str | None], identity: Integers) -> list[str | None]:
    return [known[number] for number in identity]


def _of(values: Sequence[Any], taken: Integers) -> list[Any]:
    return [values[place] for place in taken]


def _masked(values: Values, taken: Integers, identities: Identities, accumulator: Accumulator, identity: Integers) -> Values:
    """The panes' values, null where the condition on the identity does not hold."""
    holds = identities.holds(accumulator.of)[identity]
    if isinstance(values, Picked):
        return Picked(values.known[taken] & holds, values.time[taken], values.received[taken], values.order[taken], values.value[taken])
    mine: Any = values[taken]
    if mine.dtype == object:
        mine[~holds] = None
        return mine  # type: ignore[no-any-return]
    return np.where(holds, mine, 0.0 if accumulator.term is Term.COUNT else np.nan)


def _merged(accumulator: Accumulator, values: Values, order: Integers, begins: Integers) -> Values:
    if isinstance(values, Picked):
        return _picked(accumulator.merge, values, order, begins)
    if not len(begins) or len(begins) == len(order):
        return values[order]
    ordered = values[order]
    return merged(accumulator.merge, ordered, known_of(ordered), begins)


def _picked(merge: Merge, values: Picked, order: Integers, begins: Integers) -> Picked:
    best = order
    if len(begins) < len(order):
        sign = 1 if merge is Merge.FIRST else -1
        group = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(order)))
        keys = [values.order[order] * sign, values.received[order] * sign, values.time[order] * sign, ~values.known[order], group]
        ranked = order[np.lexsort(keys)]
        best = ranked[begins]
        ends = np.append(begins[1:], len(order))
        for number in _tied(values, ranked, begins, group):
            run = ranked[begins[number] : ends[number]]
            equal = [place for place in run if values.known[place] and _rank(values, place) == _rank(values, best[number])]
            best[number] = (min if merge is Merge.FIRST else max)(equal, key=lambda place: values.value[place])
    return Picked(values.known[best], values.time[best], values.received[best], values.order[best], values.value[best])


def _tied(values: Picked, ranked: Integers, begins: Integers, group: Integers) -> list[int]:
    """The groups whose first two by rank are known and equal in all but the value."""
    second = np.minimum(begins + 1, len(ranked) - 1)
    one, other = ranked[begins], ranked[second]
    same = (group[second] == group[begins]) & (second > begins) & values.known[one] & values.known[other]
    for column in (values.time, values.received, values.order):
        same &= column[one] == column[other]
    found: list[int] = np.flatnonzero(same).tolist()
    return found


def _rank(values: Picked, place: int) -> tuple[Any, ...]:
    return values.time[place], values.received[place], values.order[place]
