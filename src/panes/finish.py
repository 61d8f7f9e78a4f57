"""Slots back to statistics: what the aggregation has merged made the columns that a metric declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from src.panes.accumulators import MOMENTS, Term
from src.panes.moments import sample_deviation
from src.panes.ranked import ranked_values
from src.preprocess.statistics import Count, First, Last, Max, Mean, Min, Statistic, StdDev, Sum, Vwap
from src.schema.kinds import Kind
from src.schema.tables import ARROW_TYPES


def finished(stat: Statistic, kind: Kind, slots: Sequence[pa.ChunkedArray]) -> Any:
    """The column of a statistic, of its kind, given the merged slots of its accumulators in their order."""
    match stat:
        case Count():
            return _of_kind(pc.fill_null(slots[0], 0.0), Kind.LONG)
        case Sum():
            return slots[0]
        case Mean() | Vwap():
            divisor = pc.if_else(pc.equal(slots[1], 0.0), pa.scalar(None, pa.float64()), slots[1])
            return pc.divide(slots[0], divisor)
        case StdDev():
            numbers = [slot.to_numpy(zero_copy_only=False) for slot in slots]
            sums = dict(zip((Term.COUNT, *MOMENTS), (np.nan_to_num(each, nan=0.0) for each in numbers), strict=True))
            return pa.chunked_array([pa.array(sample_deviation(sums), from_pandas=True)])
        case Min() | Max():
            return _of_kind(slots[0], kind)
        case First() | Last():
            return _of_kind(ranked_values(slots[0], is_text=kind is Kind.STRING), kind)
    raise TypeError(f"no plan knows the statistic {type(stat).__name__}")


def _of_kind(values: Any, kind: Kind) -> Any:
    """Numbers travel as doubles; a whole number or a condition is made one again."""
    if kind is Kind.BOOLEAN:
        return pc.not_equal(values, 0.0)
    return values if values.type == ARROW_TYPES[kind] else values.cast(ARROW_TYPES[kind], safe=False)
