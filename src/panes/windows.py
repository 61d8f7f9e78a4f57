"""The panes of overlapping windows put together into the windows, where that makes fewer rows for Spark to put together.

A pane counts for each window that it lies in. Spark would copy it so many times; of panes side by side almost as many windows are made as there are
panes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from src.panes.members import Members, merged_slots
from src.panes.merging import numbered

_WORTH = 2
"""So many copies for each window at least: putting together has its cost here too."""


def windowed(rows: Members) -> Members:
    """The same numbers as rows of one window each, whose end is in `window_end`; or `rows` as they are, where that is not worth it."""
    part = rows.part
    slide, count = part.window.slide_ms, part.span_ms // part.window.slide_ms
    if count == 1 or len(rows) < count:
        return rows
    _, group = numbered(zip(rows.source, *rows.keys.values(), strict=True))
    place = np.repeat(np.arange(len(rows)), count)
    end = rows.start[place] + np.tile(np.arange(1, count + 1) * slide, len(rows))
    order = np.lexsort((end, group[place]))
    place, end = place[order], end[order]
    begins = np.flatnonzero((np.diff(end, prepend=end[0] - 1) != 0) | (np.diff(group[place], prepend=-1) != 0))
    if len(begins) * _WORTH > len(place):
        return rows
    first = place[begins]
    keys = {name: [values[each] for each in first.tolist()] for name, values in rows.keys.items()}
    source = [rows.source[each] for each in first.tolist()]
    newest = np.maximum.reduceat(rows.newest[place], begins)
    slots = merged_slots(part, rows.slots, place, begins)
    return replace(rows, source=source, keys=keys, start=end[begins] - part.span_ms, newest=newest, slots=slots, window_end=end[begins])
