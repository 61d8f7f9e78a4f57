"""`topics`, against the real broker: made, listed, described, read, measured and deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import kafka
import pytest

from src.broker.cluster import Cluster
from src.broker.patience import patient
from src.broker.topics import TopicSpec, ensure_topics
from src.collect.message import TOPICS
from src.command.topics import register
from tests.command.command_line import CommandLine
from tests.servers import free_port

pytestmark = pytest.mark.broker
NINE = 1_769_850_000_000  # 2026-01-31T09:00:00Z
Message = tuple[str | None, bytes | None]


@pytest.fixture
def topics(broker: Cluster) -> CommandLine:
    return CommandLine(register, {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "COLUMNS": "200"})


def fill(servers: str, topic: str, messages: Sequence[Message], partitions: int = 1, times: Mapping[int, int] | None = None) -> None:
    """Make a topic and write messages to its first partition, the n-th at `times[n]`."""
    ensure_topics(servers, [TopicSpec(topic, partitions)])
    producer = kafka.KafkaProducer(bootstrap_servers=servers, acks="all")
    for number, (key, value) in enumerate(messages):
        at = (times or {}).get(number)
        producer.send(topic, key=None if key is None else key.encode(), value=value, partition=0, timestamp_ms=at).get(timeout=30)
    producer.close()


def test_setup_makes_what_is_missing_once_and_says_how_each_stands(topics: CommandLine) -> None:
    topics.run("topics", "setup")
    found = {one["topic"]: one for one in topics.json("topics", "setup")}
    assert set(found) == set(TOPICS)
    assert {one["state"] for one in found.values()} == {"there"}
    assert found["DeadLetter"] == {
        "topic": "DeadLetter",
        "state": "there",
        "partitions": 2,
        "replication": 1,
        "retention_hours": 168.0,
        "differences": [],
        "advice": None,
    }


def test_setup_alters_the_retention_and_leaves_the_partitions(broker: Cluster, topics: CommandLine) -> None:
    topics.run("topics", "setup")
    other = CommandLine(
        register,
        {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "COINSPARK_RETENTION_HOURS": "24", "COINSPARK_TOPIC_PARTITIONS": "3"},
    )
    found = {one["topic"]: one for one in other.json("topics", "setup")}["DeadLetter"]
    assert found["state"] == "differs"
    assert (found["partitions"], found["retention_hours"]) == (2, 24.0)
    assert found["differences"] == ["retention was 168 h", "partitions are 2, the settings say 3"]
    assert "topics delete DeadLetter" in found["advice"]
    assert topics.json("topics", "describe", "DeadLetter")["configuration"]["retention.ms"] == "86400000"

    back = {one["topic"]: one for one in topics.json("topics", "setup")}["DeadLetter"]
    assert (back["state"], back["differences"]) == ("altered", ["retention was 24 h"])
    assert "retention was 24 h" not in topics.run("topics", "setup").output


def test_more_replicas_than_brokers_exits_2(broker: Cluster) -> None:
    three = CommandLine(register, {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers, "COINSPARK_TOPIC_REPLICATION": "3"})
    servers = broker.bootstrap_servers
    CommandLine(register, {"KAFKA_BOOTSTRAP_SERVERS": servers}).run("topics", "setup")
    CommandLine(register, {"KAFKA_BOOTSTRAP_SERVERS": servers}).run("topics", "delete", TOPICS[0], "--yes")
    answer = three.run("topics", "setup")
    assert answer.status == 2
    assert f"Kafka does not make the topic {TOPICS[0]}" in answer.errors


def test_list_counts_records_and_bytes_and_hides_kafkas_own(broker: Cluster, topics: CommandLine) -> None:
    fill(broker.bootstrap_servers, "tools-list", [("a", b"1"), ("b", b"2"), ("c", b"3")], partitions=2)
    commit(broker.bootstrap_servers, "tools-list", "tools-list-group", 1)
    (one,) = [one for one in topics.json("topics", "list") if one["topic"] == "tools-list"]
    assert one.pop("bytes") > 0
    assert one == {"topic": "tools-list", "partitions": 2, "replication": 1, "records": 3, "internal": False}
    assert not [one for one in topics.json("topics", "list") if one["topic"].startswith("__")]
    (offsets,) = [one for one in topics.json("topics", "list", "--internal") if one["topic"] == "__consumer_offsets"]
    assert offsets["internal"] is True
    assert "tools-list" in topics.run("topics", "list").output


def test_describe_says_where_a_topic_is_and_what_it_holds(broker: Cluster, topics: CommandLine) -> None:
    fill(broker.bootstrap_servers, "tools-describe", [("a", b"1"), ("a", b"2")], partitions=2, times={0: NINE, 1: NINE + 500})
    found = topics.json("topics", "describe", "tools-describe")
    assert found["configuration"] == {"cleanup.policy": "delete"}
    empty = {"begin": 0, "end": 0, "oldest_time": None, "newest_time": None}
    there = {"leader": 1, "replicas": [1], "in_sync": [1]}
    assert found["partitions"] == [
        {"partition": 0, **there, "begin": 0, "end": 2, "oldest_time": NINE, "newest_time": NINE + 500},
        {"partition": 1, **there, **empty},
    ]
    assert "2026-01-31" in topics.run("topics", "describe", "tools-describe").output


def test_consume_gives_a_line_for_each_record_whatever_a_message_holds(broker: Cluster, topics: CommandLine) -> None:
    messages: list[Message] = [
        ("okx:BTC", b'{"price":1.10,"id":12345678901234567890123}'),
        ("okx:BTC", b'[{"n":1},\n {"n":2}]'),
        (None, b'{"text":\n"two lines"}'),
        (None, b"not JSON"),
        (None, b"\xff"),
        ("gone", None),
        (None, b"[]"),
    ]
    fill(broker.bootstrap_servers, "tools-consume", messages)
    answer = topics.run("topics", "consume", "tools-consume")
    assert answer.status == 0
    assert answer.output.splitlines() == [
        '{"price":1.10,"id":12345678901234567890123}',
        '{"n":1}',
        '{"n":2}',
        '{"text":"two lines"}',
        '"not JSON"',
        '"\\\\xff"',
        "null",
    ]
    assert topics.run("topics", "consume", "tools-consume", "--limit", "2").output.splitlines()[1:] == ['{"n":1}']
    assert topics.run("topics", "consume", "tools-consume", "--limit", "0").output == ""
    assert len(topics.run("topics", "consume", "tools-consume", "--key", "okx:BTC").lines) == 3
    assert topics.run("topics", "consume", "tools-consume", "--from", "latest").output == ""


def test_consume_begins_at_a_time_and_says_places(broker: Cluster, topics: CommandLine) -> None:
    fill(broker.bootstrap_servers, "tools-times", [("k", b"0"), ("k", b"1"), ("k", b"2")], times={0: NINE - 1000, 1: NINE, 2: NINE + 1000})
    answer = topics.run("topics", "consume", "tools-times", "--from", "2026-01-31T18:00:00+09:00", "--place")
    assert answer.lines == [
        {"partition": 0, "offset": 1, "time": NINE, "key": "k", "record": 1},
        {"partition": 0, "offset": 2, "time": NINE + 1000, "key": "k", "record": 2},
    ]
    assert topics.run("topics", "consume", "tools-times", "--from", str(NINE + 1000)).lines == [2]
    assert topics.run("topics", "consume", "tools-times", "--from", str(NINE + 1001)).output == ""
    for wrong in ("yesterday", "2026-01-31T09:00:00"):
        answer = topics.run("topics", "consume", "tools-times", "--from", wrong)
        assert answer.status == 2
        assert f"--from {wrong}: must be an ISO 8601 time with its offset from UTC" in answer.errors


def test_offsets_say_where_a_time_is(broker: Cluster, topics: CommandLine) -> None:
    fill(broker.bootstrap_servers, "tools-offsets", [("k", b"0"), ("k", b"1")], partitions=2, times={0: NINE - 1000, 1: NINE})
    assert topics.json("topics", "offsets", "tools-offsets") == [
        {"partition": 0, "begin": 0, "end": 2, "at": None},
        {"partition": 1, "begin": 0, "end": 0, "at": None},
    ]
    assert [one["at"] for one in topics.json("topics", "offsets", "tools-offsets", "--at", "2026-01-31T09:00:00Z")] == [1, None]
    assert "after the end" in topics.run("topics", "offsets", "tools-offsets", "--at", "2026-01-31T09:00:01Z").output


def commit(servers: str, topic: str, group: str, offset: int) -> None:
    place = kafka.TopicPartition(topic, 0)
    consumer = kafka.KafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    consumer.assign([place])
    consumer.commit({place: kafka.structs.OffsetAndMetadata(offset, "", -1)})
    consumer.close()


def test_lag_is_what_is_before_a_group(broker: Cluster, topics: CommandLine) -> None:
    fill(broker.bootstrap_servers, "tools-lag", [(None, b"1"), (None, b"2"), (None, b"3")])
    commit(broker.bootstrap_servers, "tools-lag", "tools-lag-group", 1)
    row = {"group": "tools-lag-group", "state": "Empty", "topic": "tools-lag", "partition": 0, "committed": 1, "end": 3, "lag": 2, "lost": 0}
    assert topics.json("topics", "lag", "tools-lag-group") == [row]
    assert row in topics.json("topics", "lag")
    answer = topics.run("topics", "lag", "tools-lag-gruop")
    assert answer.status == 2
    assert "there is no consumer group tools-lag-gruop: did you mean tools-lag-group" in answer.errors


def test_lag_of_a_topic_that_is_gone_is_unknown(broker: Cluster, topics: CommandLine) -> None:
    fill(broker.bootstrap_servers, "tools-gone", [(None, b"1")])
    commit(broker.bootstrap_servers, "tools-gone", "tools-gone-group", 0)
    assert topics.run("topics", "lag", "tools-gone-group").status == 0
    topics.run("topics", "delete", "tools-gone", "--yes")
    # Kafka forgets the offsets of a deleted topic some time after; until then there is no end to measure against.
    assert [(one["end"], one["lag"]) for one in topics.json("topics", "lag", "tools-gone-group")] in ([(None, None)], [])


def test_delete_asks_and_refuses(broker: Cluster, topics: CommandLine) -> None:
    servers = broker.bootstrap_servers
    fill(servers, "tools-delete", [(None, b"1")])
    fill(servers, "tools-delete-too", [])
    commit(servers, "tools-delete", "tools-delete-group", 0)

    answer = topics.run("topics", "delete", "tools-delete")
    assert answer.status == 2
    assert "there is no terminal to ask at; --yes says yes beforehand" in answer.errors
    answer = topics.run("topics", "delete", "tools-delete", "tools-delet", "--yes")
    assert answer.status == 2
    assert "there is no topic tools-delet: did you mean tools-delete" in answer.errors
    answer = topics.run("topics", "delete", "tools-delete", "__consumer_offsets", "--yes")
    assert answer.status == 2
    assert "__consumer_offsets is Kafka's own topic" in answer.errors
    assert topics.json("topics", "describe", "tools-delete")["partitions"][0]["end"] == 1

    assert topics.run("topics", "delete", "tools-delete", "tools-delete-too", "--yes").output == "Deleted tools-delete, tools-delete-too.\n"
    assert topics.run("topics", "describe", "tools-delete").status == 2


@pytest.mark.parametrize("command", ["describe", "consume", "offsets"])
def test_an_unknown_topic_is_answered_with_the_nearest(broker: Cluster, topics: CommandLine, command: str) -> None:
    ensure_topics(broker.bootstrap_servers, [TopicSpec("tools-nearest", 1)])
    answer = topics.run("topics", command, "tools-neerest")
    assert answer.status == 2
    assert "there is no topic tools-neerest: did you mean tools-nearest" in answer.errors


def test_a_kafka_that_does_not_answer_is_one_line() -> None:
    address = f"127.0.0.1:{free_port()}"
    answer = CommandLine(register, {"KAFKA_BOOTSTRAP_SERVERS": address}).run("topics", "list")
    assert answer.status == 2
    assert answer.errors.startswith(f"coinspark: no Kafka answers at {address} within 10 s")
    assert answer.errors.count("\n") == 1


def test_json_of_every_listing_is_json(topics: CommandLine) -> None:
    for words in (("setup",), ("list",), ("lag",)):
        assert isinstance(json.loads(topics.run("topics", *words, "--json").output), list)


def test_a_question_is_asked_again_only_for_an_error_that_passes() -> None:
    raised: list[Exception] = [kafka.errors.NotLeaderForPartitionError(), kafka.errors.TopicAuthorizationFailedError()]

    def ask(topic: str) -> str:
        if raised:
            raise raised.pop(0)
        return topic

    with pytest.raises(kafka.errors.TopicAuthorizationFailedError):
        patient(ask)("a")
    assert patient(ask)("a") == "a"
