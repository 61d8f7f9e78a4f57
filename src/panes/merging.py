"""Sums, minima and maxima of runs of values, null where a run has none: of the records of a pane, and of the panes of a key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from src.panes.accumulators import Merge
from src.panes.arrays import Flags, Integers

_NUMBERS: Mapping[Merge, tuple[np.ufunc, float]] = {
    Merge.SUM: (np.add, 0.0),
    Merge.MIN: (np.minimum, np.inf),
    Merge.MAX: (np.maximum, -np.inf),
}
"""What merges two numbers, and the number that changes no other."""


def merged(merge: Merge, values: npt.NDArray[Any], known: Flags, begins: Integers) -> npt.NDArray[Any]:
    """One value for each run of `values`; the runs begin at `begins`, and only what is `known` counts."""
    if values.dtype == object:
        choose = min if merge is Merge.MIN else max
        runs = ([value for value, is_known in zip(values[run], known[run], strict=True) if is_known] for run in _runs(begins, len(values)))
        return np.array([choose(run, default=None) for run in runs], dtype=object)
    reduce, neutral = _NUMBERS[merge]
    found = reduce.reduceat(np.where(known, values, neutral), begins)
    return np.where(np.logical_or.reduceat(known, begins), found, np.nan)


def grouped(keys: Iterable[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], Integers, Integers]:
    """The different keys as they come first, the order that puts the places of equal ones side by side, and where each key's run begins in it."""
    different, group = numbered(keys)
    order = np.argsort(group, kind="stable")
    return different, order, np.flatnonzero(np.diff(group[order], prepend=-1))


def numbered(keys: Iterable[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], Integers]:
    """The different keys as they come first, and for each key its place among them."""
    numbers: dict[tuple[Any, ...], int] = {}
    group = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    return list(numbers), group


def known_of(values: npt.NDArray[Any]) -> Flags:
    """Which of numbers (NaN is null) or of texts (None is null) are known."""
    if values.dtype == object:
        texts: Flags = np.not_equal(values, np.array(None)).astype(np.bool_)
        return texts
    found: Flags = ~np.isnan(values)
    return found


def _runs(begins: Integers, count: int) -> list[slice]:
    return [slice(begin, end) for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), count], strict=True)]
