"""Kafka stops in the middle of a stream of 5,000 records a second and comes back: every record arrives once, in the order of its key."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from src.broker.embedded import BrokerLease, EmbeddedBroker
from src.broker.java import find_java
from src.broker.topics import TopicSpec, ensure_topics
from src.collect.message import Message
from src.collect.outbox import Outbox
from src.collect.sender import IN_FLIGHT_LIMIT, Sender
from src.config.settings import load_settings
from src.errors import MissingPartError
from tests.collect.numbered import numbered, numbers
from tests.servers import ROOT, free_port, missing

pytestmark = pytest.mark.broker
PATIENCE = 120.0
PARTITIONS = 2
RATE = 5_000
SYMBOLS = ("BTC", "ETH", "XRP", "SOL", "DOGE")
CHANNELS = ("trade", "orderbook", "trade", "ticker", "trade")


class Stoppable:
    """A broker of the test's own."""

    def __init__(self, broker: EmbeddedBroker, lease: BrokerLease) -> None:
        self._broker = broker
        self._lease = lease
        self.servers = lease.bootstrap_servers
        self.topics = {channel: f"{channel}-{uuid4().hex[:8]}" for channel in set(CHANNELS)}
        ensure_topics(self.servers, [TopicSpec(topic, PARTITIONS) for topic in self.topics.values()])

    @property
    def partitions(self) -> dict[str, int]:
        return dict.fromkeys(self.topics.values(), PARTITIONS)

    async def stop(self) -> None:
        assert await asyncio.to_thread(self._broker.stop, force=True) is not None

    async def start(self) -> None:
        assert await asyncio.to_thread(self._lease.ensure_running)

    def message(self, number: int) -> Message:
        """The `number`th of the stream: keys and channels interleaved."""
        channel = CHANNELS[number % 7 % len(CHANNELS)]
        return numbered(self.topics[channel], SYMBOLS[number % 11 % len(SYMBOLS)], number, channel)

    def expected(self, count: int) -> dict[str, dict[str, list[int]]]:
        """By topic and key, what must have arrived of the first `count`."""
        wanted: dict[str, dict[str, list[int]]] = {topic: {} for topic in self.topics.values()}
        for number in range(count):
            message = self.message(number)
            wanted[message.topic].setdefault(message.key.decode(), []).append(number)
        return wanted

    def arrived(self) -> dict[str, dict[str, list[int]]]:
        return {topic: numbers(self.servers, topic) for topic in self.topics.values()}


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Stoppable]:
    settings = load_settings(home=tmp_path / "home", jars=ROOT / ".jars", broker_port=free_port(), controller_port=free_port())
    try:
        find_java()
        lease = EmbeddedBroker(settings).acquire("a test of an outage")
    except MissingPartError as error:
        raise missing(str(error)) from None
    with lease:
        yield Stoppable(EmbeddedBroker(settings), lease)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110  the outbox has no event for it
            await asyncio.sleep(0.01)


async def paced(until: asyncio.Task[None]) -> AsyncIterator[int]:
    """Numbers at the rate of the stream, until two seconds' worth after a task's end."""
    begun = time.monotonic()
    last = None
    for number in itertools.count():
        if (ahead := number / RATE - (time.monotonic() - begun)) > 0.005:
            await asyncio.sleep(ahead)
        if last is None and until.done():
            last = number + 2 * RATE
        if number == last:
            return
        yield number


@pytest.mark.parametrize("seconds", [pytest.param(4, id="short"), pytest.param(60, marks=pytest.mark.slow, id="a-minute")])
def test_a_stream_outlives_an_outage_of_kafka(kafka: Stoppable, tmp_path: Path, seconds: int) -> None:
    outbox = Outbox(kafka.servers, kafka.partitions, tmp_path / "spool", 1024, lambda *_: None)
    on_disk = waiting = count = 0

    async def outage() -> None:
        await asyncio.sleep(2)
        assert outbox.sent > 0
        await kafka.stop()
        await asyncio.sleep(seconds)
        await kafka.start()

    async def stream() -> None:
        nonlocal on_disk, waiting, count
        await outbox.open()
        stopping = asyncio.create_task(outage())
        async for number in paced(stopping):
            outbox.put(kafka.message(number))
            count = number + 1
            on_disk, waiting = max(on_disk, outbox.spooled if number % 1000 == 0 else 0), max(waiting, outbox.waiting)
        await stopping
        await until(lambda: (outbox.waiting, outbox.spooled) == (0, 0))
        await outbox.close(1)

    asyncio.run(stream())
    assert on_disk > RATE
    assert waiting < 30_000
    assert (outbox.sent, outbox.dropped, outbox.waiting, outbox.spooled_bytes) == (count, Counter(), 0, 0)
    assert kafka.arrived() == kafka.expected(count)


