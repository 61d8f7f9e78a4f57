"""Real collector processes, and what they leave on Kafka."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
from kafka import KafkaConsumer, TopicPartition

from src.collect.message import TOPICS
from src.collect.status import CollectorStatus, read_status
from tests.loopback import NOTHING_OUTSIDE

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import typer
from src.command.collect import register

app = typer.Typer(pretty_exceptions_enable=False)
app.callback()(lambda: None)
register(app)
app()
"""
PATIENCE = 60.0
Offsets = Mapping[TopicPartition, int]
Message = tuple[bytes, bytes, bytes | None]
"""Key, value, and the `replay` header."""


@contextmanager
def collector(home: Path, bootstrap_servers: str, *words: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`coin_spark.py collect` as a process of its own; whatever of it is left is killed in the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COINSPARK_") and name != "DATABASE_URL"}
    environment |= {**NOTHING_OUTSIDE, "COINSPARK_HOME": str(home), "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers, **settings}
    home.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "collect", *words], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and all that was printed."""
    output, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, output + errors


def collected(home: Path, bootstrap_servers: str, *words: str, **settings: str) -> tuple[int, str]:
    """Run a collector to its end."""
    with collector(home, bootstrap_servers, *words, **settings) as process:
        return finished(process)


def terminated(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Ask a collector to stop."""
    process.send_signal(signal.SIGTERM)
    return finished(process)


def status_when(home: Path, process: subprocess.Popen[str], sent: int = 0, source: str | None = None, channel: str = "ticker") -> CollectorStatus:
    """The status of that process once it has sent so many records of that source."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status = read_status(home, channel)
        if status and status.pid == process.pid and status.sent >= sent and source in {None, status.source.value}:
            return status
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"no such status within {PATIENCE:.0f} s")


def ends(bootstrap_servers: str) -> dict[TopicPartition, int]:
    """Where each partition of the collector's topics ends now; nothing for a topic that is not there yet."""
    with closing(_consumer(bootstrap_servers)) as consumer:
        return consumer.end_offsets(_partitions(consumer))


def sent_to(bootstrap_servers: str, before: Offsets) -> int:
    """How many records all the collector's topics have got since."""
    return sum(map(len, messages(bootstrap_servers, before).values()))


def messages(bootstrap_servers: str, since: Offsets) -> dict[TopicPartition, list[Message]]:
    """The records after those offsets, by partition, in their order; an array of records is as many."""
    found: dict[TopicPartition, list[Message]] = {}
    with closing(_consumer(bootstrap_servers)) as consumer:
        for partition, end in consumer.end_offsets(_partitions(consumer)).items():
            consumer.assign([partition])
            consumer.seek(partition, since.get(partition, 0))
            found[partition] = []
            while consumer.position(partition) < end:
                for message in consumer.poll(timeout_ms=500).get(partition, ()):
                    replay = dict(message.headers).get("replay")
                    found[partition] += [(message.key, value, replay) for value in _records(message.value)]
    return found


def _records(value: bytes) -> list[bytes]:
    return [bytes(part) for part in msgspec.json.decode(value, type=list[msgspec.Raw])] if value.startswith(b"[") else [value]


def _consumer(bootstrap_servers: str) -> KafkaConsumer:
    return KafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=None, auto_offset_reset="earliest")


def _partitions(consumer: KafkaConsumer) -> list[TopicPartition]:
    present = consumer.topics()
    return [TopicPartition(topic, number) for topic in TOPICS if topic in present for number in sorted(consumer.partitions_for_topic(topic) or ())]
