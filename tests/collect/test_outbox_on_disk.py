"""What an outbox could not send waits on disk: for the next start, after a crash, within its share of the disk."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest

from src.broker.cluster import Cluster
from src.broker.topics import TopicSpec, ensure_topics
from tests.collect.numbered import numbered, numbers
from tests.collect.outboxes import PARTITIONS, left_on_disk, outbox_to, run, sent_by
from tests.servers import ROOT


@pytest.mark.broker
def test_what_could_not_be_sent_before_a_stop_is_sent_by_the_next_start_first(broker: Cluster, topic: str, tmp_path: Path, away: str) -> None:
    outbox, _ = left_on_disk(topic, tmp_path, away, [numbered(topic, "BTC", number) for number in range(7000)])
    assert (outbox.sent, outbox.waiting, outbox.spooled, outbox.dropped) == (0, 0, 7000, Counter())
    after = sent_by(broker.bootstrap_servers, topic, tmp_path, [numbered(topic, "BTC", number) for number in range(7000, 7100)])
    assert numbers(broker.bootstrap_servers, topic) == {"okx:BTC": list(range(7100))}
    assert (after.sent, after.spooled_bytes, [path for path in tmp_path.rglob("*") if path.is_file()]) == (7100, 0, [])


@pytest.mark.broker
def test_records_on_disk_reach_a_topic_that_the_next_start_does_not_use(broker: Cluster, topic: str, tmp_path: Path, away: str) -> None:
    left_on_disk(topic, tmp_path, away, [numbered(topic, "BTC", number) for number in range(10)])
    other = f"outbox-{uuid4().hex}"
    ensure_topics(broker.bootstrap_servers, [TopicSpec(other, PARTITIONS)])
    sent_by(broker.bootstrap_servers, other, tmp_path)
    assert numbers(broker.bootstrap_servers, topic) == {"okx:BTC": list(range(10))}


@pytest.mark.broker
def test_a_full_disk_share_loses_the_oldest_quotes_and_no_trade(broker: Cluster, topic: str, tmp_path: Path, away: str) -> None:
    messages = []
    for number in range(4000):
        messages += [numbered(topic, "BTC", number), numbered(topic, "ETH", number, "ticker", "upbit"), numbered(topic, "XRP", number, "orderbook")]
    outbox, told = left_on_disk(topic, tmp_path, away, messages, megabytes=1)
    assert told == outbox.dropped
    assert set(outbox.dropped) == {("upbit", "ticker"), ("okx", "orderbook")}
    assert outbox.spooled_bytes <= 1024 * 1024
    sent_by(broker.bootstrap_servers, topic, tmp_path)
    found = numbers(broker.bootstrap_servers, topic)
    assert found["okx:BTC"] == list(range(4000))
    assert found["upbit:ETH"] == list(range(outbox.dropped["upbit", "ticker"], 4000))
    assert found["okx:XRP"] == list(range(outbox.dropped["okx", "orderbook"], 4000))
    assert len(found["upbit:ETH"]) > 500


def test_trades_on_disk_are_told_to_the_next_start(topic_name: str, tmp_path: Path, away: str) -> None:
    trades = [numbered(topic_name, "BTC", number) for number in range(3)]
    others = [numbered(topic_name, "BTC", 3, "ticker"), numbered(topic_name, "BTC", 4, channel="")]
    left_on_disk(topic_name, tmp_path, away, [*trades, *others])
    outbox, _ = outbox_to(away, topic_name, tmp_path)

    async def work() -> None:
        assert list(outbox.unread_trades()) == []
        await outbox.open()
        assert list(outbox.unread_trades()) == [(topic_name, message.value) for message in trades]
        assert list(outbox.unread_trades()) == []
        await outbox.close(0.1)

    run(work)
    assert outbox.spooled == 5


CRASHER = """
import asyncio, sys
from pathlib import Path
from src.collect.outbox import Outbox
from tests.collect.numbered import numbered

async def main(servers, topic, folder):
    outbox = Outbox(servers, {topic: 2}, Path(folder), 64, print)
    await outbox.open()
    for number in range(5000):
        outbox.put(numbered(topic, "BTC", number))
        outbox.put(numbered(topic, "ETH", number, "ticker"))
    assert await outbox.flush(0)
    print(outbox.spooled, flush=True)
    await asyncio.sleep(600)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.broker
def test_what_a_killed_process_had_on_disk_is_sent_by_the_next(broker: Cluster, topic: str, tmp_path: Path, away: str) -> None:
    with subprocess.Popen([sys.executable, "-c", CRASHER, away, topic, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "10000\n"
        process.kill()
    last = max((tmp_path / "trades").iterdir())
    with last.open("ab") as file:
        file.write(b"\x50\0\0\0torn")
    sent_by(broker.bootstrap_servers, topic, tmp_path, [numbered(topic, "BTC", 5000)])
    assert numbers(broker.bootstrap_servers, topic) == {"okx:BTC": list(range(5001)), "okx:ETH": list(range(5000))}
