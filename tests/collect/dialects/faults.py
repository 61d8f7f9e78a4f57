"""What can go wrong at a venue, drawn from a seed that the client does not know, and the list of what did."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from src.collect.parsed import Channel, Pair


@dataclass(frozen=True)
class Faults:
    """A chance is of each message; none happens unless asked for.

    What breaks a book (a gap, a spoiled checksum, a stale snapshot) happens only to a book that somebody listens to, and only after five messages
    since a snapshot was last given out, so that no fault hides another.
    """

    book_gap: float = 0.0
    """Chance that a change of a book happens and is not sent. Nothing is lost where every message is the whole book: there it never happens."""
    lost_trade: float = 0.0
    """Chance that a trade happens and is not sent; never the first one."""
    duplicate: float = 0.0
    """Chance that a message is sent twice."""
    stale_snapshot: float = 0.0
    """Chance that a snapshot of 24 messages ago follows the message of a book; not where snapshots come by REST."""
    spoiled_checksum: float = 0.0
    """Chance that a message of a book has a wrong checksum, where the venue's rule has one; right ones then come with the others."""
    abort: float = 0.0
    """Chance that a socket is torn down without a word after a message."""
    silent_subscriptions: int = 0
    """The first so many subscriptions of a pair to a channel are acknowledged and never served."""
    half_open_sockets: int = 0
    """The first so many sockets stop after `half_open_messages` messages of data: nothing is sent, read or answered any more, and they stay open."""
    half_open_messages: int = 20
    idle_seconds: float | None = None
    """A socket on which the client said nothing for so long, not even a ping of the protocol, is closed."""
    connection_seconds: float | None = None
    """Every socket is closed after so long: the 24 hours of some venues, shortened."""
    refused_upgrades: int = 0
    """The first so many sockets are refused with `refusal_status`."""
    refusal_status: int = 451
    failed_requests: int = 0
    """The first so many REST requests are answered with status 503."""
    request_seconds: float = 0.0
    """Every REST answer takes so long."""
    stale_rest_books: int = 0
    """The first so many REST snapshots of a pair's book are of 24 messages ago."""


class FaultKind(StrEnum):
    """What was done."""

    BOOK_GAP = "book_gap"
    LOST_TRADE = "lost_trade"
    DUPLICATE = "duplicate"
    STALE_SNAPSHOT = "stale_snapshot"
    SPOILED_CHECKSUM = "spoiled_checksum"
    ABORT = "abort"
    SILENT_SUBSCRIPTION = "silent_subscription"
    HALF_OPEN = "half_open"
    IDLE_CLOSE = "idle_close"
    CUT = "cut"
    REFUSED_UPGRADE = "refused_upgrade"
    FAILED_REQUEST = "failed_request"
    STALE_REST_BOOK = "stale_rest_book"


@dataclass(frozen=True)
class Injected:
    """One fault that was done."""

    kind: FaultKind
    time: int
    """ms since 1970 UTC: of what was lost or spoiled its event time, else the wall clock."""
    pair: Pair | None = None
    channel: Channel | None = None
    first_sequence: str | None = None
    """Number of the first change, or id of the trade, that was lost or spoiled. Of a stale snapshot its own number. None where the venue has none."""
    last_sequence: str | None = None
    """Number of the last one. Of a stale snapshot the number that the book had reached."""


class Injector:
    """Decides by a seed, and keeps the list."""

    def __init__(self, seed: int) -> None:
        self.done: list[Injected] = []
        self.healed: list[Injected] = []
        self._random = Random(f"{seed}/faults")

    def happens(self, chance: float) -> bool:
        """Whether it does this time. A chance of 0 draws nothing, so that one kind of fault does not shift the others."""
        return chance > 0 and self._random.random() < chance

    def add(
        self,
        kind: FaultKind,
        pair: Pair | None = None,
        channel: Channel | None = None,
        *,
        event_time: int | None = None,
        sequence: tuple[str | int | None, str | int | None] = (None, None),
    ) -> Injected:
        """Note a fault, now unless it has an event time."""
        first, last = (None if number is None else str(number) for number in sequence)
        fault = Injected(kind, now() if event_time is None else event_time, pair, channel, first, last)
        self.done.append(fault)
        return fault

    def heal(self, fault: Injected) -> None:
        """Strike a fault off: a snapshot came before what shows it, so that not every client can see it."""
        self.done.remove(fault)
        self.healed.append(fault)


def now() -> int:
    """The wall clock, ms since 1970 UTC."""
    return time.time_ns() // 1_000_000
