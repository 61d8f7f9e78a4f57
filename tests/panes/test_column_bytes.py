"""Rows that were written as bytes are read again as they were, whatever runs they were written in."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from src.panes.column_bytes import ColumnBytes

HEAD = 3
HELD = ColumnBytes(
    pa.schema(
        {
            "text": pa.string(),
            "number": pa.float64(),
            "whole": pa.int64(),
            "time": pa.timestamp("ms", tz="UTC"),
            "holds": pa.bool_(),
            "fixed": pa.binary(),
            "ranked": pa.binary(),
        }
    ),
    {"fixed": HEAD, "ranked": HEAD},
)
WHOLE = st.integers(-(2**62), 2**62)
ROWS = st.fixed_dictionaries(
    {
        "text": st.none() | st.text(max_size=6),
        "number": st.none() | st.floats(allow_nan=False),
        "whole": WHOLE,
        "time": st.datetimes().map(lambda time: time.replace(microsecond=0)),
        "holds": st.booleans(),
        "fixed": st.none() | st.binary(min_size=HEAD, max_size=HEAD),
        "ranked": st.none() | st.binary(min_size=HEAD, max_size=HEAD + 4),
    }
)


@given(st.lists(st.lists(ROWS, min_size=1, max_size=5), min_size=1, max_size=5))
def test_what_is_written_is_read(runs: list[list[dict[str, Any]]]) -> None:
    rows = pa.Table.from_pylist(list(itertools.chain.from_iterable(runs)), HELD.schema)
    begins = list(itertools.accumulate(map(len, runs[:-1]), initial=0))
    written = HELD.written(rows, begins)
    found, counts = HELD.read(written)
    assert found.equals(rows)
    assert counts.tolist() == list(map(len, runs))
    # Runs are whole each for itself, in any order.
    backwards, _ = HELD.read(written[::-1])
    assert backwards.to_pylist() == [row for run in runs[::-1] for row in pa.Table.from_pylist(run, HELD.schema).to_pylist()]


def test_no_runs_are_no_rows() -> None:
    found, counts = HELD.read([])
    assert found.equals(HELD.schema.empty_table())
    assert counts.tolist() == []


def test_nan_is_null() -> None:
    held = ColumnBytes(pa.schema({"number": pa.float64()}), {})
    (written,) = held.written(pa.table({"number": [math.nan, math.inf, None]}), [0])
    assert held.read([written])[0]["number"].to_pylist() == [None, math.inf, None]


def test_what_lies_near_each_other_needs_little_room() -> None:
    held = ColumnBytes(pa.schema({"time": pa.int64(), "ranked": pa.binary()}), {"ranked": 8})
    times = range(1_771_000_000_000, 1_771_000_060_000, 60)
    (written,) = held.written(pa.table({"time": times, "ranked": [time.to_bytes(8) for time in times]}, schema=held.schema), [0])
    assert len(written) < 0.4 * len(times) * 20
