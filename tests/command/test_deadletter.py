"""`deadletter`, against the real broker: listed with their place, sent to where they came from, once each."""

from __future__ import annotations

import base64

import kafka
import msgspec
import pytest

from src.broker.cluster import Cluster
from src.broker.topic_tools import delete_topics
from src.broker.topics import TopicSpec, ensure_topics
from src.command.deadletter import register
from src.panes.dead_letter_sender import KafkaDeadLetterSender
from src.schema.records import DEAD_LETTER_TOPIC, DeadLetter, Source
from tests.command.command_line import CommandLine
from tests.storage.stores import messages

pytestmark = pytest.mark.broker
TOPIC, OTHER = "deadletter-source", "deadletter-other"


@pytest.fixture
def command(broker: Cluster) -> CommandLine:
    """The commands, with no letter there and two source topics that hold nothing."""
    servers = broker.bootstrap_servers
    consumer = kafka.KafkaConsumer(bootstrap_servers=servers)
    present = consumer.topics() & {DEAD_LETTER_TOPIC, TOPIC, OTHER}
    consumer.close()
    delete_topics(servers, sorted(present))
    ensure_topics(servers, [TopicSpec(DEAD_LETTER_TOPIC, 2), TopicSpec(TOPIC, 3), TopicSpec(OTHER, 1)])
    return CommandLine(register, {"KAFKA_BOOTSTRAP_SERVERS": servers, "COLUMNS": "250"})


def letter(origin: str, raw: bytes, size: int | None = None) -> DeadLetter:
    return DeadLetter(
        reason="not JSON", origin=origin, market=None, source=Source.LIVE, received_time=None, raw=raw, raw_size=len(raw) if size is None else size
    )


def write(broker: Cluster, *letters: DeadLetter) -> None:
    sender = KafkaDeadLetterSender(broker.bootstrap_servers)
    for one in letters:
        sender.send(one)
    sender.close()


FIRST = letter(f"{TOPIC}/2/7", b"\x00\xff no record")
SECOND = letter(f"{OTHER}/0/1", "가격".encode() * 50)
FRAME = letter("okx/live/1769850000000/abcdef", b"frame")
CUT = letter(f"{TOPIC}/1/9", b"x" * 10, size=100_000)
GONE = letter("deadletter-gone/0/1", b"y")


def test_letters_are_listed_with_their_place_each_once(command: CommandLine, broker: Cluster) -> None:
    write(broker, FIRST, FIRST, SECOND, FRAME)
    lines = command.run("deadletter", "list", "--json").lines
    found = {line["origin"]: line for line in lines}
    assert len(lines) == 3
    first = found[FIRST.origin]
    assert (first["reason"], first["topic"], first["partition"], first["offset"], first["source"]) == ("not JSON", TOPIC, 2, 7, "live")
    assert base64.b64decode(first["raw"]) == FIRST.raw
    assert (found[FRAME.origin]["topic"], found[FRAME.origin]["partition"]) == (None, None)

    shown = command.run("deadletter", "list").output
    for text in ("not JSON", TOPIC, "\\x00\\xff no record", FRAME.origin, "가격", "..."):
        assert text in shown
    assert "가격" * 50 not in shown


def test_a_topic_and_a_time_choose(command: CommandLine, broker: Cluster) -> None:
    write(broker, FIRST, SECOND, FRAME)
    assert [line["origin"] for line in command.run("deadletter", "list", "--topic", OTHER, "--json").lines] == [SECOND.origin]
    assert command.run("deadletter", "list", "--since", "2200-01-01T00:00:00Z", "--json").lines == []
    assert len(command.run("deadletter", "list", "--since", "2026-01-01T00:00:00Z", "--json").lines) == 3
    wrong = command.run("deadletter", "list", "--since", "yesterday")
    assert (wrong.status, "--since yesterday: must be an ISO 8601 time" in wrong.errors) == (2, True)


def test_bytes_go_back_to_their_topic_and_partition_as_they_were(command: CommandLine, broker: Cluster) -> None:
    write(broker, FIRST, FIRST, SECOND, FRAME, CUT, GONE)
    answer = command.run("deadletter", "replay", "--yes", "--json")
    assert answer.status == 0
    assert msgspec.json.decode(answer.output) == {"sent": {TOPIC: 1, OTHER: 1}, "without_topic": 2, "cut": 1}
    assert "2 letters came from no topic that is there" in answer.errors
    assert "1 letters were too long" in answer.errors
    [first], [second] = (messages(broker.bootstrap_servers, topic) for topic in (TOPIC, OTHER))
    assert (first.partition, first.key, first.value, first.headers) == (2, None, FIRST.raw, [("replayed_from", FIRST.origin.encode())])
    assert (second.partition, second.value) == (0, SECOND.raw)
    assert len(command.run("deadletter", "list", "--json").lines) == 5, "the letters stay"


def test_it_asks_first(command: CommandLine, broker: Cluster) -> None:
    write(broker, FIRST)
    answer = command.run("deadletter", "replay")
    assert answer.status == 2
    assert f"Send 1 messages to {TOPIC} (1) at {broker.bootstrap_servers}: there is no terminal to ask at" in answer.errors
    assert messages(broker.bootstrap_servers, TOPIC) == []


def test_without_letters_there_is_nothing_to_do(command: CommandLine) -> None:
    assert command.run("deadletter", "list", "--json").lines == []
    assert command.json("deadletter", "replay") == {"sent": {}, "without_topic": 0, "cut": 0}
