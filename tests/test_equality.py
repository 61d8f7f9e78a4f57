"""The tests' own notion of equal tells apart what differs."""

from __future__ import annotations

from typing import Any

import pytest

from src.preprocess import Count, First, Max, Mean, Metric, StdDev, Sum, Vwap, Window, col
from tests.equality import assert_equal_rows

METRIC = Metric(
    "each",
    Window("1 minute"),
    (),
    stats={
        "count": Count(),
        "high": Max("price"),
        "first": First("price"),
        "sum": Sum("volume"),
        "mean": Mean("price"),
        "vwap": Vwap("price", size="volume"),
        "deviation": StdDev("price"),
    },
    derived={"half": col("sum") / 2.0, "rise": col("high") - col("first"), "above": col("high") - col("mean"), "percent": col("above") * 100.0},
).resolved((), ())
ROW: dict[str, Any] = {
    "count": 3,
    "high": 1e5,
    "first": 9e4,
    "sum": 1e-9,
    "mean": 1e5,
    "vwap": 1e5,
    "deviation": 0.5,
    "half": 5e-10,
    "rise": 1e4,
    "above": 1e-4,
    "percent": 1e-2,
}


@pytest.mark.parametrize(
    ("name", "factor", "equal"),
    [
        *((name, 1 + 1e-15, False) for name in ("high", "first", "rise")),
        *((name, 1 + 5e-10, True) for name in ("sum", "mean", "vwap", "deviation", "half", "above", "percent")),
        *((name, 1 + 2e-9, False) for name in ("sum", "mean", "vwap", "half")),
        *((name, None, False) for name in ROW),
        ("count", 2, False),
        ("above", 1 + 5e-5, True),
        ("above", 1 + 2e-4, False),
        ("deviation", 1 + 3e-8, False),
    ],
)
def test_equal_is_exact_where_nothing_is_summed_and_relative_elsewhere(name: str, factor: float | None, equal: bool) -> None:
    changed = {**ROW, name: None if factor is None else ROW[name] * factor}
    if equal:
        assert_equal_rows({(): changed}, {(): ROW}, METRIC)
    else:
        with pytest.raises(AssertionError, match=f"{name}: "):
            assert_equal_rows({(): changed}, {(): ROW}, METRIC)
