"""What of a replay is already on Kafka, read back from the end of each partition.

A killed replay stops at a different frame on each partition, because their acknowledgements differ. Within a partition
nothing is missing before the last message, so that message's position is all there is to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from src.broker.connection import client_options
from src.collect.message import REPLAY_HEADER, Position
from src.collect.replay_run import ReplayRun
from src.errors import TransientError

_FIRST_STEP = 256
_POLL_MS = 500

Delivered = Mapping[tuple[str, int], Position]
"""By topic and partition, the position of the last message; without an entry there is none."""


def read_delivered(bootstrap_servers: str, run: ReplayRun) -> Delivered:
    """What each partition holds of a run. Raises `TransientError` when Kafka does not answer."""
    delivered: dict[tuple[str, int], Position] = {}
    try:
        with closing(_consumer(bootstrap_servers)) as consumer:
            for topic, starts in run.start_offsets.items():
                for number, start in enumerate(starts):
                    position = _last_position(consumer, TopicPartition(topic, number), start, run)
                    if position is not None:
                        delivered[topic, number] = position
    except KafkaError as error:
        raise TransientError(f"Kafka at {bootstrap_servers} does not say what it has of the replay: {error}") from error
    return delivered


def _last_position(consumer: KafkaConsumer, partition: TopicPartition, start: int, run: ReplayRun) -> Position | None:
    """Look back from the end in growing steps: others may have written after the run's last message."""
    consumer.assign([partition])
    end = consumer.end_offsets([partition])[partition]
    start = max(start, consumer.beginning_offsets([partition])[partition])
    step = _FIRST_STEP
    while end > start:
        first = max(start, end - step)
        found = _last_between(consumer, partition, first, end, run)
        if found is not None:
            return found
        end, step = first, step * 4
    return None


def _last_between(consumer: KafkaConsumer, partition: TopicPartition, first: int, end: int, run: ReplayRun) -> Position | None:
    found: Position | None = None
    consumer.seek(partition, first)
    while consumer.position(partition) < end:
        for message in consumer.poll(timeout_ms=_POLL_MS).get(partition, ()):
            if message.offset >= end:
                break
            for name, value in message.headers:
                if name == REPLAY_HEADER:
                    found = run.position(value) or found
    return found


def _consumer(bootstrap_servers: str) -> KafkaConsumer:
    return KafkaConsumer(**client_options(bootstrap_servers), group_id=None, enable_auto_commit=False, auto_offset_reset="earliest")
