"""The columns of slots: the numbers of a part's rows as Arrow has them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from src.panes.combine import Picked
from src.panes.layout import Slot
from src.panes.members import Members
from src.panes.ranked import ranked


def slot_type(slot: Slot) -> pa.DataType:
    """The Arrow type of a slot's column."""
    if slot.is_ranked:
        return pa.binary()
    return pa.string() if slot.is_text else pa.float64()


def slot_column(slot: Slot, rows: Members) -> pa.Array:
    """A slot of some rows; null throughout where their metric does not fill it."""
    values: Any = rows.slots.get(slot)
    if values is None:
        return pa.nulls(len(rows), slot_type(slot))
    if isinstance(values, Picked):
        return ranked(values, is_text=slot.is_text)
    return pa.array(values, slot_type(slot), from_pandas=True)
