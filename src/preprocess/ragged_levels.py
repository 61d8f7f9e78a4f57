"""The levels of many books at once, whatever the depth of each: nothing is padded, so one deep book costs no more than its own levels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Side = Sequence[Sequence[float]]
"""One side of one book: pairs of price (quote currency) and size (base coin), best first."""


class RaggedLevels:
    """One side of many books.

    order: the books from the deepest to the shallowest, by their place in the input. Whoever walks the levels keeps its sums in this order, so
    that the books which have one more level are always the first so many.
    """

    def __init__(self, sides: Sequence[Side]) -> None:
        lengths = np.fromiter(map(len, sides), np.int64, len(sides))
        numbers = np.fromiter(chain.from_iterable(chain.from_iterable(sides)), np.float64)
        if len(numbers) != 2 * int(lengths.sum()):
            message = "a level of a book is no pair of price and size"
            raise ValueError(message)
        self._levels: Floats = numbers.reshape(-1, 2)
        self.order: Indices = np.argsort(-lengths, kind="stable")
        self._lengths: Indices = lengths[self.order]
        self._first: Indices = (np.cumsum(lengths) - lengths)[self.order]

    def walk(self) -> Iterator[tuple[int, Floats, Floats]]:
        """Level by level, best first: how many books have that level, their prices and their sizes, in `order`."""
        depth = int(self._lengths[0]) if len(self._lengths) else 0
        for place in range(depth):
            count = int(np.searchsorted(-self._lengths, -place, side="left"))
            level = self._levels[self._first[:count] + place]
            yield count, level[:, 0], level[:, 1]

    def best_prices(self) -> Floats:
        """The first price of each book, in the order of the input; NaN where the side is empty."""
        return self._prices(0)

    def deepest_prices(self) -> Floats:
        """The last price of each book, in the order of the input; NaN where the side is empty."""
        return self._prices(self._lengths - 1)

    def _prices(self, place: Indices | int) -> Floats:
        found = np.full(len(self.order), np.nan)
        known = self._lengths > 0
        found[self.order[known]] = self._levels[(self._first + place)[known], 0]
        return found
