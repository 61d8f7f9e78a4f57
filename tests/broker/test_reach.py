"""How far topics of the real broker reach."""

from __future__ import annotations

import itertools
from contextlib import closing

import pytest
from kafka import KafkaProducer
from kafka.admin import NewPartitions

from src.broker import patience, reach
from src.broker.admin import administration
from src.broker.cluster import Cluster
from src.broker.connection import KafkaSecurity
from src.broker.ranges import TopicPartition
from src.broker.reach import Reach
from src.broker.topics import TopicSpec, beginning_offsets, end_offsets, ensure_topics
from src.errors import TransientError
from tests.servers import free_port

_numbers = itertools.count()


@pytest.fixture
def topic(broker: Cluster) -> str:
    """Of two partitions; the first has five messages, of which the first two are gone."""
    name = f"reach-{next(_numbers)}"
    ensure_topics(broker.bootstrap_servers, [TopicSpec(name, 2)])
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap_servers)) as producer:
        for _ in range(5):
            producer.send(name, b"x", partition=0)
        producer.flush()
    with administration(broker.bootstrap_servers) as client:
        client.delete_records({TopicPartition(name, 0): 2})
    return name


@pytest.mark.broker
def test_it_says_what_the_other_client_says(broker: Cluster, topic: str) -> None:
    asked = Reach(broker.bootstrap_servers, KafkaSecurity(), (topic, "reach-that-nobody-made"))
    assert asked.begins() == {(topic, 0): 2, (topic, 1): 0} == beginning_offsets(broker.bootstrap_servers, [topic])
    assert asked.ends() == {(topic, 0): 5, (topic, 1): 0} == end_offsets(broker.bootstrap_servers, [topic])


@pytest.mark.broker
def test_the_same_connection_sees_what_comes_and_goes(broker: Cluster, topic: str) -> None:
    asked = Reach(broker.bootstrap_servers, KafkaSecurity(), (topic,))
    assert set(asked.ends()) == {(topic, 0), (topic, 1)}
    with administration(broker.bootstrap_servers) as client:
        client.create_partitions({topic: NewPartitions(3)})
    assert set(asked.ends()) == {(topic, 0), (topic, 1), (topic, 2)}
    with administration(broker.bootstrap_servers) as client:
        client.delete_topics([topic])
    assert asked.ends() == {}
    ensure_topics(broker.bootstrap_servers, [TopicSpec(topic, 1)])
    assert asked.ends() == {(topic, 0): 0}


def test_where_nobody_answers_it_asks_again_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(reach, "_ANSWER_SECONDS", 0.2)
    asked = Reach(f"127.0.0.1:{free_port()}", KafkaSecurity(), ("any",))
    questions = []
    ask = asked._offsets
    monkeypatch.setattr(asked, "_offsets", lambda which: (questions.append(which), ask(which))[1])
    with pytest.raises(TransientError, match=r"Kafka at 127\.0\.0\.1:\d+ does not say how far its topics reach"):
        asked.ends()
    assert len(questions) > 1
