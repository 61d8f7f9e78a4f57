"""Numbered records for what carries them to Kafka, and how they arrived there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from src.collect.message import Message

Numbers = dict[str, list[int]]
"""By key, in the order of arrival."""


def numbered(topic: str, symbol: str, number: int, channel: str = "trade", market: str = "okx") -> Message:
    """A small record that says which one it is. All of a channel and a symbol are of one length."""
    value = json.dumps(
        {"symbol": symbol, "number": number, "channel": channel, "text": "x" * (60 - len(str(number)))}, separators=(",", ":")
    ).encode()
    return Message(topic, f"{market}:{symbol}".encode(), value, None, market, channel)


def values(bootstrap_servers: str, topic: str) -> list[tuple[bytes, Any]]:
    """Every message of a topic: key and decoded value, in order within a partition."""
    found = []
    with closing(KafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=None, auto_offset_reset="earliest")) as consumer:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning()
        while any(consumer.position(place) < ends[place] for place in partitions):
            for messages in consumer.poll(timeout_ms=500).values():
                found += [(message.key, json.loads(message.value)) for message in messages]
    return found


def numbers(bootstrap_servers: str, topic: str) -> Numbers:
    """The numbers that arrived, by key."""
    return numbers_of((key, record) for key, value in values(bootstrap_servers, topic) for record in (value if isinstance(value, list) else [value]))


def numbers_of(records: Iterable[tuple[bytes, Any]]) -> Numbers:
    found: Numbers = {}
    for key, record in records:
        found.setdefault(key.decode(), []).append(record["number"])
    return found
