"""The notionals of an hour's trades as a histogram in logarithmic steps, and the percentile read off it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

BINS_PER_OCTAVE = 8
_MINUTES = 60
_EDGES = tuple(2.0 ** (step / BINS_PER_OCTAVE) for step in range(BINS_PER_OCTAVE))
"""Lower edges of the bins from 1 up to 2. All others are these, scaled exactly, so that a size falls into one bin wherever it is computed."""
_TOP_BIN = 40 * BINS_PER_OCTAVE
"""A trade of 2**40 USD and more is counted here, so the number of bins is bounded."""

Minute = Sequence[int]
"""`[minutes ago, trades, bin, count, bin, count, ...]`: how many trades there were, and in which bins those above the floor were."""


def notional_bin(notional: float | None) -> int | None:
    """Which bin a notional (USD) is in: bin b reaches from 2**(b/8) up to, not including, 2**((b+1)/8). None for null, and not above zero."""
    if notional is None or not 0 < notional < math.inf:
        return None
    mantissa, exponent = math.frexp(notional)
    return min(BINS_PER_OCTAVE * (exponent - 1) + bisect_right(_EDGES, 2 * mantissa) - 1, _TOP_BIN)


def upper_edge(bin_number: int) -> float:
    """The notional (USD) at which the next bin begins."""
    octave, step = divmod(bin_number + 1, BINS_PER_OCTAVE)
    return math.ldexp(_EDGES[step], octave)


def minute_of(trades: int, notionals: Iterable[float | None]) -> Minute:
    """What is kept of a minute that has just ended: the number of its trades, and the notionals (USD) of those above the floor."""
    bins = Counter(found for notional in notionals if (found := notional_bin(notional)) is not None)
    return [0, trades, *(number for each in sorted(bins.items()) for number in each)]


def hour_before(minutes: Iterable[Minute], passed: int) -> list[Minute]:
    """The minutes `passed` minutes later, those alone that lie within the 60 before."""
    return [[ago + passed, *rest] for ago, *rest in minutes if ago + passed <= _MINUTES]


def percentile_usd(minutes: Sequence[Minute], percentile: float, floor: float) -> float | None:
    """The percentile (nearest rank) of all trades of the minutes, USD, as the upper edge of its bin; `floor` where it lies below that.

    None when the trades are so few that not one of them could lie above it: below 1000 for 99.9.
    """
    trades = sum(minute[1] for minute in minutes)
    # A millionth of a millionth: 99.9 percent of 1000 must not become 999.0000000001 and be rounded up.
    above = trades - math.ceil(trades * percentile / 100.0 - 1e-9)
    if above < 1:
        return None
    bins: Counter[int] = Counter()
    for _, _, *counts in minutes:
        bins.update(dict(zip(counts[::2], counts[1::2], strict=True)))
    for number in sorted(bins, reverse=True):
        above -= bins[number]
        if above < 0:
            return max(floor, upper_edge(number))
    return floor
