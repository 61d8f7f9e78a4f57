"""A standard deviation out of sums: what is summed over panes so that a small deviation of a large price survives.

The textbook difference of `sum(x**2)` and `sum(x)**2 / n` has no digit left when the deviation is a billionth of the price, and Welford's
merge is no sum. So each pane says its number of records n, the sum of squares about its own mean (no cancellation in it), and its mean, cut in three:
`mean = high + low + rest`: its first 16 bits, the next 16, and what is left. Products of two of those have 32 bits, so that sums of them,
weighted by n, are exact in a double for up to 2**21 records. What lies between the panes,

    sum(n * mean**2) - sum(n * mean)**2 / sum(n),

is then a difference of exact sums, taken in twice the precision of a double, plus terms in which `rest` (2**-32 of the mean) keeps the rounding
small.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from src.panes.accumulators import Term

Numbers = npt.NDArray[np.float64]
_BITS = 16
_SPLITTER = 2.0**27 + 1


def moments(count: Numbers, mean: Numbers, squares: Numbers) -> dict[Term, Numbers]:
    """What is summed, of panes with `count` values of that mean, whose squared distances from it add up to `squares`."""
    _, exponent = np.frexp(mean)
    high = _rounded(mean, exponent - _BITS)
    low = _rounded(mean - high, exponent - 2 * _BITS)
    rest = mean - high - low
    return {
        Term.COUNT: count,
        Term.REFERENCE: count * (high + low),
        Term.HIGH_HIGH: count * (high * high),
        Term.HIGH_LOW: count * (high * low),
        Term.LOW_LOW: count * (low * low),
        Term.REST: count * rest,
        Term.REFERENCE_REST: count * ((high + low) * rest),
        Term.SQUARES: squares + count * (rest * rest),
    }


def sample_deviation(sums: Mapping[Term, Numbers]) -> Numbers:
    """The sample standard deviation (divisor n - 1) out of the sums; NaN below two values."""
    count, reference, rest = sums[Term.COUNT], sums[Term.REFERENCE], sums[Term.REST]
    with np.errstate(all="ignore"):
        # n * sum(n * reference**2) - sum(n * reference)**2, exactly but for the last addition.
        products = [_product(count, sums[Term.HIGH_HIGH]), _product(2.0 * count, sums[Term.HIGH_LOW]), _product(count, sums[Term.LOW_LOW])]
        square = _product(reference, reference)
        between = _sum_of([*products, (-square[0], -square[1])]) / count
        cross = _product(count, sums[Term.REFERENCE_REST])
        mixed = _product(reference, rest)
        between += 2.0 * _sum_of([cross, (-mixed[0], -mixed[1])]) / count
        between -= rest * rest / count
        # A deviation of zero may come out as a rounding below it.
        total = np.maximum(sums[Term.SQUARES] + between, 0.0)
        found: Numbers = np.where(count > 1, np.sqrt(total / (count - 1)), np.nan)
    return found


def _rounded(value: Numbers, exponent: npt.NDArray[np.int32]) -> Numbers:
    """To a multiple of two to the `exponent`."""
    found: Numbers = np.ldexp(np.rint(np.ldexp(value, -exponent)), exponent)
    return found


def _product(left: Numbers, right: Numbers) -> tuple[Numbers, Numbers]:
    """The product as the sum of two doubles, exactly (Dekker 1971)."""
    product = left * right
    left_high, right_high = _high(left), _high(right)
    left_low, right_low = left - left_high, right - right_high
    error = ((left_high * right_high - product) + left_high * right_low + left_low * right_high) + left_low * right_low
    return product, error


def _high(value: Numbers) -> Numbers:
    scaled = value * _SPLITTER
    found: Numbers = scaled - (scaled - value)
    return found


def _sum_of(terms: list[tuple[Numbers, Numbers]]) -> Numbers:
    """The sum of such pairs, in about twice the precision of a double (Knuth's two-sum)."""
    total, error = np.zeros_like(terms[0][0]), np.zeros_like(terms[0][0])
    for high, low in terms:
        added = total + high
        virtual = added - total
        error += (total - (added - virtual)) + (high - virtual) + low
        total = added
    found: Numbers = total + error
    return found
