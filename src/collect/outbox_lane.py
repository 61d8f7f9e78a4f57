"""One lane of the outbox: what waits in memory, and what Kafka has been given and has not acknowledged."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from src.collect.message import Message
from src.collect.spool import Lane, Spool
from src.collect.spool_segment import Segment

IN_FLIGHT_RECORDS = 30_000
IN_FLIGHT_BYTES = 24 * 1024 * 1024
"""Not acknowledged yet, of each lane; what comes then waits. Each lane has its own, so that neither keeps the other from Kafka."""
_DISK_AGAIN_SECONDS = 0.5
ARRAY_RECORDS = 200
ARRAY_BYTES = 256 * 1024
Place = tuple[str, int]
"""Topic and partition."""


@dataclass(slots=True)
class Parcel:
    """One Kafka message: a record, or several of one key as a JSON array."""

    messages: list[Message]
    size: int
    """Bytes of the records."""
    segment: Segment | None = None
    """The spool file that the records lie in, if any."""
    future: Any = None
    """The library's answer to come."""
    is_given_up: bool = False
    """There was no room for it on disk, and it is not tried again: what is newer stays there."""

    @property
    def value(self) -> bytes:
        """What goes to Kafka."""
        return self.messages[0].value if len(self.messages) == 1 else b"[" + b",".join([message.value for message in self.messages]) + b"]"

    @property
    def is_on_disk(self) -> bool:
        """Whether a crash now would not lose it."""
        return self.segment is not None and not self.segment.deleted


@dataclass(slots=True)
class OutboxLane:
    """Counts are of records, sizes in bytes."""

    lane: Lane
    waiting: deque[Message] = field(default_factory=deque)
    waiting_bytes: int = 0
    in_flight: dict[Place, deque[Parcel]] = field(default_factory=dict)
    in_flight_records: int = 0
    in_flight_bytes: int = 0
    disk_failed_at: float | None = None
    """In seconds of the monotonic clock; for half a second after it the disk is left alone."""

    @property
    def disk_rests(self) -> bool:
        """Whether the disk failed just now."""
        return self.disk_failed_at is not None and time.monotonic() < self.disk_failed_at + _DISK_AGAIN_SECONDS

    @property
    def has_room(self) -> bool:
        """Whether Kafka may be given more."""
        return self.in_flight_records < IN_FLIGHT_RECORDS and self.in_flight_bytes < IN_FLIGHT_BYTES

    def put(self, message: Message) -> None:
        """Let a message wait."""
        self.waiting.append(message)
        self.waiting_bytes += len(message.value)

    def take(self, count: int) -> list[Message]:
        """The messages that wait longest, which then wait no more."""
        taken = [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]
        self.waiting_bytes -= sum(len(message.value) for message in taken)
        return taken

    def put_back(self, messages: Sequence[Message]) -> None:
        """Undo a `take`."""
        self.waiting.extendleft(reversed(messages))
        self.waiting_bytes += sum(len(message.value) for message in messages)

    def add(self, place: Place, parcel: Parcel) -> None:
        """A parcel has been given to Kafka."""
        self.in_flight.setdefault(place, deque()).append(parcel)
        self.in_flight_records += len(parcel.messages)
        self.in_flight_bytes += parcel.size

    def remove(self, parcel: Parcel) -> None:
        """Count a parcel out; whoever calls this has taken it from its place."""
        self.in_flight_records -= len(parcel.messages)
        self.in_flight_bytes -= parcel.size

    def clear(self) -> None:
        """Forget what is under way: it is on disk, or was dropped."""
        self.in_flight.clear()
        self.in_flight_records = self.in_flight_bytes = 0

    def parcels(self) -> Iterator[Parcel]:
        """What is under way, in order for each key."""
        for parcels in self.in_flight.values():
            yield from parcels

    def under_way(self) -> list[Message]:
        """The records of `parcels`."""
        return [message for parcel in self.parcels() for message in parcel.messages]

    def spool_waiting(self, spool: Spool) -> None:
        """Put what waits behind what is on disk; what the disk does not take waits on."""
        if self.disk_rests:
            return
        messages = self.take(len(self.waiting))
        done = spool.append(self.lane, messages)
        if done < len(messages):
            self.put_back(messages[done:])
            self.disk_failed_at = time.monotonic()

    def keep(self, spool: Spool) -> bool:
        """Have what is under way on disk too, as Kafka may not come back before we end; whether all of it is there."""
        missing = [parcel for parcel in self.parcels() if not parcel.is_on_disk]
        if all(parcel.is_given_up for parcel in missing):
            return not missing
        if self.disk_rests:
            return False
        kept = spool.keep(self.lane, self.under_way())
        if kept is None:
            self.disk_failed_at = time.monotonic()
            return False
        for parcel in self.parcels():
            parcel.segment, parcel.is_given_up = kept, kept.deleted
        return not kept.deleted


def parcels_of(messages: Iterable[Message], segment: Segment | None = None) -> list[Parcel]:
    """The messages of each topic and key together; lines of the ledger and dead letters, which have no channel, each alone."""
    parcels: list[Parcel] = []
    filling: dict[tuple[str, bytes], Parcel] = {}
    for message in messages:
        size = len(message.value)
        if not message.channel:
            parcels.append(Parcel([message], size, segment))
            continue
        address = message[:2]
        parcel = filling.get(address)
        if parcel is None or len(parcel.messages) >= ARRAY_RECORDS or parcel.size + size > ARRAY_BYTES:
            parcel = filling[address] = Parcel([message], size, segment)
            parcels.append(parcel)
        else:
            parcel.messages.append(message)
            parcel.size += size
    return parcels
