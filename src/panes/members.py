"""The rows that a metric gets out of panes: those of its own keys, each number in its slot, with the windows that they count for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from src.panes.accumulators import Accumulator, Merge, Term
from src.panes.columns import Flags, Identities, Integers
from src.panes.combine import Grid, Panes, Picked, Values
from src.panes.layout import IDENTITY, Part, Slot
from src.panes.merging import known_of, merged, runs_of


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

    def __len__(self) -> int:
        return len(self.start)


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
    rows = list(zip(*values, panes.start[taken].tolist(), strict=True))
    numbers: dict[tuple[Any, ...], int] = {}
    group = np.array([numbers.setdefault(row, len(numbers)) for row in rows], dtype=np.int64)
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    slots = {
        slot: _merged(each, _masked(panes.values(each.of_records), taken, identities, each, identity), order, begins)
        for each, slot in part.slots.items()
    }
    columns = list(zip(*numbers, strict=True)) if numbers else [()] * (len(_names(part)) + 1)
    named = dict(zip(_names(part), columns[:-1], strict=True))
    newest = np.maximum.reduceat(panes.newest[taken][order], begins) if len(begins) else panes.newest[:0]
    return Members(part, named.pop("source"), named, np.array(columns[-1], dtype=np.int64), newest, slots)


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
    best = np.zeros(len(begins), dtype=np.int64)
    if len(begins) == len(order):
        best = order
    else:
        choose = min if merge is Merge.FIRST else max
        for number, run in enumerate(runs_of(begins, len(order))):
            known: Flags = values.known[order[run]]
            places = order[run][known] if known.any() else order[run][:1]
            best[number] = places[0] if len(places) == 1 else choose(places, key=lambda place: _rank(values, place))
    return Picked(values.known[best], values.time[best], values.received[best], values.order[best], values.value[best])


def _rank(values: Picked, place: int) -> tuple[Any, ...]:
    return values.time[place], values.received[place], values.order[place], values.value[place]
