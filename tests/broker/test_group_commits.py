"""How far queries have read, told to Kafka under consumer groups, as ordinary tools see it."""

from __future__ import annotations

from collections import Counter
from threading import Event

import kafka
import pytest

from src.broker.cluster import Cluster
from src.broker.group_commits import GroupCommits
from src.broker.group_lag import group_lags
from src.broker.ranges import TopicPartition
from src.broker.topics import TopicSpec, ensure_topics
from tests.servers import LOOPBACK, free_port

PATIENCE = 60


class Told:
    """What was heard of commits."""

    def __init__(self) -> None:
        self.done: Counter[tuple[str, str]] = Counter()
        self.lines: list[str] = []
        self.was_committed, self.has_failed, self.was_told = Event(), Event(), Event()

    def hear(self, group: str, error: Exception | None) -> None:
        self.done[group, "" if error is None else type(error).__name__] += 1
        (self.was_committed if error is None else self.has_failed).set()

    def say(self, line: str) -> None:
        self.lines.append(line)
        self.was_told.set()


@pytest.mark.broker
def test_the_newest_offsets_of_each_group_are_what_lag_tools_see(broker: Cluster) -> None:
    servers, topic = broker.bootstrap_servers, "group-commits"
    ensure_topics(servers, [TopicSpec(topic, 2)])
    producer = kafka.KafkaProducer(bootstrap_servers=servers)
    for number in range(5):
        producer.send(topic, b"x", partition=number % 2).get(PATIENCE)
    producer.close()
    told = Told()
    commits = GroupCommits(servers, told.hear, told.say)
    with commits.working():
        commits.put("group-commits-a", {TopicPartition(topic, 0): 1, TopicPartition(topic, 1): 1})
        assert told.was_committed.wait(PATIENCE)
        commits.put("group-commits-a", {TopicPartition(topic, 0): 2, TopicPartition(topic, 1): 2})
        # Given at the very end, it is committed all the same.
        commits.put("group-commits-b", {TopicPartition(topic, 0): 0})
        commits.put("group-commits-none", {})
    found = [(lag.group, lag.partition, lag.committed, lag.lag, lag.state) for lag in group_lags(servers) if lag.topic == topic]
    assert found == [("group-commits-a", 0, 2, 1, "Empty"), ("group-commits-a", 1, 2, 0, "Empty"), ("group-commits-b", 0, 0, 3, "Empty")]
    assert told.lines == []


def test_a_kafka_that_takes_none_is_a_warning_said_once() -> None:
    told = Told()
    commits = GroupCommits(f"{LOOPBACK}:{free_port()}", told.hear, told.say, patience_seconds=0.0)
    with commits.working():
        commits.put("group-commits-c", {TopicPartition("nowhere", 0): 1})
        assert told.was_told.wait(PATIENCE)
        told.has_failed.clear()
        assert told.has_failed.wait(PATIENCE), "it is tried again"
    assert len(told.lines) == 1
    begin = "Kafka takes no offsets of consumer groups, so lag tools show too much; the job goes on (MissingPartError: no Kafka answers"
    assert told.lines[0].startswith(begin)
    assert set(told.done) == {("group-commits-c", "MissingPartError")}
