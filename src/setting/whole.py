"""From when on the retained records are whole: a new query must not present windows whose beginning Kafka has already dropped."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from kafka import KafkaConsumer, TopicPartition

from src.broker.topics import beginning_offsets, end_offsets

_READ_SECONDS = 10


class _Timed(msgspec.Struct):
    event_time: int


def whole_from(bootstrap_servers: str, topics: Sequence[str]) -> int:
    """The time (ms since 1970 UTC) before which some partition has lost records; 0 when none has lost any."""
    ends = end_offsets(bootstrap_servers, topics)
    cut = {place: first for place, first in beginning_offsets(bootstrap_servers, topics).items() if first > 0}
    moments = [_first_time(bootstrap_servers, TopicPartition(*place), first) for place, first in cut.items() if first < ends[place]]
    return max(moments, default=0)


def _first_time(bootstrap_servers: str, partition: TopicPartition, offset: int) -> int:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers.split(","), enable_auto_commit=False, consumer_timeout_ms=_READ_SECONDS * 1000)
    try:
        consumer.assign([partition])
        consumer.seek(partition, offset)
        for message in consumer:
            try:
                decoded = msgspec.json.decode(message.value, type=_Timed | list[_Timed])
            except msgspec.DecodeError:
                continue
            times = [each.event_time for each in decoded] if isinstance(decoded, list) else [decoded.event_time]
            if times:
                return min(times)
        return 0
    finally:
        consumer.close()
