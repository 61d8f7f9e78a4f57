"""Which messages are to be read: ranges of offsets, and offsets as a streaming query keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Offsets = dict[str, dict[str, int]]
"""By topic and partition, as JSON has them; the same as the offsets of Spark's own Kafka source."""


class TopicPartition(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


class OffsetRange(NamedTuple):
    """The messages of a partition from `begin` on, before `end`."""

    topic: str
    partition: int
    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many offsets that are; a compacted or transactional topic has fewer messages."""
        return self.end - self.begin


def as_offsets(places: Mapping[TopicPartition, int]) -> Offsets:
    """In one order always: a query takes offsets that are written otherwise for others."""
    found: Offsets = {}
    for place in sorted(places):
        found.setdefault(place.topic, {})[str(place.partition)] = places[place]
    return found


def as_places(offsets: Offsets) -> dict[TopicPartition, int]:
    """The opposite of `as_offsets`."""
    return {TopicPartition(topic, int(partition)): offset for topic, partitions in offsets.items() for partition, offset in partitions.items()}


def limited(begin: Mapping[TopicPartition, int], end: Mapping[TopicPartition, int], most: int) -> dict[TopicPartition, int]:
    """Where a batch of at most `most` messages ends (one more for each partition, at most): each partition gives its share of what waits."""
    waiting = {place: max(0, offset - begin.get(place, 0)) for place, offset in end.items()}
    total = sum(waiting.values())
    if total <= most:
        return {place: begin.get(place, 0) + count for place, count in waiting.items()}
    return {place: begin.get(place, 0) + min(count, -(-count * most // total)) for place, count in waiting.items()}


def shares(ranges: Sequence[OffsetRange], parts: int) -> list[list[OffsetRange]]:
    """The ranges as so many lists of equal size, fewer where there are fewer messages. A list has one range of a partition at most."""
    total = sum(each.size for each in ranges)
    parts = min(parts, total)
    found: list[list[OffsetRange]] = [[] for _ in range(parts)]
    position = 0
    for each in ranges:
        begin = each.begin
        while begin < each.end:
            number = position * parts // total
            # The share ends where the next number begins.
            room = -(-(number + 1) * total // parts) - position
            end = min(each.end, begin + room)
            found[number].append(each._replace(begin=begin, end=end))
            position += end - begin
            begin = end
    return found
