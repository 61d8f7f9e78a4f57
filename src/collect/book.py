"""One order book, kept from a venue's messages by the venue's rule. Pure: fed in frame order, it reads no clock and asks for nothing."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from src.collect.book_rule import BookRule, Step
from src.collect.parsed import BookLevel, BookUpdate
from src.schema.records import Level

WAITING_LIMIT = 5_000
"""Changes that wait for a snapshot; at ten a second, more than eight minutes."""
_RESTARTED_MS = 5_000


class Outcome(StrEnum):
    """What a message did to the book."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    """The book had it already, or it is older than the book."""
    WAITING = "waiting"
    """The book is not whole: a snapshot is needed before this can be used."""
    BROKEN = "broken"
    """The book was whole and is so no more; `fault` says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a book broke, and what is known on either side of the break."""

    reason: str
    event_time: int | None
    """Of the last message of the whole book, ms since 1970 UTC."""
    first_sequence: int | None
    """The last number before the break."""
    last_sequence: int | None
    """The first number after it."""


class _Side:
    """Levels of one side by price; `sign` is -1 for bids, so that the best level is always the first."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._levels: dict[float, BookLevel] = {}
        self._keys: list[float] = []

    def replace(self, levels: Sequence[BookLevel]) -> None:
        self._levels = {self._sign * level[0]: level for level in levels if level[1] > 0}
        self._keys = sorted(self._levels)

    def change(self, levels: Sequence[BookLevel], depth: int | None) -> None:
        keys, held = self._keys, self._levels
        for level in levels:
            key = self._sign * level[0]
            if level[1] > 0:
                if key not in held:
                    insort(keys, key)
                held[key] = level
            elif held.pop(key, None) is not None:
                del keys[bisect_left(keys, key)]
        if depth is not None:
            while len(keys) > depth:
                del held[keys.pop()]

    def best(self, depth: int) -> list[BookLevel]:
        return [self._levels[key] for key in self._keys[:depth]]

    @property
    def best_price(self) -> float | None:
        return self._sign * self._keys[0] if self._keys else None


class Book:
    """An order book that knows whether it is whole.

    It begins empty and not valid. A snapshot makes it valid; a gap in the numbers or a wrong checksum makes it invalid until the next
    snapshot, and its levels are gone. Where snapshots come by REST, changes that come meanwhile wait and are applied to it.
    """

    def __init__(self, rule: BookRule) -> None:
        self.is_whole = False
        self.fault: Fault | None = None
        """Of the last break; stays until the next one."""
        self._rule = rule
        self._bids, self._asks = _Side(-1), _Side(1)
        self._last: BookUpdate | None = None
        self._sequence: int | None = None
        self._event_time: int | None = None
        self._begins = False
        self._depth = rule.depth
        self._waiting: deque[BookUpdate] = deque(maxlen=WAITING_LIMIT)

    @property
    def sequence(self) -> int | None:
        """The venue's number of the last change in the book; None where it numbers none."""
        return self._sequence

    @property
    def event_time(self) -> int | None:
        """Event time of the newest message in the book, ms since 1970 UTC; None where no message said one."""
        return self._event_time

    @property
    def valid(self) -> bool:
        """Whole, and the best bid is below the best ask."""
        bid, ask = self._bids.best_price, self._asks.best_price
        return self.is_whole and (bid is None or ask is None or bid < ask)

    def best(self, depth: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The best `depth` bids and asks, best first; empty when the book is not whole."""
        return tuple([level[:2] for level in self._bids.best(depth)]), tuple([level[:2] for level in self._asks.best(depth)])

    def apply(self, update: BookUpdate) -> Outcome:
        """Take a message into the book, in the order in which they came."""
        if update.snapshot:
            return self._replace(update)
        if not self.is_whole:
            if self._rule.rest_snapshot:
                self._waiting.append(update)
            return Outcome.WAITING
        return self._change(update)

    def lose(self, reason: str, after: BookUpdate | None = None) -> Outcome:
        """The book is not to be trusted any more, for example because its socket was lost. `after` is the first message after what is missing."""
        was_whole = self.is_whole
        if was_whole:
            self.fault = Fault(
                reason, self._event_time, self._sequence, None if after is None else after.first if after.first is not None else after.last
            )
        self.is_whole = False
        self._waiting.clear()
        self._bids.replace(())
        self._asks.replace(())
        if after is not None and self._rule.rest_snapshot and not after.snapshot:
            self._waiting.append(after)
        return Outcome.BROKEN if was_whole else Outcome.WAITING

    def _replace(self, snapshot: BookUpdate) -> Outcome:
        if self.is_whole and self._last is not None and not self._rule.replaces(self._last, snapshot):
            return Outcome.UNCHANGED
        if self._rule.rest_snapshot and self.is_whole:
            return Outcome.UNCHANGED  # asked for twice
        waiting, self._waiting = list(self._waiting), deque(maxlen=WAITING_LIMIT)
        if waiting and not self._reaches(snapshot, waiting):
            self._waiting.extend(waiting)
            return Outcome.WAITING
        self._bids.replace(snapshot.bids)
        self._asks.replace(snapshot.asks)
        if self._rule.depth is not None:
            # A recording may have been subscribed to deeper than we are today.
            self._depth = max(self._rule.depth, len(snapshot.bids), len(snapshot.asks))
        self.is_whole = self._begins = True
        if not self._agrees(snapshot):
            return self.lose("the checksum of a snapshot is wrong", snapshot)
        self._event_time = None
        self._remember(snapshot)
        for place, change in enumerate(waiting, 1):
            if self._change(change) is Outcome.BROKEN:
                self._waiting.extend(waiting[place:])
                return Outcome.BROKEN
        return Outcome.CHANGED

    def _reaches(self, snapshot: BookUpdate, waiting: Sequence[BookUpdate]) -> bool:
        """Whether a snapshot is as new as the changes that wait; else it must be asked for again."""
        steps = (self._rule.begins(snapshot.last, change) for change in waiting)
        return next((step for step in steps if step is not Step.SKIP), Step.APPLY) is Step.APPLY

    def _change(self, change: BookUpdate) -> Outcome:
        decide = self._rule.begins if self._begins else self._rule.continues
        step = decide(self._sequence, change)
        if step is Step.SKIP and not self._is_much_later(change):
            return Outcome.UNCHANGED
        if step is not Step.APPLY:
            return self.lose("messages are missing", change)
        self._begins = False
        depth = self._depth
        self._bids.change(change.bids, depth)
        self._asks.change(change.asks, depth)
        if not self._agrees(change):
            return self.lose("the checksum is wrong", change)
        self._remember(change)
        return Outcome.CHANGED

    def _is_much_later(self, change: BookUpdate) -> bool:
        """What the book is said to have already cannot be much later than the book: the numbers began anew, and that message was lost."""
        times = change.event_time, self._event_time
        return not self._begins and times[0] is not None and times[1] is not None and times[0] - times[1] > _RESTARTED_MS

    def _agrees(self, update: BookUpdate) -> bool:
        if update.checksum is None:
            return True
        levels = self._rule.checksum_levels
        return self._rule.checksum(self._bids.best(levels), self._asks.best(levels)) == update.checksum

    def _remember(self, update: BookUpdate) -> None:
        self._last = update
        self._sequence = update.last
        if update.event_time is not None:
            self._event_time = update.event_time
