"""Who keeps the broker running: the first user starts it, the last one stops it, however users and broker die."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import kafka
import psutil
import pytest

from src.broker.embedded import EmbeddedBroker
from src.broker.lease import LeaseFolder
from src.broker.process import RunningBroker
from src.broker.ranges import TopicPartition
from src.broker.topics import TopicSpec, end_offsets, ensure_topics
from src.config.settings import Settings
from tests.broker.conftest import User
from tests.servers import kill

StartUser = Callable[[], User]


def running(embedded: EmbeddedBroker) -> RunningBroker:
    found, _ = embedded.status()
    assert found
    return found


def test_the_last_user_stops_the_broker_and_a_killed_user_does_not_count(embedded: EmbeddedBroker, start_user: StartUser) -> None:
    first, second, third = start_user(), start_user(), start_user()
    process = psutil.Process(running(embedded).pid)

    first.leave()
    second.kill()
    assert [holder.pid for holder in embedded.status()[1]] == [third.process.pid]
    assert process.is_running()

    third.leave()
    assert not process.is_running()
    assert embedded.status() == (None, [])


def test_a_broker_whose_users_were_killed_is_adopted(embedded: EmbeddedBroker, start_user: StartUser) -> None:
    start_user().kill()
    orphan = running(embedded)

    with embedded.acquire("adopter") as lease:
        assert running(embedded) == orphan
        assert lease.bootstrap_servers == orphan.bootstrap_servers
    assert not psutil.pid_exists(orphan.pid)


def test_a_killed_broker_is_started_once_by_its_users_and_has_its_data(settings: Settings, embedded: EmbeddedBroker, start_user: StartUser) -> None:
    users = [start_user(), start_user()]
    killed = running(embedded)
    ensure_topics(killed.bootstrap_servers, [TopicSpec("kept", 1)])
    _produce(killed.bootstrap_servers, "kept", b"before the crash")
    kill(psutil.Process(killed.pid))

    for user in users:
        user.tell("ensure")
    assert sorted(user.answer()["restarted"] for user in users) == [False, True]

    again = running(embedded)
    assert again.pid != killed.pid
    assert (again.port, again.cluster_id) == (settings.broker_port, killed.cluster_id)
    assert end_offsets(again.bootstrap_servers, ["kept"]) == {TopicPartition("kept", 0): 1}
    assert _consume(again.bootstrap_servers, "kept") == b"before the crash"

    users[0].tell("ensure")
    assert users[0].answer() == {"restarted": False}
    for user in users:
        user.leave()
    assert embedded.status() == (None, [])


def test_a_broker_without_its_record_is_replaced_not_joined(embedded: EmbeddedBroker, settings: Settings) -> None:
    """As after the folder's files were deleted under it: it holds the ports, and nothing says whose it is but its command line."""
    with embedded.acquire("first"):
        stray = psutil.Process(running(embedded).pid)
        (settings.home / "broker" / "broker.json").unlink()
        with EmbeddedBroker(settings).acquire("second"):
            assert running(embedded).pid != stray.pid
            assert not stray.is_running() or stray.status() == psutil.STATUS_ZOMBIE


def test_a_reused_pid_is_not_taken_for_the_broker(embedded: EmbeddedBroker, settings: Settings) -> None:
    """The record names a process that lives but is another: this test's own."""
    record = settings.home / "broker" / "broker.json"
    record.parent.mkdir(parents=True)
    record.write_text(f'{{"pid": {psutil.Process().pid}, "port": 1, "controller_port": 2, "cluster_id": "x", "started_time": 3}}')
    assert embedded.status() == (None, [])
    assert embedded.stop() is None


def test_a_lease_file_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    leases = LeaseFolder(tmp_path)
    lease = leases.take("alive")
    (tmp_path / "1-dead.lease").write_text('{"pid": 1, "purpose": "dead", "since": 0}')
    assert [holder.purpose for holder in leases.holders()] == ["alive"]
    assert [path.name for path in tmp_path.iterdir()] == [lease.path.name]
    lease.release()
    assert list(tmp_path.iterdir()) == []


def test_closing_a_lease_twice_leaves_once(embedded: EmbeddedBroker) -> None:
    first, second = embedded.acquire("first"), embedded.acquire("second")
    first.close()
    first.close()
    assert [holder.purpose for holder in embedded.status()[1]] == ["second"]
    assert first.ensure_running() is False
    second.close()
    assert embedded.status() == (None, [])


def _produce(bootstrap_servers: str, topic: str, value: bytes) -> None:
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all")
    producer.send(topic, value).get(timeout=30)
    producer.close()


def _consume(bootstrap_servers: str, topic: str) -> bytes:
    consumer = kafka.KafkaConsumer(topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest", consumer_timeout_ms=30_000)
    try:
        value: bytes = next(consumer).value
    except StopIteration:
        pytest.fail(f"nothing can be read from {topic}")
    finally:
        consumer.close()
    return value
