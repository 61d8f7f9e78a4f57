"""A record as it lies on Kafka: topic, key, JSON value, and in a replay the place it has in it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import msgspec
from kafka.partitioner.default import murmur2

from src.schema.records import DEAD_LETTER_TOPIC, DeadLetter, Region, Ticker, ticker_topic

REPLAY_HEADER = "replay"
TOPICS = (*(ticker_topic(region) for region in Region), DEAD_LETTER_TOPIC)
"""Every topic that a collector writes to."""

_encode = msgspec.json.Encoder().encode


class Position(NamedTuple):
    """Place of a message in a replay: which frame, and which of that frame's messages, both from 0."""

    frame: int
    record: int


class Message(NamedTuple):
    """One Kafka message; every field of the record is in the value, null where it is not known."""

    topic: str
    key: bytes
    value: bytes
    position: Position | None = None


def message_of(record: Ticker | DeadLetter, position: Position | None = None) -> Message:
    """The message that carries a record: tickers by region, keyed market:symbol; dead letters keyed by their origin."""
    if isinstance(record, DeadLetter):
        return Message(DEAD_LETTER_TOPIC, record.origin.encode(), _encode(record), position)
    return Message(ticker_topic(record.region), f"{record.market}:{record.symbol}".encode(), _encode(record), position)


@lru_cache(maxsize=4096)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's own default partitioner gives a key."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions
