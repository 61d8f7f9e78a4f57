"""Broker and topics, against a real broker."""

from __future__ import annotations

import pytest

from src.broker.admin import administration
from src.broker.embedded import BrokerLease
from src.broker.topic_setup import set_up_topics
from src.broker.topics import TopicSpec, ensure_topics, topic_specs
from src.collect.message import TOPICS
from src.config.settings import Settings, load_settings
from tests.doctor.conftest import Doctor
from tests.servers import LOOPBACK, free_port

pytestmark = pytest.mark.broker


def test_the_embedded_broker_is_found(doctor: Doctor, embedded: BrokerLease, embedded_settings: Settings) -> None:
    answer = doctor("broker ports", COINSPARK_HOME=str(embedded_settings.home))
    assert answer.output.splitlines() == [
        f"ok   broker       the embedded broker answers at {embedded.bootstrap_servers}: 1 broker",
        f"ok   ports        the embedded broker has {embedded_settings.broker_port} and {embedded_settings.controller_port}",
    ]
    assert answer.status == 0


def test_a_kafka_of_the_users_that_does_not_answer(doctor: Doctor) -> None:
    address = f"{LOOPBACK}:{free_port()}"
    answer = doctor("broker topics", KAFKA_BOOTSTRAP_SERVERS=address)
    assert answer.status == 1
    assert [line[:60] for line in answer.output.splitlines()] == [
        f"fix  {name:<11}  no Kafka answers at {address} within 5 s: start it"[:60] for name in ("broker", "topics")
    ]


def test_more_replicas_than_brokers(doctor: Doctor, embedded: BrokerLease) -> None:
    answer = doctor("broker", KAFKA_BOOTSTRAP_SERVERS=embedded.bootstrap_servers, COINSPARK_TOPIC_REPLICATION="3")
    assert (answer.status, answer.output) == (
        1,
        f"fix  broker       {embedded.bootstrap_servers} has 1 broker and COINSPARK_TOPIC_REPLICATION is 3: lower it, or add brokers\n",
    )


def test_sasl_that_does_not_go_together(doctor: Doctor, embedded: BrokerLease) -> None:
    answer = doctor("broker", KAFKA_BOOTSTRAP_SERVERS=embedded.bootstrap_servers, KAFKA_SASL_PASSWORD="hunter2")
    assert answer.status == 1
    assert "KAFKA_SASL_PASSWORD: KAFKA_SECURITY_PROTOCOL=PLAINTEXT does not use it" in answer.output
    assert "hunter2" not in answer.output


def test_topics_are_compared_with_the_settings(doctor: Doctor, embedded: BrokerLease) -> None:
    servers = embedded.bootstrap_servers
    answer = doctor("topics", KAFKA_BOOTSTRAP_SERVERS=servers)
    assert answer.status == 1
    assert "RegionKorea_TickerPreprocessing, " in answer.output
    assert "not there: `python coin_spark.py topics setup` makes them" in answer.output

    settings = load_settings()
    set_up_topics(servers, topic_specs(TOPICS, settings))
    answer = doctor("topics", KAFKA_BOOTSTRAP_SERVERS=servers)
    assert answer.status == 0
    assert answer.output.startswith(f"ok   topics       {len(TOPICS)} topics are as the settings ask, ")

    answer = doctor("topics", KAFKA_BOOTSTRAP_SERVERS=servers, COINSPARK_RETENTION_HOURS="24", COINSPARK_TOPIC_PARTITIONS="6")
    assert answer.status == 1
    assert "DeadLetter: partitions are 2, the settings say 6: stop what uses it, then `topics delete DeadLetter`" in answer.output
    assert "DeadLetter: records are kept 168 h, COINSPARK_RETENTION_HOURS says 24 h: `python coin_spark.py topics setup` alters" in answer.output

    ensure_topics(servers, [TopicSpec("ArbitrageProcessedCoin", 2, retention_ms=168 * 3_600_000, cleanup="delete")])
    answer = doctor("topics", KAFKA_BOOTSTRAP_SERVERS=servers)
    assert [line[:100] for line in answer.output.splitlines()] == [
        "fix  topics       ArbitrageProcessedCoin: clean-up is delete, it should be compact,delete: stop what uses it, "[:100]
    ]
    with administration(servers) as client:
        client.delete_topics(["ArbitrageProcessedCoin"])