def test_a_stop_during_an_outage_leaves_what_is_under_way_to_the_next_start(kafka: Stoppable, tmp_path: Path) -> None:
    count, more = 12_000, 3_000

    def outbox() -> Outbox:
        return Outbox(kafka.servers, kafka.partitions, tmp_path / "spool", 64, lambda *_: None)

    async def first() -> None:
        box = outbox()
        await box.open()
        for number in range(2_000):
            box.put(kafka.message(number))
        await until(lambda: (box.waiting, box.spooled) == (0, 0))
        await kafka.stop()
        for number in range(2_000, count):
            box.put(kafka.message(number))
            if number % 100 == 0:
                await asyncio.sleep(0.001)
        assert await box.flush(0.5)
        await box.close(0.5)
        assert (box.sent, box.waiting, box.spooled, box.dropped) == (2_000, 0, count - 2_000, Counter())

    async def second() -> None:
        box = outbox()
        await box.open()
        await kafka.start()
        for number in range(count, count + more):
            box.put(kafka.message(number))
        await until(lambda: (box.waiting, box.spooled) == (0, 0))
        await box.close(1)
        assert box.sent == count - 2_000 + more

    asyncio.run(first())
    asyncio.run(second())
    assert kafka.arrived() == kafka.expected(count + more)


def test_a_disk_that_takes_records_again_during_an_outage_gets_all_that_waits(kafka: Stoppable, tmp_path: Path) -> None:
    blocked = tmp_path / "spool"
    blocked.write_text("a file where the folder should be")
    outbox = Outbox(kafka.servers, kafka.partitions, blocked, 64, lambda *_: None)

    async def work() -> None:
        await outbox.open()
        outbox.put(kafka.message(0))
        await until(lambda: outbox.sent == 1)
        await kafka.stop()
        for number in range(1, 2_000):
            outbox.put(kafka.message(number))
        await until(lambda: "cannot be kept" in outbox.trouble)
        for number in range(2_000, 3_000):
            outbox.put(kafka.message(number))
        blocked.unlink()
        await until(lambda: outbox.spooled == 2_999)
        assert outbox.trouble.count("cannot be kept") == 0
        await kafka.start()
        await until(lambda: (outbox.waiting, outbox.spooled) == (0, 0))
        await outbox.close(1)

    asyncio.run(work())
    assert outbox.dropped == Counter()
    assert kafka.arrived() == kafka.expected(3_000)


def test_an_outage_that_fills_the_disk_share_loses_the_oldest_on_disk_and_keeps_the_newest(kafka: Stoppable, tmp_path: Path) -> None:
    topic, under_way, count = kafka.topics["trade"], 2_000, 20_000
    outbox = Outbox(kafka.servers, kafka.partitions, tmp_path / "spool", 1, lambda *_: None)

    async def work() -> None:
        await outbox.open()
        outbox.put(numbered(topic, "BTC", 0))
        await until(lambda: outbox.sent == 1)
        await kafka.stop()
        for number in range(1, under_way):
            outbox.put(numbered(topic, "BTC", number))
        await until(lambda: outbox.spooled == under_way - 1)
        for number in range(under_way, count):
            outbox.put(numbered(topic, "BTC", number))
            if number % 500 == 0:
                await until(lambda: outbox.waiting < under_way)
        await until(lambda: outbox.waiting < under_way)
        await kafka.start()
        await until(lambda: (outbox.waiting, outbox.spooled) == (0, 0))
        await outbox.close(1)

    asyncio.run(work())
    lost = outbox.dropped["okx", "trade"]
    assert 10_000 < lost < 16_000
    assert numbers(kafka.servers, topic) == {"okx:BTC": [*range(under_way), *range(under_way + lost, count)]}


def test_a_sender_waits_for_kafka_and_then_goes_on(kafka: Stoppable) -> None:
    count = 4 * IN_FLIGHT_LIMIT
    sender = Sender(kafka.servers, kafka.partitions)
    handed_over = 0

    async def send() -> None:
        nonlocal handed_over
        for number in range(count):
            await sender.send(kafka.message(number))
            handed_over = number + 1
            if number == count // 4:
                await kafka.stop()

    async def work() -> None:
        await sender.open()
        sending = asyncio.create_task(send())
        while sender.waiting < IN_FLIGHT_LIMIT:  # noqa: ASYNC110  the sender has no event for it
            await asyncio.sleep(0.01)
        held, _ = await asyncio.wait([sending], timeout=2)
        assert not held
        assert handed_over < count
        await kafka.start()
        await sending
        assert await sender.flush(PATIENCE)
        await sender.close(1)

    asyncio.run(work())
    assert sender.sent == count
    assert kafka.arrived() == kafka.expected(count)
