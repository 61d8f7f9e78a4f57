"""The outbox against a real Kafka: arrays, order, what happens without Kafka, at a stop and at a crash."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from src.broker.cluster import Cluster
from src.broker.topics import TopicSpec, ensure_topics
from src.collect.message import Message, message_of, message_of_raw
from src.collect.outbox import MESSAGE_LIMIT, Outbox
from src.collect.outgoing import RawOut
from src.collect.parsed import Channel
from src.schema.records import CollectorEvent, EventKind, OrderBook, RawMessage, Region, Source, Trade
from tests.collect.numbered import numbered, numbers, numbers_of, values
from tests.collect.tickers import START, ticker
from tests.servers import ROOT, free_port

PATIENCE = 60.0
PARTITIONS = 2
COMMON = {
    "region": Region.ASIA,
    "market": "okx",
    "symbol": "BTC",
    "quote": "USDT",
    "source": Source.LIVE,
    "event_time": START,
    "received_time": START,
}
Dropped = Counter[tuple[str, str]]


@pytest.fixture
def topic(broker: Cluster) -> str:
    name = f"outbox-{uuid4().hex}"
    ensure_topics(broker.bootstrap_servers, [TopicSpec(name, PARTITIONS)])
    return name


@pytest.fixture
def away() -> str:
    """An address where no Kafka is."""
    return f"127.0.0.1:{free_port()}"


def outbox_to(servers: str, topic: str, folder: Path, megabytes: int = 64) -> tuple[Outbox, Dropped]:
    """An outbox, and what it told of dropped records."""
    told: Dropped = Counter()

    def on_dropped(market: str, channel: str, count: int) -> None:
        told[market, channel] += count

    return Outbox(servers, {topic: PARTITIONS}, folder, megabytes, on_dropped), told


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110  the outbox has no event for it
            await asyncio.sleep(0.01)


def run(work: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(work())


def sent_by(servers: str, topic: str, folder: Path, messages: Sequence[Message] = ()) -> Outbox:
    """Send what is in a folder, and these, with an outbox that lives until Kafka has it all."""
    outbox, _ = outbox_to(servers, topic, folder)

    async def work() -> None:
        await outbox.open()
        for message in messages:
            outbox.put(message)
        await until(lambda: (outbox.waiting, outbox.spooled) == (0, 0))
        assert await outbox.flush(0)
        await outbox.close(1)

    run(work)
    return outbox


def left_on_disk(topic: str, folder: Path, address: str, messages: Sequence[Message], megabytes: int = 64) -> tuple[Outbox, Dropped]:
    """An outbox that was given these without Kafka, and was stopped."""
    outbox, told = outbox_to(address, topic, folder, megabytes)

    async def work() -> None:
        await outbox.open()
        for message in messages:
            outbox.put(message)
        assert await outbox.flush(0)
        await outbox.close(0.1)

    run(work)
    return outbox, told


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


def test_each_kind_of_record_has_its_topic_key_market_and_channel() -> None:
    raw = RawMessage(
        symbol="BTCUSDT", stream="btcusdt@aggTrade", data=msgspec.Raw(b'{"a":1}'), ts=START, market="binance_futures", source=Source.LIVE
    )
    event = CollectorEvent(kind=EventKind.DISCONNECTED, market="okx", channel="trade", source=Source.LIVE, event_time=START)
    found = [
        message_of(record)
        for record in (
            ticker("upbit", price=1.0),
            Trade(**COMMON),
            OrderBook(**COMMON),
            RawOut("binance-aggtrade", Channel.TRADE, "BTC", raw),
            event,
        )
    ]
    assert [(message.topic, message.key, message.market, message.channel) for message in found] == [
        ("RegionKorea_TickerPreprocessing", b"upbit:BTC", "upbit", "ticker"),
        ("RegionAsia_TradePreprocessing", b"okx:BTC", "okx", "trade"),
        ("RegionAsia_OrderbookPreprocessing", b"okx:BTC", "okx", "orderbook"),
        ("binance-aggtrade", b"binance_futures:BTC", "binance_futures", "trade"),
        ("CollectorEvents", b"okx:trade:", "okx", ""),
    ]
    assert found[3] == message_of_raw("binance-aggtrade", raw, "BTC", Channel.TRADE)
    assert msgspec.json.decode(found[3].value)["data"] == {"a": 1}


@pytest.fixture
def topic_name() -> str:
    """A topic that nothing reaches."""
    return "a-topic"
