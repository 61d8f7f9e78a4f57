"""A standard deviation out of sums over panes is that of all values, also where it is a billionth of them."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.panes.accumulators import MOMENTS, Term
from src.panes.moments import moments, sample_deviation


def by_panes(panes: list[list[float]]) -> float:
    """The deviation as the job computes it: each pane for itself, then sums."""
    count = np.array([len(pane) for pane in panes], dtype=np.float64)
    mean = np.array([math.fsum(pane) / len(pane) for pane in panes])
    squares = np.array([math.fsum((value - middle) ** 2 for value in pane) for pane, middle in zip(panes, mean, strict=True)])
    found = moments(count, mean, squares)
    return float(sample_deviation({term: np.array([found[term].sum()]) for term in (Term.COUNT, *MOMENTS)})[0])


def exact(values: list[float]) -> float:
    """In fractions, rounded once at the end."""
    exactly = [Fraction(value) for value in values]
    mean = sum(exactly) / len(exactly)
    return math.sqrt(sum((value - mean) ** 2 for value in exactly) / (len(exactly) - 1))


@pytest.mark.parametrize("price", [1.5e8, 65_536.0, 65_535.9999, 1.0, 3.3e-9])
@pytest.mark.parametrize(("share", "tolerance"), [(1e-2, 1e-14), (1e-5, 1e-12), (1e-8, 1e-8)])
def test_a_small_deviation_of_a_large_price_survives(price: float, share: float, tolerance: float) -> None:
    rng = random.Random(1)
    values = [price * (1 + share * rng.gauss(0, 1)) for _ in range(600)]
    for size in (1, 7, 600):
        panes = [values[begin : begin + size] for begin in range(0, len(values), size)]
        assert by_panes(panes) == pytest.approx(exact(values), rel=tolerance)


def test_values_that_are_all_one_have_none() -> None:
    assert by_panes([[95_000_000.0] * 3, [95_000_000.0], [95_000_000.0] * 40]) == 0.0
    assert by_panes([[0.0], [0.0]]) == 0.0


def test_one_value_has_no_deviation() -> None:
    assert math.isnan(by_panes([[5.0]]))


@given(st.lists(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=5), min_size=1, max_size=8))
def test_any_values_in_any_panes(panes: list[list[float]]) -> None:
    values = [value for pane in panes for value in pane]
    if len(values) > 1:
        largest = max(map(abs, values))
        assert by_panes(panes) == pytest.approx(exact(values), rel=1e-9, abs=1e-13 * largest)
