"""The outbox against a real Kafka: arrays, order, bounds, and what happens without Kafka and at a stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from src.broker.cluster import Cluster
from src.collect.outbox import MESSAGE_LIMIT, Outbox
from tests.collect.numbered import numbered, numbers, numbers_of, values
from tests.collect.outboxes import PARTITIONS, PATIENCE, left_on_disk, outbox_to, run, sent_by, until


@pytest.mark.broker
def test_records_of_a_key_that_come_together_are_one_array_and_a_single_one_is_an_object(broker: Cluster, topic: str, tmp_path: Path) -> None:
    messages = [numbered(topic, "BTC", 0), numbered(topic, "ETH", 0), numbered(topic, "BTC", 1), numbered(topic, "BTC", 2)]
    outbox = sent_by(broker.bootstrap_servers, topic, tmp_path, messages)
    found = dict(values(broker.bootstrap_servers, topic))
    assert [record["number"] for record in found[b"okx:BTC"]] == [0, 1, 2]
    assert found[b"okx:ETH"] == msgspec.json.decode(messages[1].value)
    assert (outbox.sent, outbox.dropped, outbox.trouble) == (4, Counter(), "")


@pytest.mark.broker
def test_arrays_are_bounded_in_records_and_bytes_and_keep_the_order(broker: Cluster, topic: str, tmp_path: Path) -> None:
    big = [
        message._replace(value=message.value[:-1] + b',"more":"' + b"y" * 100_000 + b'"}')
        for message in [numbered(topic, "ETH", number) for number in range(5)]
    ]
    sent_by(broker.bootstrap_servers, topic, tmp_path, [*(numbered(topic, "BTC", number) for number in range(450)), *big])
    found = values(broker.bootstrap_servers, topic)
    assert [len(value) for key, value in found if key == b"okx:BTC"] == [200, 200, 50]
    assert [len(value) if isinstance(value, list) else 1 for key, value in found if key == b"okx:ETH"] == [2, 2, 1]
    assert numbers(broker.bootstrap_servers, topic) == {"okx:BTC": list(range(450)), "okx:ETH": list(range(5))}


@pytest.mark.broker
def test_lines_of_the_ledger_and_dead_letters_are_never_in_arrays(broker: Cluster, topic: str, tmp_path: Path) -> None:
    sent_by(broker.bootstrap_servers, topic, tmp_path, [numbered(topic, "BTC", number, channel="") for number in range(3)])
    assert numbers_of(values(broker.bootstrap_servers, topic)) == {"okx:BTC": [0, 1, 2]}


def test_without_kafka_and_disk_memory_stays_bounded_and_quotes_go_first(topic_name: str, tmp_path: Path, away: str) -> None:
    blocked = tmp_path / "spool"
    blocked.write_text("a file where the folder should be")
    outbox, told = outbox_to(away, topic_name, blocked)
    most = 0

    async def work() -> None:
        nonlocal most
        await outbox.open()
        for number in range(9000):
            outbox.put(numbered(topic_name, "BTC", number))
            outbox.put(numbered(topic_name, "BTC", number, "ticker"))
            most = max(most, outbox.waiting)
        assert not await outbox.flush(0)
        assert "cannot be kept" in outbox.trouble
        blocked.unlink()
        assert await outbox.flush(2)
        await outbox.close(0.1)

    run(work)
    assert most <= 20_000
    assert outbox.dropped["okx", "trade"] == 0
    assert outbox.dropped["okx", "ticker"] > 3000
    assert outbox.spooled == 18_000 - outbox.dropped["okx", "ticker"]
    assert told == outbox.dropped


def test_a_record_too_large_for_kafka_and_one_after_the_end_are_counted(topic_name: str, tmp_path: Path, away: str) -> None:
    large = numbered(topic_name, "BTC", 0)._replace(value=b'"' + b"x" * MESSAGE_LIMIT + b'"')
    outbox, told = left_on_disk(topic_name, tmp_path, away, [large])
    assert told == {("okx", "trade"): 1}
    outbox.put(numbered(topic_name, "BTC", 1, "ticker"))
    assert outbox.dropped == {("okx", "trade"): 1, ("okx", "ticker"): 1}


def test_whoever_is_told_of_dropped_records_may_put_a_line_about_it(topic_name: str, tmp_path: Path, away: str) -> None:
    boxes: list[Outbox] = []

    def on_dropped(market: str, channel: str, count: int) -> None:
        boxes[0].put(numbered(topic_name, f"{market} {channel}", count, channel=""))

    boxes.append(Outbox(away, {topic_name: PARTITIONS}, tmp_path, 1, on_dropped))

    async def work() -> None:
        await boxes[0].open()
        boxes[0].put(numbered(topic_name, "BTC", 0)._replace(value=b"x" * (MESSAGE_LIMIT + 1)))
        await boxes[0].close(0.1)

    run(work)
    assert boxes[0].spooled == 1


def test_a_stop_without_kafka_waits_for_nothing_once_all_is_on_disk(topic_name: str, tmp_path: Path, away: str) -> None:
    outbox, _ = outbox_to(away, topic_name, tmp_path)

    async def work() -> None:
        await outbox.open()
        outbox.put(numbered(topic_name, "BTC", 0))
        async with asyncio.timeout(PATIENCE):
            assert await outbox.flush(3600)
        assert outbox.spooled == 1
        await outbox.close(0.1)

    run(work)


def test_a_failure_of_the_task_that_sends_is_seen_and_loses_nothing(topic_name: str, tmp_path: Path, away: str) -> None:
    def on_dropped(market: str, channel: str, count: int) -> None:
        raise ValueError(f"{count} of {market} {channel}")

    outbox = Outbox(away, {topic_name: PARTITIONS}, tmp_path, 1, on_dropped)

    async def work() -> None:
        with pytest.raises(RuntimeError, match="not open"):
            outbox.watch()
        await outbox.open()
        outbox.put(numbered(topic_name, "BTC", 0)._replace(value=b"x" * (MESSAGE_LIMIT + 1)))
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([outbox.watch()])
            assert str(outbox.watch().exception()) == "1 of okx trade"
            outbox.put(numbered(topic_name, "BTC", 1))
            assert await outbox.flush(3600)
        outbox.put(numbered(topic_name, "BTC", 2))
        await outbox.close(0.1)

    run(work)
    assert (outbox.waiting, outbox.spooled) == (0, 2)


@pytest.mark.broker
def test_a_kafka_that_lacks_a_partition_takes_nothing_and_that_is_told(broker: Cluster, topic: str, tmp_path: Path) -> None:
    outbox = Outbox(broker.bootstrap_servers, {topic: PARTITIONS + 1}, tmp_path, 64, lambda *_: None)

    async def work() -> None:
        await outbox.open()
        outbox.put(numbered(topic, "BTC", 0))
        await until(lambda: "has taken nothing" in outbox.trouble)
        for number in range(1, 6000):
            outbox.put(numbered(topic, "BTC", number))
        assert not outbox.is_behind
        await outbox.close(0.1)

    run(work)
    assert (outbox.sent, outbox.spooled) == (0, 6000)
