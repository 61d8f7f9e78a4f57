"""The rows of a window whose keys have very many values, as bytes in one row: Spark then merges a row a price and minute, not one a taker and second.

Each batch adds its bytes to those of a window; what is in them is merged when the window's rows are looked at, as Spark merges the slots of others.
They say which batch they are of, as Spark gives a window whole in which one row has changed, and only that row is news.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import TaskContext

from src.panes.layout import Layout, Part, Slot, Variant
from src.panes.members import Members
from src.panes.merging import grouped
from src.panes.slots import slot_column, slot_type
from src.schema.tables import ARROW_TYPES

PACK = "pack"
"""The column: bytes as they go to Spark, and a list of them as they come back."""
_ROW, _BATCH = "row", "batch"
_BATCH_PROPERTY = "streaming.sql.batchId"
"""What Spark tells the tasks of a streaming batch its number as."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


def batch_number() -> int:
    """The number of the streaming batch that this worker's share is of; 0 in a batch query, and outside of Spark."""
    context = TaskContext.get()
    return int((context.getLocalProperty(_BATCH_PROPERTY) if context else None) or 0)


def packed(rows: Members, batch: int) -> Members:
    """One row for each source, beginning and set of the other keys; their slots and packed keys are in `packs`, with the batch's number."""
    if not len(rows):
        return replace(rows, slots={}, packs=[])
    own = rows.part.metric.packed
    names = [name for name in rows.keys if name not in own]
    numbers, order, begins = grouped(zip(rows.source, *(rows.keys[name] for name in names), rows.start.tolist(), strict=True))
    columns = [[rows.keys[name][place] for place in order.tolist()] for name in own]
    columns += [slot_column(slot, rows).take(pa.array(order)).to_pylist() for slot in _slots(rows.part)]
    ends = [*begins[1:].tolist(), len(order)]
    packs = [_encode([batch, *(column[begin:end] for column in columns)]) for begin, end in zip(begins.tolist(), ends, strict=True)]
    source, *values, start = zip(*numbers, strict=True)
    newest = np.maximum.reduceat(rows.newest[order], begins)
    return Members(rows.part, source, dict(zip(names, values, strict=True)), np.array(start, dtype=np.int64), newest, {}, packs)


def unpacked(rows: pa.Table, variant: Variant, layout: Layout) -> pa.Table:
    """The rows that are in those of `rows` (aggregated): one for each value of the packed keys that the newest batch has, all its batches merged."""
    (part,) = variant.parts
    slots, keys = _slots(part), variant.metric.packed
    places, batches, columns = _columns(rows[PACK].to_pylist(), len(keys) + len(slots))
    types = [*(ARROW_TYPES[layout.kind(key)] for key in keys), *map(slot_type, slots)]
    names = [*(f"key_{key}" for key in keys), *(slot.name for slot in slots)]
    found = pa.table({_ROW: places, _BATCH: batches} | {n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})
    merges = [(slot.name, slot.merge.of_slots.value) for slot in slots]
    merged = found.group_by([_ROW, *names[: len(keys)]], use_threads=False).aggregate([(_BATCH, "max"), *merges])
    merged = merged.filter(pc.equal(merged[f"{_BATCH}_max"], pc.max(found[_BATCH])))
    outer = rows.drop_columns([PACK, *(name for name in names if name in rows.column_names)]).take(merged[_ROW])
    for name in names[: len(keys)]:
        outer = outer.append_column(name, merged[name])
    for slot in slots:
        outer = outer.append_column(slot.name, merged[f"{slot.name}_{slot.merge.of_slots}"])
    return outer


def _slots(part: Part) -> list[Slot]:
    return list(dict.fromkeys(part.slots.values()))


def _columns(given: Sequence[Sequence[bytes]], width: int) -> tuple[pa.Array, pa.Array, list[list[Any]]]:
    """Of what all packs hold: which of `given` it is of, which batch, and the columns."""
    places: list[int] = []
    batches: list[int] = []
    columns: list[list[Any]] = [[] for _ in range(width)]
    for place, packs in enumerate(given):
        for batch, *found in map(_decode, packs):
            places += [place] * len(found[0])
            batches += [batch] * len(found[0])
            for column, values in zip(columns, found, strict=True):
                column.extend(values)
    return pa.array(places, pa.int64()), pa.array(batches, pa.int64()), columns
