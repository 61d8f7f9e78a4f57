"""Outboxes for tests: one that sends all it is given, one that is stopped without Kafka."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from src.collect.message import Message
from src.collect.outbox import Outbox

PATIENCE = 60.0
PARTITIONS = 2
Dropped = Counter[tuple[str, str]]


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
