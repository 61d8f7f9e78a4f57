"""An order book that somebody could have made: levels come, change and go at random around a price that walks, and it is never crossed."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from src.collect.parsed import WrittenLevel

BOTH = (0, 1)
"""Bids, asks."""
_SPARE_LEVELS = 18
_SIZE_DIGITS = 4
_LARGEST_SIZE = 500_000
_CHANCE_OF_REMOVAL = 0.4
_TRIES = 1_000
_TOP = 3
_SIGNS = (-1, 1)

View = tuple[dict[int, int], dict[int, int]]
"""Sizes of bids and of asks by key, best first."""


@dataclass
class _Side:
    """`keys` are prices in ticks, those of bids with a minus, so that the first is the best."""

    keys: list[int] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)


class MadeUpBook:
    """Counts in ticks and in parts of a coin, so that prices and sizes are spelled with as many digits each time, as venues do."""

    def __init__(self, random: Random, price: float, *, least: int, depth: int | None) -> None:
        """`least` levels are on each side at any time, and up to 18 more; a view shows `depth` of them, or all."""
        self._random = random
        self._least = least
        self._most = least + _SPARE_LEVELS
        self._depth = depth
        self._exponent = math.floor(math.log10(price)) - 5
        self._written: dict[int, tuple[float, str]] = {}
        self._sides = (_Side(), _Side())
        self._touched: set[tuple[int, int]] = set()
        self._touched_before: set[tuple[int, int]] = set()
        self._held: set[tuple[int, int]] = set()
        middle = round(price / 10.0**self._exponent)
        for side in BOTH:
            key = _SIGNS[side] * middle
            for _ in range(least + _SPARE_LEVELS // 2):
                key += random.randint(1, 4)
                self._set(side, key, self._size())

    def stir(self) -> None:
        """Change one level that was not changed since the last view: the first time one of the best five, then any."""
        shallow = not self._touched
        for _ in range(_TRIES):
            side = self._random.choice(BOTH)
            held, other = self._sides[side], self._sides[1 - side]
            rank = self._random.randrange(_TOP if shallow else len(held.keys))
            key = held.keys[rank] + self._random.choice((0, 0, -2, -1, 1, 2))
            crosses = key + other.keys[0] <= 0
            if not crosses and (side, key) not in self._touched and (side, key) not in self._held and self._change(side, key):
                self._touched.add((side, key))
                return
        raise AssertionError("no level is left to change")

    def view(self) -> View:
        """What can be seen of it now; levels may then be changed again."""
        self._touched_before, self._touched, self._held = self._touched, set(), set()
        return self.now()

    def hold(self) -> None:
        """Leave what changed before the last view as it is until the next one, so that who missed it can notice."""
        self._held = self._touched_before

    def now(self) -> View:
        """The same, and nothing else happens."""
        bids, asks = ({key: side.sizes[key] for key in side.keys[: self._depth]} for side in self._sides)
        return bids, asks

    def best(self, side: int) -> WrittenLevel:
        """The best level of a side now."""
        held = self._sides[side]
        return self.written(side, held.keys[0], held.sizes[held.keys[0]])

    def gone(self, side: int, key: int) -> bool:
        """Whether there is no such level, seen or unseen."""
        return key not in self._sides[side].sizes

    def written(self, side: int, key: int, size: int) -> WrittenLevel:
        """A level as numbers and as the venue spells it."""
        price, text = self._spelled(key * _SIGNS[side])
        size_text = f"{size // 10**_SIZE_DIGITS}.{size % 10**_SIZE_DIGITS:0{_SIZE_DIGITS}d}"
        return price, float(size_text), text, size_text

    def _spelled(self, ticks: int) -> tuple[float, str]:
        if ticks not in self._written:
            text = format(Decimal(ticks).scaleb(self._exponent), "f")
            self._written[ticks] = (float(text), text)
        return self._written[ticks]

    def _change(self, side: int, key: int) -> bool:
        held = self._sides[side]
        if key not in held.sizes:
            if len(held.keys) >= self._most:
                return False
            self._set(side, key, self._size())
        elif len(held.keys) > self._least and self._random.random() < _CHANCE_OF_REMOVAL:
            del held.sizes[key]
            del held.keys[bisect_left(held.keys, key)]
        else:
            held.sizes[key] = held.sizes[key] % _LARGEST_SIZE + self._random.randint(1, 99)
        return True

    def _set(self, side: int, key: int, size: int) -> None:
        insort(self._sides[side].keys, key)
        self._sides[side].sizes[key] = size

    def _size(self) -> int:
        return self._random.randint(1, _LARGEST_SIZE)
