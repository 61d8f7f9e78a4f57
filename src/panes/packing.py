"""The rows of a window whose keys have very many values, as bytes in one row: Spark then merges a row a price and minute, not one a taker and second.

Each batch adds its bytes to those of a window; what is in them is merged when the window's rows are looked at, as Spark merges the slots of others.
They say which batch they are of, as Spark gives a window whole in which one row has changed, and only that row is news.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import TaskContext

from src.panes.column_bytes import ColumnBytes
from src.panes.layout import Layout, Part, Slot, Variant
from src.panes.members import Members
from src.panes.merging import grouped
from src.panes.ranked import fixed_width
from src.panes.slots import slot_column, slot_type
from src.schema.tables import ARROW_TYPES

PACK = "pack"
"""The column: bytes as they go to Spark, and a list of them as they come back."""
_ROW, _BATCH = "row", "batch"
_BATCH_PROPERTY = "streaming.sql.batchId"
"""What Spark tells the tasks of a streaming batch its number as."""
_NUMBER = struct.Struct("<q")
"""The batch's number, which a pack begins with."""


def batch_number() -> int:
    """The number of the streaming batch that this worker's share is of; 0 in a batch query, and outside of Spark."""
    context = TaskContext.get()
    return int((context.getLocalProperty(_BATCH_PROPERTY) if context else None) or 0)


def packed(rows: Members, batch: int, layout: Layout) -> Members:
    """One row for each source, beginning and set of the other keys; their slots and packed keys are in `packs`, with the batch's number."""
    if not len(rows):
        return replace(rows, slots={}, packs=[])
    own = rows.part.metric.packed
    names = [name for name in rows.keys if name not in own]
    numbers, order, begins = grouped(zip(rows.source, *(rows.keys[name] for name in names), rows.start.tolist(), strict=True))
    held = _held(rows.part, layout)
    columns = [pa.array(rows.keys[name], ARROW_TYPES[layout.kind(name)]) for name in own]
    columns += [slot_column(slot, rows) for slot in _slots(rows.part)]
    table = pa.table(columns, schema=held.schema).take(pa.array(order))
    packs = [_NUMBER.pack(batch) + run for run in held.written(table, begins.tolist())]
    source, *values, start = zip(*numbers, strict=True)
    newest = np.maximum.reduceat(rows.newest[order], begins)
    return Members(rows.part, source, dict(zip(names, values, strict=True)), np.array(start, dtype=np.int64), newest, {}, packs)


def unpacked(rows: pa.Table, variant: Variant, layout: Layout) -> pa.Table:
    """The rows that are in those of `rows` (aggregated): one for each value of the packed keys that the newest batch has, all its batches merged."""
    (part,) = variant.parts
    slots, held = _slots(part), _held(part, layout)
    keys = held.schema.names[: len(variant.metric.packed)]
    lists = rows[PACK].combine_chunks()
    packs = lists.flatten().to_pylist()
    found, counts = held.read([pack[_NUMBER.size :] for pack in packs])
    batches = np.array([number for pack in packs for number in _NUMBER.unpack_from(pack)], dtype=np.int64)
    places = np.repeat(lists.value_parent_indices().to_numpy(), counts)
    found = found.append_column(_ROW, pa.array(places)).append_column(_BATCH, pa.array(np.repeat(batches, counts)))
    merges = [(slot.name, slot.merge.of_slots.value) for slot in slots]
    merged = found.group_by([_ROW, *keys], use_threads=False).aggregate([(_BATCH, "max"), *merges])
    merged = merged.filter(pc.equal(merged[f"{_BATCH}_max"], pc.max(found[_BATCH])))
    outer = rows.drop_columns([PACK, *(name for name in held.schema.names if name in rows.column_names)]).take(merged[_ROW])
    for name in keys:
        outer = outer.append_column(name, merged[name])
    for slot in slots:
        outer = outer.append_column(slot.name, merged[f"{slot.name}_{slot.merge.of_slots}"])
    return outer


def _held(part: Part, layout: Layout) -> ColumnBytes:
    """What packs of a metric hold: its packed keys, and its slots."""
    fields = [pa.field(f"key_{name}", ARROW_TYPES[layout.kind(name)]) for name in part.metric.packed]
    fields += [pa.field(slot.name, slot_type(slot)) for slot in _slots(part)]
    heads = {slot.name: fixed_width(is_text=slot.is_text) for slot in _slots(part) if slot.is_ranked}
    return ColumnBytes(pa.schema(fields), heads)


def _slots(part: Part) -> list[Slot]:
    return list(dict.fromkeys(part.slots.values()))
