"""Topics are made once, as they were asked for, whoever asks and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import kafka
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from src.broker.admin import administration
from src.broker.cluster import Cluster
from src.broker.ranges import TopicPartition
from src.broker.topics import TopicSpec, beginning_offsets, end_offsets, ensure_topics
from src.errors import ConfigurationError

pytestmark = pytest.mark.broker


def test_only_missing_topics_are_made(broker: Cluster) -> None:
    assert ensure_topics(broker.bootstrap_servers, [TopicSpec("topics-a", 2)]) == ["topics-a"]
    assert ensure_topics(broker.bootstrap_servers, [TopicSpec("topics-a", 5), TopicSpec("topics-b", 1)]) == ["topics-b"]
    assert ensure_topics(broker.bootstrap_servers, [TopicSpec("topics-a", 2), TopicSpec("topics-b", 1)]) == []
    assert set(end_offsets(broker.bootstrap_servers, ["topics-a"])) == {TopicPartition("topics-a", 0), TopicPartition("topics-a", 1)}


def test_a_topic_has_the_retention_and_cleanup_it_was_asked_for(broker: Cluster) -> None:
    ensure_topics(broker.bootstrap_servers, [TopicSpec("topics-kept", 1, retention_ms=3_600_000, cleanup="compact,delete")])
    with administration(broker.bootstrap_servers) as client:
        described = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "topics-kept")])
    assert "3600000" in str(described)
    assert "compact,delete" in str(described)


def test_two_who_make_the_same_topic_at_once_both_succeed(broker: Cluster) -> None:
    specs = [TopicSpec(f"topics-race-{number}", 1) for number in range(5)]
    with ThreadPoolExecutor(4) as pool:
        made = [future.result() for future in [pool.submit(ensure_topics, broker.bootstrap_servers, specs) for _ in range(4)]]
    assert sorted(name for names in made for name in names) == [spec.name for spec in specs]


def test_offsets_tell_what_a_topic_holds(broker: Cluster) -> None:
    ensure_topics(broker.bootstrap_servers, [TopicSpec("topics-offsets", 1)])
    producer = kafka.KafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all")
    for _ in range(3):
        producer.send("topics-offsets", b"x").get(timeout=30)
    producer.close()
    partition = TopicPartition("topics-offsets", 0)
    assert beginning_offsets(broker.bootstrap_servers, ["topics-offsets"]) == {partition: 0}
    assert end_offsets(broker.bootstrap_servers, ["topics-offsets", "topics-that-nobody-made"]) == {partition: 3}


def test_more_replicas_than_brokers_is_the_users_to_correct(broker: Cluster) -> None:
    with pytest.raises(ConfigurationError, match=r"topics-replicated.*replication factor"):
        ensure_topics(broker.bootstrap_servers, [TopicSpec("topics-replicated", 1, replication=3)])


def test_a_message_above_the_limit_is_refused_before_it_is_sent(broker: Cluster) -> None:
    ensure_topics(broker.bootstrap_servers, [TopicSpec("topics-large", 1)])
    producer = kafka.KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    with pytest.raises(kafka.errors.MessageSizeTooLargeError):
        producer.send("topics-large", b"x" * 10_000_000).get(timeout=30)
    producer.close()
    assert end_offsets(broker.bootstrap_servers, ["topics-large"]) == {TopicPartition("topics-large", 0): 0}


def test_a_misspelt_topic_is_not_made_by_writing_to_it(broker: Cluster) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers=broker.bootstrap_servers, max_block_ms=500)
    with pytest.raises(kafka.errors.KafkaError):
        producer.send("topics-misspelt", b"x").get(timeout=10)
    producer.close()
    assert end_offsets(broker.bootstrap_servers, ["topics-misspelt"]) == {}
