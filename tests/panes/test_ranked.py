"""The bytes of a first or last value are in the order of what decides it, and give the value back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from src.panes.combine import Picked
from src.panes.ranked import ranked, ranked_values

TIMES = st.integers(-(2**53), 2**53)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def picked(rows: list[tuple[int, int, float, object]], *, known: bool = True) -> Picked:
    times, receptions, orders, values = zip(*rows, strict=True)
    as_values = np.array(values, dtype=object if isinstance(values[0], str) else np.float64)
    return Picked(np.full(len(rows), known), np.array(times), np.array(receptions), np.array(orders, dtype=np.float64), as_values)


@given(st.lists(st.tuples(TIMES, TIMES, NUMBERS, NUMBERS), min_size=1, max_size=8))
def test_numbers(rows: list[tuple[int, int, float, float]]) -> None:
    found = ranked(picked(rows), is_text=False).to_pylist()
    assert max(found) == found[rows.index(max(rows))]
    assert min(found) == found[rows.index(min(rows))]
    assert ranked_values(pa.chunked_array([found], pa.binary()), is_text=False).to_pylist() == [row[3] for row in rows]


@given(st.lists(st.tuples(TIMES, TIMES, NUMBERS, st.text(max_size=5)), min_size=1, max_size=8))
def test_texts(rows: list[tuple[int, int, float, str]]) -> None:
    found = ranked(picked(rows), is_text=True).to_pylist()
    assert max(found) == found[rows.index(max(rows))]
    assert ranked_values(pa.chunked_array([found], pa.binary()), is_text=True).to_pylist() == [row[3] for row in rows]


def test_what_is_not_known_is_null() -> None:
    for rows in ([(1, 2, 0.0, 3.0)], [(1, 2, 0.0, "x")]):
        is_text = isinstance(rows[0][3], str)
        found = ranked(picked(rows, known=False), is_text=is_text)
        assert found.to_pylist() == [None]
        assert ranked_values(pa.chunked_array([found]), is_text=is_text).to_pylist() == [None]
