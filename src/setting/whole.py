"""From when on the retained records are whole: a new query must not present windows whose beginning Kafka has already dropped."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
from kafka import KafkaConsumer, TopicPartition

from src.broker.connection import client_options
from src.broker.topics import beginning_offsets, end_offsets

_READ_SECONDS = 10


class _Timed(msgspec.Struct):
    """A record says when it happened, a venue's own payload when it came."""

    event_time: int | None = None
    ts: int | None = None


def whole_from(bootstrap_servers: str, topics: Sequence[str]) -> int:
    """The time (ms since 1970 UTC) before which some partition has lost records; 0 when none has lost any.

    Of a partition that has lost all it had nobody can tell until when its records reached: up to now, at most.
    """
    now = round(time.time() * 1000)
    ends = end_offsets(bootstrap_servers, topics)
    cut = {place: first for place, first in beginning_offsets(bootstrap_servers, topics).items() if first > 0}
    moments = [
        _first_time(bootstrap_servers, TopicPartition(*place), first, ends[place]) if first < ends[place] else now for place, first in cut.items()
    ]
    return max(moments, default=0)


def _first_time(bootstrap_servers: str, partition: TopicPartition, first: int, end: int) -> int:
    """The time in the first message from `first` on, before `end`, that says one; 0 when none does."""
    consumer = KafkaConsumer(**client_options(bootstrap_servers), enable_auto_commit=False, consumer_timeout_ms=_READ_SECONDS * 1000)
    try:
        consumer.assign([partition])
        consumer.seek(partition, first)
        for message in consumer:
            times = _times(message.value)
            if times:
                return min(times)
            if message.offset >= end - 1:
                break
        return 0
    finally:
        consumer.close()


def _times(value: bytes | None) -> list[int]:
    try:
        decoded = msgspec.json.decode(value or b"[]", type=_Timed | list[_Timed])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    told = [each.event_time if each.event_time is not None else each.ts for each in (decoded if isinstance(decoded, list) else [decoded])]
    return [time for time in told if time is not None]
