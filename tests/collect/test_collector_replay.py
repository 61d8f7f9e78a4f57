"""Replays as processes, against a real Kafka: killed, gone on with, finished, and played again."""

from __future__ import annotations

import json
import os
from contextlib import closing
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaAdminClient, TopicPartition

from src.broker.cluster import Cluster
from src.collect.exchanges import EXCHANGES
from src.collect.message import TOPICS
from src.collect.parsed import Channel
from src.collect.replay_run import ReplayRun, finish_run
from src.collect.run import make_topics
from src.collect.simulator import MarketSimulator
from src.collect.status import read_status
from src.config import load_settings
from tests.collect.collectors import Message, collected, collector, ends, finished, messages, sent_to
from tests.collect.tickers import START, ticker

pytestmark = pytest.mark.broker
AT = ("--start-at", "2026-01-31T09:00:00Z")


@pytest.fixture
def recordings(tmp_path: Path) -> list[str]:
    """A few thousand frames of all exchanges, some of them damaged, and a line that is no frame."""
    # At five times their pace they take three seconds: time enough to kill a process in their midst.
    exchanges = list(EXCHANGES.values())
    simulator = MarketSimulator(seed=3, exchanges=exchanges, symbols=("BTC", "ETH"), channels=tuple(Channel), start_time_ms=START, rate=10)
    files = {name: tmp_path / f"{name}.jsonl" for name in EXCHANGES}
    lines: dict[str, list[str]] = {name: [] for name in EXCHANGES}
    for frame in islice(simulator, 4000):
        text = frame.message.decode() if isinstance(frame.message, bytes) else frame.message
        lines[frame.market].append(json.dumps({"received": frame.received_time / 1000, "message": text, "url": frame.url}))
    lines["okx"].insert(100, "{broken")
    for name, path in files.items():
        path.write_text("\n".join(lines[name]))
    return [str(path) for path in files.values()]


def sequences(found: dict[TopicPartition, list[Message]], home: Path) -> dict[TopicPartition, list[tuple[bytes, bytes, tuple[int, int]]]]:
    """Keys, values and positions, without the name of the run that is in the header too."""
    (state,) = (home / "replay").glob("*.json")
    run = msgspec.json.decode(state.read_bytes(), type=ReplayRun)
    assert run.finished
    read = {}
    for partition, there in found.items():
        positions = [run.position(header or b"") for _, _, header in there]
        read[partition] = [(key, value, tuple(position or ())) for (key, value, _), position in zip(there, positions, strict=True)]
    return read


@pytest.mark.slow
def test_a_replay_killed_three_times_leaves_what_an_undisturbed_one_leaves(broker: Cluster, tmp_path: Path, recordings: list[str]) -> None:
    servers = broker.bootstrap_servers
    before = ends(servers)
    words = ("--source", "replay", "--channels", "all", *AT, *recordings, "--speed")
    assert collected(tmp_path / "calm", servers, *words, "inf")[0] == 0
    expected = sequences(messages(servers, before), tmp_path / "calm")
    sent = [position for there in expected.values() for *_, position in there]
    assert len(sent) == len(set(sent)) > 3000

    before = ends(servers)
    home = tmp_path / "killed"
    for killed_at in (1, 800, 2000):
        with collector(home, servers, *words, "5") as process:
            started = sum(ends(servers).values())
            while sum(ends(servers).values()) < max(started, sum(before.values()) + killed_at):
                assert process.poll() is None, finished(process)
            process.kill()
            process.wait()
    assert sum(ends(servers).values()) < sum(before.values()) + len(sent), "the last kill came too late to show anything"
    exit_status, printed = collected(home, servers, *words, "5")
    assert exit_status == 0
    assert "goes on where it stopped" in printed
    assert sequences(messages(servers, before), home) == expected


def test_a_finished_replay_is_played_again(broker: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "okx.jsonl"
    path.write_text(json.dumps({"received": START / 1000, "message": EXCHANGES["okx"].simulate(ticker("okx", "BTC", "USDT", price=5.0))}))
    before = ends(broker.bootstrap_servers)
    for _ in range(2):
        assert collected(tmp_path / "home", broker.bootstrap_servers, "--source", "replay", str(path)) == (0, "")
    found = [message for there in messages(broker.bootstrap_servers, before).values() for message in there]
    assert [key for key, *_ in found] == [b"okx:BTC"] * 2
    assert len({header for *_, header in found}) == 2


def okx_recording(path: Path, frames: int) -> str:
    """So many frames, 10 ms apart."""
    message = EXCHANGES["okx"].simulate(ticker("okx", "BTC", "USDT", price=5.0))
    path.write_text("".join(json.dumps({"received": START / 1000 + number / 100, "message": message}) + "\n" for number in range(frames)))
    return str(path)


def test_a_replay_that_its_job_did_not_finish_goes_on_without_sending_again(broker: Cluster, tmp_path: Path) -> None:
    servers, home = broker.bootstrap_servers, tmp_path / "home"
    make_topics(load_settings(home=home), broker, TOPICS)
    before = ends(servers)
    words = ("--source", "replay", okx_recording(tmp_path / "okx.jsonl", 20), "--with-parent", str(os.getpid()), "--speed")
    for speed in ("inf", "2"):
        assert collected(home, servers, *words, speed)[0] == 0
        status = read_status(home, "ticker")
        assert status is not None
        assert (status.state, status.left, status.sent, sent_to(servers, before)) == ("finished", 0, 20, 20)
    (state,) = (home / "replay").glob("*.json")
    finish_run(home, state.stem)
    assert collected(home, servers, *words, "inf") == (0, "")
    assert sent_to(servers, before) == 40


@pytest.mark.slow
def test_a_finished_replay_at_fixed_times_is_sent_again_only_when_kafka_has_lost_it(broker: Cluster, tmp_path: Path) -> None:
    servers, home = broker.bootstrap_servers, tmp_path / "home"
    make_topics(load_settings(home=home), broker, TOPICS)
    before = ends(servers)
    words = ("--source", "replay", okx_recording(tmp_path / "okx.jsonl", 20), *AT)
    assert collected(home, servers, *words) == (0, "")
    exit_status, printed = collected(home, servers, *words, "--speed", "inf")
    assert exit_status == 0
    (said,) = [json.loads(line)["event"] for line in printed.splitlines()]
    assert said == f"this replay is already on Kafka at {servers}, nothing is sent; with another --start-at it is sent again"
    status = read_status(home, "ticker")
    assert status is not None
    assert (status.state, status.left, sent_to(servers, before)) == ("finished", 0, 20)
    assert status.message in said
    with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
        admin.delete_records(ends(servers))
    assert sent_to(servers, before) == 0
    assert collected(home, servers, *words) == (0, "")
    assert sent_to(servers, before) == 20
