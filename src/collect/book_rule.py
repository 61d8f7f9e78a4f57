"""How each kind of venue lets a client know that its order book is whole. One rule a kind; `Book` applies it."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import zip_longest
from typing import ClassVar

from src.collect.parsed import BookLevel, BookUpdate

_UNSIGNED = 0xFFFFFFFF
_RESTART_MS = 5_000


class Step(StrEnum):
    """What to do with a change."""

    APPLY = "apply"
    SKIP = "skip"
    """The book has it already."""
    GAP = "gap"
    """Something before it is missing."""


class BookRule(ABC):
    """Decides from sequence numbers and checksums; it holds no state and no levels."""

    rest_snapshot: ClassVar[bool] = False
    """The socket sends changes only: they wait for a snapshot that is asked for by REST."""
    depth: int | None = None
    """Levels of each side that the venue keeps us informed of; what is pushed out of them is not taken away by a change."""

    @abstractmethod
    def begins(self, sequence: int | None, change: BookUpdate) -> Step:
        """What to do with the first change after a snapshot of that sequence."""

    @abstractmethod
    def continues(self, sequence: int | None, change: BookUpdate) -> Step:
        """What to do with any other change, the book being at `sequence`."""

    def replaces(self, book: BookUpdate, snapshot: BookUpdate) -> bool:
        """Whether a snapshot takes the place of a whole book, whose last update is `book`; False: it is older than that.

        A venue that starts its numbers anew sends a later time with a smaller number.
        """
        if book.event_time is None or snapshot.event_time is None:
            return True
        if book.last is None or snapshot.last is None:
            return snapshot.event_time >= book.event_time
        return snapshot.last >= book.last or snapshot.event_time > book.event_time

    def checksum(self, bids: Sequence[BookLevel], asks: Sequence[BookLevel]) -> int:
        """The venue's checksum over the best levels of each side, 0 to 2**32-1. Called only for a message that carries one."""
        raise NotImplementedError

    checksum_levels: ClassVar[int] = 0
    """How many levels of each side the checksum is made of."""


class FullReplace(BookRule):
    """Every message is the whole book (Upbit, Bithumb, Korbit, Coinone). One that is older than the last changes nothing."""

    def begins(self, sequence: int | None, change: BookUpdate) -> Step:
        del sequence, change
        return Step.GAP

    def continues(self, sequence: int | None, change: BookUpdate) -> Step:
        del sequence, change
        return Step.GAP

    def replaces(self, book: BookUpdate, snapshot: BookUpdate) -> bool:
        if book.last is not None and snapshot.last is not None and not _is_much_later(snapshot, book):
            return snapshot.last > book.last
        return snapshot.event_time is None or book.event_time is None or snapshot.event_time >= book.event_time


def _is_much_later(snapshot: BookUpdate, book: BookUpdate) -> bool:
    """Numbers that are smaller by then have begun anew."""
    return snapshot.event_time is not None and book.event_time is not None and snapshot.event_time - book.event_time > _RESTART_MS


class Consecutive(BookRule):
    """Changes are numbered without a gap: each begins one after the last (Bybit, Gate)."""

    def begins(self, sequence: int | None, change: BookUpdate) -> Step:
        """The first change is the one that holds sequence + 1; what is older is skipped."""
        if sequence is None or change.first is None or change.last is None:
            return Step.GAP
        if change.last <= sequence:
            return Step.SKIP
        return Step.APPLY if change.first <= sequence + 1 else Step.GAP

    def continues(self, sequence: int | None, change: BookUpdate) -> Step:
        if sequence is None or change.first is None or change.last is None:
            return Step.GAP
        if change.first == sequence + 1:
            return Step.APPLY
        return Step.SKIP if change.last <= sequence else Step.GAP


class ConsecutiveAfterRest(Consecutive):
    """The same, anchored by a REST snapshot (Binance spot)."""

    rest_snapshot: ClassVar[bool] = True


class Chained(BookRule):
    """Each change names the one before it (OKX). A checksum, where one is sent, covers the best 25 levels, bid and ask in turn.

    A number below the one before is a reset for maintenance; the chain holds all the same.
    """

    checksum_levels: ClassVar[int] = 25

    def begins(self, sequence: int | None, change: BookUpdate) -> Step:
        return self.continues(sequence, change)

    def continues(self, sequence: int | None, change: BookUpdate) -> Step:
        if change.previous is None and change.checksum is not None:
            return Step.APPLY  # before 2023 there were checksums and no numbers
        if sequence is None or change.previous is None:
            return Step.GAP
        if change.previous == sequence:
            return Step.APPLY
        is_old = change.last is not None and change.last <= sequence and change.previous < sequence
        return Step.SKIP if is_old else Step.GAP

    def checksum(self, bids: Sequence[BookLevel], asks: Sequence[BookLevel]) -> int:
        sides = zip_longest(bids, asks)
        return zlib.crc32(":".join(":".join(level[2:]) for pair in sides for level in pair if level is not None and len(level) == 4).encode())  # noqa: PLR2004


class ChainedAfterRest(BookRule):
    """Each change names the one before it, anchored by a REST snapshot (Binance USD-M): the first one spans the snapshot's number."""

    rest_snapshot: ClassVar[bool] = True

    def begins(self, sequence: int | None, change: BookUpdate) -> Step:
        if sequence is None or change.first is None or change.last is None:
            return Step.GAP
        if change.last < sequence:
            return Step.SKIP
        return Step.APPLY if change.first <= sequence or change.previous == sequence else Step.GAP

    def continues(self, sequence: int | None, change: BookUpdate) -> Step:
        if sequence is None or change.previous is None or change.last is None:
            return Step.GAP
        if change.previous == sequence:
            return Step.APPLY
        return Step.SKIP if change.last <= sequence else Step.GAP


class Checksummed(BookRule):
    """No numbers, but a checksum with every change, over the best 10 levels (Kraken): asks, then bids, digits without dots and leading zeros."""

    checksum_levels: ClassVar[int] = 10

    def __init__(self, depth: int) -> None:
        self.depth = depth

    def begins(self, sequence: int | None, change: BookUpdate) -> Step:
        del sequence, change
        return Step.APPLY

    def continues(self, sequence: int | None, change: BookUpdate) -> Step:
        del sequence, change
        return Step.APPLY

    def checksum(self, bids: Sequence[BookLevel], asks: Sequence[BookLevel]) -> int:
        return zlib.crc32("".join([*_digits(asks), *_digits(bids)]).encode())


def _digits(levels: Iterable[BookLevel]) -> list[str]:
    return [_without_dot(text) for level in levels if len(level) == 4 for text in level[2:]]  # noqa: PLR2004


@lru_cache(maxsize=65_536)
def _without_dot(text: str) -> str:
    """Kept, as most of the best levels are those of the message before."""
    return text.replace(".", "").lstrip("0")


def unsigned(checksum: int) -> int:
    """A checksum that a venue sends as a signed number, as an unsigned one."""
    return checksum & _UNSIGNED
