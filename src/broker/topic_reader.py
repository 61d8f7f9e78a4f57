"""Reading a topic from a place on, one record a line, whatever a message holds."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import kafka
import msgspec
from kafka import KafkaConsumer
from kafka.errors import KafkaError

from src.broker.admin import administration
from src.broker.connection import client_options
from src.broker.patience import patient
from src.broker.topic_tools import known_topics
from src.errors import TransientError

EARLIEST, LATEST = "earliest", "latest"
_POLL_MS = 500
_ANSWER_SECONDS = 30
"""The client waits for ever for a broker that is gone: what is known to be there must come within so long."""
_encode = msgspec.json.Encoder().encode


class OffsetAt(msgspec.Struct, frozen=True, kw_only=True):
    """How far one partition reaches, and where a time is in it."""

    partition: int
    begin: int
    """First offset that is still kept."""
    end: int
    """Offset that the next record will get."""
    at: int | None = None
    """First offset whose record is not older than the time asked for; null without a time, and where all records are older."""


@dataclass(frozen=True, slots=True)
class Read:
    """One message of a topic."""

    partition: int
    offset: int
    time: int
    """ms since 1970 UTC, as Kafka has it."""
    key: str | None
    value: bytes | None

    def lines(self) -> list[bytes]:
        """The records in the message, each as JSON on one line; a value that is no JSON comes as a JSON string."""
        if self.value is None:
            return [b"null"]
        try:
            self.value.decode()
            if self.value.lstrip()[:1] == b"[":
                return [_one_line(bytes(record)) for record in msgspec.json.decode(self.value, type=list[msgspec.Raw])]
            return [_one_line(self.value)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [_encode(self.value.decode(errors="backslashreplace"))]


def offsets_at(bootstrap_servers: str, topic: str, moment: int | None = None) -> list[OffsetAt]:
    """Of each partition its offsets, and the one of a time (ms since 1970 UTC). Raises `ConfigurationError` for an unknown topic."""
    with _consumer(bootstrap_servers, topic) as consumer:
        partitions = sorted(consumer.assignment(), key=lambda place: int(place.partition))
        try:
            begins, ends = patient(consumer.beginning_offsets)(partitions), patient(consumer.end_offsets)(partitions)
            found = {} if moment is None else patient(consumer.offsets_for_times)(dict.fromkeys(partitions, moment))
        except KafkaError as error:
            raise TransientError(f"Kafka at {bootstrap_servers}: {error}") from None
    return [
        OffsetAt(partition=place.partition, begin=begins[place], end=ends[place], at=answer.offset if (answer := found.get(place)) else None)
        for place in partitions
    ]


def read_topic(bootstrap_servers: str, topic: str, start: str | int, *, follow: bool = False) -> Generator[Read]:
    """The messages from `start` (EARLIEST, LATEST or a time in ms since 1970 UTC) to the end of now, or with `follow` without an end.

    Partitions come as Kafka sends them: the order holds within each. Raises `ConfigurationError` for an unknown topic, `TransientError` when Kafka
    does not answer any more.
    """
    with _consumer(bootstrap_servers, topic) as consumer:
        try:
            partitions = consumer.assignment()
            ends = patient(consumer.end_offsets)(partitions)
            begins = _begins(consumer, start, ends)
            for place, offset in begins.items():
                consumer.seek(place, offset)
            unread = {place: end for place, end in ends.items() if follow or begins[place] < end}
            moved = time.monotonic()
            while unread:
                polled = consumer.poll(timeout_ms=_POLL_MS)
                for place, messages in polled.items():
                    for message in messages:
                        if follow or message.offset < ends[place]:
                            yield _read(message)
                if polled or follow:
                    moved = time.monotonic()
                elif time.monotonic() - moved > _ANSWER_SECONDS:
                    raise TransientError(f"Kafka at {bootstrap_servers} has sent nothing of {topic} for {_ANSWER_SECONDS} s")
                if not follow:
                    unread = {place: end for place, end in unread.items() if consumer.position(place) < end}
        except KafkaError as error:
            raise TransientError(f"Kafka at {bootstrap_servers}: {error}") from None


def _consumer(bootstrap_servers: str, topic: str) -> closing[KafkaConsumer]:
    partitions = _partitions(bootstrap_servers, topic)
    try:
        consumer = patient(KafkaConsumer)(**client_options(bootstrap_servers), group_id=None, enable_auto_commit=False, auto_offset_reset="earliest")
    except KafkaError as error:
        raise TransientError(f"Kafka at {bootstrap_servers}: {error}") from None
    consumer.assign(partitions)
    return closing(consumer)


@patient
def _partitions(bootstrap_servers: str, topic: str) -> list[kafka.TopicPartition]:
    with administration(bootstrap_servers) as client:
        described = known_topics(client, [topic])
    return [kafka.TopicPartition(topic, partition["partition_index"]) for partition in described[0]["partitions"]]


def _begins(consumer: KafkaConsumer, start: str | int, ends: dict[kafka.TopicPartition, int]) -> dict[kafka.TopicPartition, int]:
    if start == LATEST:
        return ends
    if start == EARLIEST:
        found: dict[kafka.TopicPartition, int] = patient(consumer.beginning_offsets)(list(ends))
        return found
    answers = patient(consumer.offsets_for_times)(dict.fromkeys(ends, start))
    return {place: answers[place].offset if answers.get(place) else end for place, end in ends.items()}


def _read(message: kafka.consumer.fetcher.ConsumerRecord) -> Read:
    key = None if message.key is None else message.key.decode(errors="backslashreplace")
    return Read(message.partition, message.offset, message.timestamp, key, message.value)


def _one_line(value: bytes) -> bytes:
    """The same JSON on one line, its numbers as they were written. Raises `msgspec.DecodeError` for what is no JSON."""
    msgspec.json.decode(value, type=msgspec.Raw)
    return msgspec.json.format(value, indent=-1) if b"\n" in value or b"\r" in value else value.strip()
