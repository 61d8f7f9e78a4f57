"""`topics` against a cluster of three brokers: three replicas of everything, also when one broker is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import kafka
import pytest

from src.broker.java import find_java
from src.collect.message import TOPICS
from src.command.topics import register
from src.errors import MissingPartError
from tests.command.command_line import CommandLine
from tests.command.three_brokers import ThreeBrokers
from tests.servers import ROOT, missing

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ThreeBrokers]:
    try:
        find_java()
    except MissingPartError as error:
        raise missing(str(error)) from None
    if not (ROOT / ".jars" / "broker").is_dir():
        raise missing("the broker's jars are not in .jars: run `make install`")
    brokers = ThreeBrokers(tmp_path)
    try:
        brokers.start()
        yield brokers
    finally:
        brokers.stop()


def test_every_topic_has_three_replicas_and_outlives_a_broker(cluster: ThreeBrokers) -> None:
    servers = cluster.bootstrap_servers
    settings = {"KAFKA_BOOTSTRAP_SERVERS": servers, "COINSPARK_TOPIC_REPLICATION": "3", "COINSPARK_TOPIC_PARTITIONS": "6", "COLUMNS": "200"}
    command = CommandLine(register, settings)

    made = {one["topic"]: (one["state"], one["partitions"], one["replication"]) for one in command.json("topics", "setup")}
    assert made == dict.fromkeys(TOPICS, ("made", 6, 3))
    assert {one["state"] for one in command.json("topics", "setup")} == {"there"}

    described = command.json("topics", "describe", "DeadLetter")["partitions"]
    assert [sorted(one["replicas"]) for one in described] == [[1, 2, 3]] * 6
    assert [one["in_sync"] for one in described] == [[1, 2, 3]] * 6
    assert {one["leader"] for one in described} == {1, 2, 3}

    producer = kafka.KafkaProducer(bootstrap_servers=servers.split(","), acks="all")
    for number in range(12):
        producer.send("DeadLetter", str(number).encode(), partition=number % 6).get(timeout=30)
    producer.close()
    (listed,) = [one for one in command.json("topics", "list") if one["topic"] == "DeadLetter"]
    assert (listed["replication"], listed["records"]) == (3, 12)

    cluster.kill(3)
    answer = command.run("topics", "consume", "DeadLetter")
    assert answer.status == 0, answer
    assert sorted(answer.lines) == list(range(12))
    left = command.json("topics", "describe", "DeadLetter")["partitions"]
    assert [sorted(one["replicas"]) for one in left] == [[1, 2, 3]] * 6
    assert {one["leader"] for one in left} <= {1, 2}
    assert [(one["begin"], one["end"]) for one in left] == [(0, 2)] * 6
    assert command.run("topics", "delete", "DeadLetter", "--yes").status == 0
