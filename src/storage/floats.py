"""NaN and infinity are no values: they become null before a row is stored, and are counted."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def without_non_finite(rows: pa.Table) -> tuple[pa.Table, int]:
    """`rows` with null for each NaN and infinity, and how many there were."""
    count = 0
    for place, field in enumerate(rows.schema):
        if pa.types.is_floating(field.type):
            column = rows.column(place)
            finite = pc.fill_null(pc.is_finite(column), fill_value=True)
            bad = len(column) - (pc.sum(finite).as_py() or 0)
            if bad:
                count += bad
                rows = rows.set_column(place, field, pc.if_else(finite, column, pa.scalar(None, field.type)))
    return rows, count
