"""Ranges of offsets fetched from the real broker."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from contextlib import closing

import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer
from kafka import TopicPartition as Partition

from src.broker.admin import administration
from src.broker.cluster import Cluster
from src.broker.connection import KafkaSecurity
from src.broker.ranges import OffsetRange
from src.broker.topics import TopicSpec, end_offsets, ensure_topics
from src.errors import TransientError
from src.panes import fetching
from src.panes.fetching import Fetch
from tests.servers import free_port

pytestmark = pytest.mark.broker
_numbers = itertools.count()


@pytest.fixture
def fetch(broker: Cluster) -> Fetch:
    return Fetch(broker.bootstrap_servers, KafkaSecurity())


@pytest.fixture
def topic(broker: Cluster) -> str:
    """A topic of two partitions with 40 messages each, whose values say where they lie and whose times are their offsets."""
    name = f"fetched-{next(_numbers)}"
    ensure_topics(broker.bootstrap_servers, [TopicSpec(name, 2)])
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap_servers)) as producer:
        for offset, partition in itertools.product(range(40), range(2)):
            producer.send(name, value=_value(partition, offset), partition=partition, timestamp_ms=1_000 + offset)
        producer.flush()
    return name


def _value(partition: int, offset: int) -> bytes:
    return f"{partition}/{offset}".encode()


def _fetched(fetch: Fetch, ranges: Sequence[OffsetRange]) -> list[tuple[str, int, int, bytes | None, int]]:
    return sorted(
        (*messages.place(number), value, arrived)
        for messages in fetch(ranges)
        for number, (value, arrived) in enumerate(zip(messages.values, messages.arrived.tolist(), strict=True))
    )


def _expected(ranges: Sequence[OffsetRange]) -> list[tuple[str, int, int, bytes | None, int]]:
    return sorted((*each[:2], offset, _value(each.partition, offset), 1_000 + offset) for each in ranges for offset in range(each.begin, each.end))


def test_ranges_give_their_messages_and_no_others(fetch: Fetch, topic: str) -> None:
    for ranges in (
        [OffsetRange(topic, 0, 3, 17), OffsetRange(topic, 1, 0, 40)],
        # By the same client, what it may have fetched beyond the last range left aside.
        [OffsetRange(topic, 0, 30, 31)],
        [OffsetRange(topic, 0, 17, 40), OffsetRange(topic, 1, 39, 40)],
    ):
        assert _fetched(fetch, ranges) == _expected(ranges)
    assert {name for messages in fetch([OffsetRange(topic, 0, 0, 2)]) for name in messages.topics()} == {topic}
    assert list(fetch([])) == []


def test_who_stops_in_the_middle_leaves_nothing_for_the_next(fetch: Fetch, topic: str) -> None:
    messages = fetch([OffsetRange(topic, 0, 0, 40)])
    next(messages)
    messages.close()  # type: ignore[attr-defined]
    ranges = [OffsetRange(topic, 1, 5, 9)]
    assert _fetched(fetch, ranges) == _expected(ranges)


def test_a_range_may_end_with_what_is_no_message(fetch: Fetch, broker: Cluster, topic: str) -> None:
    """The end of a transaction has an offset of its own."""
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, _value(0, 40), partition=0, timestamp=1_040)
    producer.commit_transaction(30)
    # The coordinator answers before it has written the end.
    while (end := end_offsets(broker.bootstrap_servers, [topic])[topic, 0]) == 41:  # type: ignore[index]
        time.sleep(0.05)
    assert end == 42
    assert _fetched(fetch, [OffsetRange(topic, 0, 38, end)]) == _expected([OffsetRange(topic, 0, 38, 41)])


def test_a_message_without_a_value_is_one(fetch: Fetch, broker: Cluster, topic: str) -> None:
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap_servers)) as producer:
        producer.send(topic, key=b"gone", value=None, partition=0, timestamp_ms=7).get(30)
    assert _fetched(fetch, [OffsetRange(topic, 0, 40, 41)]) == [(topic, 0, 40, None, 7)]


def test_what_kafka_has_dropped_is_an_error(fetch: Fetch, broker: Cluster, topic: str) -> None:
    with administration(broker.bootstrap_servers) as client:
        client.delete_records({Partition(topic, 0): 10})
    with pytest.raises(TransientError, match=rf"{topic}/0: .*[Oo]ffset"):
        _fetched(fetch, [OffsetRange(topic, 0, 3, 17)])
    assert _fetched(fetch, [OffsetRange(topic, 0, 10, 17)]) == _expected([OffsetRange(topic, 0, 10, 17)])


def test_a_topic_that_is_gone_is_an_error(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_PATIENCE_SECONDS", 10.0)
    with pytest.raises(TransientError, match="never-made"):
        _fetched(fetch, [OffsetRange("never-made", 0, 0, 1)])


def test_a_broker_that_does_not_answer_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_PATIENCE_SECONDS", 1.0)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(TransientError, match=rf"Kafka at {address} gives no message of .*for 1 s"):
        list(Fetch(address, KafkaSecurity())([OffsetRange("a", 0, 0, 1)]))
