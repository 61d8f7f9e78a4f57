"""One lane of the outbox: what waits in memory, and what Kafka has been given and has not acknowledged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from src.collect.message import Message
from src.collect.spool import Lane
from src.collect.spool_segment import Segment

IN_FLIGHT_RECORDS = 30_000
IN_FLIGHT_BYTES = 24 * 1024 * 1024
"""Not acknowledged yet, of each lane; what comes then waits. Each lane has its own, so that neither keeps the other from Kafka."""
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
