"""What Spark's one aggregation does, in plain Python: rows of the combiner into the windows they count for, their slots merged each in its way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from src.panes.accumulators import Merge
from src.panes.combiner import Combiner
from src.panes.layout import Layout
from src.panes.packing import PACK
from src.panes.slots import slot_type
from src.schema.tables import ARROW_TYPES
from src.setting.planner import Plan
from tests.setting.streamed import NoDeadLetters, raw_table

Share = Sequence[tuple[str, bytes]]
"""Topic and value of the messages of one batch."""
_MERGES: Mapping[Merge, Callable[[list[Any]], Any]] = {Merge.SUM: sum, Merge.MIN: min, Merge.MAX: max, Merge.FIRST: min, Merge.LAST: max}
"""A first and a last travel as bytes whose order is that of their times."""


def aggregated(plan: Plan, shares: Iterable[Sequence[Share]]) -> pa.Table:
    """The table that `Plan.rows` reads. Each share is one worker's, its batches one after another; their rows are merged as they come."""
    found = [row for share in shares for row in _combined(plan, share)]
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    keys = ["metric", "source", *(f"key_{key}" for key in plan.layout.keys)]
    for row in found:
        for end in range(row["first_end"], row["last_end"] + 1, row["slide"]):
            groups.setdefault((*(row[key] for key in keys), end), []).append(row)
    columns: dict[str, list[Any]] = {name: [values[place] for values in groups] for place, name in enumerate(keys)}
    columns["window_end"] = [datetime.fromtimestamp(end / 1000, UTC) for *_, end in groups]
    for slot in plan.layout.slots:
        columns[slot.name] = [_merged(slot.merge, [row[slot.name] for row in rows]) for rows in groups.values()]
    if plan.layout.packs:
        columns[PACK] = [[row[PACK] for row in rows if row[PACK] is not None] for rows in groups.values()]
    return pa.table([pa.array(columns[field.name], field.type) for field in _schema(plan.layout)], schema=_schema(plan.layout))


def _combined(plan: Plan, share: Sequence[Share]) -> list[dict[str, Any]]:
    batches = [batch for messages in share for batch in raw_table(messages).to_batches()]
    return [row for found in Combiner(plan.reading, plan.layout, NoDeadLetters)(batches) for row in found.to_pylist()]


def _merged(merge: Merge, values: list[Any]) -> Any:
    known = [value for value in values if value is not None]
    return _MERGES[merge](known) if known else None


def _schema(layout: Layout) -> pa.Schema:
    keys = [pa.field(f"key_{key}", ARROW_TYPES[layout.kind(key)]) for key in layout.keys]
    slots = [pa.field(slot.name, slot_type(slot)) for slot in layout.slots]
    packs = [pa.field(PACK, pa.list_(pa.binary()))] * layout.packs
    return pa.schema(
        [pa.field("metric", pa.int64()), pa.field("source", pa.string()), *keys, pa.field("window_end", pa.timestamp("us", tz="UTC")), *slots, *packs]
    )
