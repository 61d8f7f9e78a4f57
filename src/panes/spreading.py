"""Records that stand for several, such as a gap mark that lies in many windows, made those a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from src.panes.arrays import Integers
from src.schema.records import Record

AT_ONCE = 10_000
"""One mark may stand for very many records, and a start or a lost connection gives marks of all symbols."""

Spread = Callable[[Any], Iterable[Record]]
"""The records that one stands for."""


def spread_out(records: Sequence[Any], message: Integers, spreads: Sequence[bool], spread: Spread) -> Iterator[tuple[list[Any], Integers]]:
    """Records with the place of each one's message: first all that stand for themselves, then what the others, where `spreads`, stand for.

    No more than `AT_ONCE` of the latter come at a time.
    """
    given = list(zip(records, message.tolist(), spreads, strict=True))
    kept = [(record, place) for record, place, is_spread in given if not is_spread]
    parts = ((part, place) for record, place, is_spread in given if is_spread for part in spread(record))
    yield _columns(kept)
    while few := list(islice(parts, AT_ONCE)):
        yield _columns(few)


def _columns(found: Sequence[tuple[Any, int]]) -> tuple[list[Any], Integers]:
    return [record for record, _ in found], np.array([place for _, place in found], dtype=np.int64)
