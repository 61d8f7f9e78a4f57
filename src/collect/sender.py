"""Records to Kafka: in order, acknowledged, with bounded memory, through an outage of the broker."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Mapping
from functools import partial

from kafka.errors import KafkaError

from src.collect.delivered import Delivered, read_delivered
from src.collect.message import REPLAY_HEADER, Message, partition_of
from src.collect.producer import Producer, connected_producer
from src.collect.replay_run import ReplayRun
from src.errors import TransientError

IN_FLIGHT_LIMIT = 5_000
"""Messages not acknowledged yet; the next `send` waits. A record is about 500 bytes."""
_SILENCE_SECONDS = 5.0
_RETRY_SECONDS = 1.0


class Sender:
    """An idempotent Kafka producer with back-pressure.

    While the broker is away messages wait, at most `IN_FLIGHT_LIMIT` of them, and then `send` waits. Should Kafka
    give up on a message all the same, everything not acknowledged is sent again in the same order by a fresh producer: at
    least once, and in a replay exactly once, because the partitions tell what they hold of it.
    """

    def __init__(
        self, bootstrap_servers: str, partitions: Mapping[str, int], run: ReplayRun | None = None, delivered: Delivered | None = None
    ) -> None:
        self.sent = 0
        """Messages acknowledged by Kafka, those found there from before a restart included."""
        self._bootstrap_servers = bootstrap_servers
        self._partitions = partitions
        self._run = run
        self._delivered = delivered or {}
        self._producer: Producer | None = None
        self._pending: dict[int, Message] = {}
        self._numbers = itertools.count()
        self._room = asyncio.Event()
        self._failure: BaseException | None = None
        self._last_answer = time.monotonic()

    @property
    def waiting(self) -> int:
        """Messages handed over and not acknowledged yet."""
        return len(self._pending)

    @property
    def trouble(self) -> str:
        """One line when Kafka takes nothing, else empty."""
        silence = time.monotonic() - self._last_answer
        if not self._pending or silence < _SILENCE_SECONDS:
            return ""
        return f"Kafka at {self._bootstrap_servers} has taken nothing for {silence:.0f} s: {len(self._pending)} records wait for it"

    async def open(self) -> None:
        """Connect, as long as it takes."""
        while True:
            try:
                self._producer = await asyncio.to_thread(connected_producer, self._bootstrap_servers, self._partitions)
            except KafkaError:
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def send(self, message: Message) -> None:
        """Hand a message over; returns when there is room for it, before it is acknowledged."""
        if self._is_delivered(message):
            self.sent += 1
            return
        while self._failure or len(self._pending) >= IN_FLIGHT_LIMIT:
            if self._failure:
                await self._start_over()
            else:
                await self._wait_for_room()
        if not self._pending:
            self._last_answer = time.monotonic()
        number = next(self._numbers)
        self._pending[number] = message
        self._hand_over(number, message)

    async def flush(self, seconds: float) -> bool:
        """Wait until everything is acknowledged; False when some is not after `seconds`."""
        deadline = time.monotonic() + seconds
        while self._pending and time.monotonic() < deadline:
            try:
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + deadline - time.monotonic()):
                    if self._failure:
                        await self._start_over()
                    await self._wait_for_room()
            except TimeoutError:
                break
        return not self._pending

    async def close(self, seconds: float) -> None:
        """Let go of the producer; what is not acknowledged after twice that long is not waited for."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.to_thread(producer.close, timeout=seconds)

    async def _start_over(self) -> None:
        """Send all that is pending again, in order, by a fresh producer."""
        await self.close(0)
        if self._run is not None:
            self._delivered = await self._read_delivered(self._run)
        await self.open()
        pending = [message for _, message in sorted(self._pending.items())]
        self._pending, self._failure = {}, None
        for message in pending:
            if self._is_delivered(message):
                self.sent += 1
                continue
            number = next(self._numbers)
            self._pending[number] = message
            self._hand_over(number, message)

    async def _read_delivered(self, run: ReplayRun) -> Delivered:
        while True:
            try:
                return await asyncio.to_thread(read_delivered, self._bootstrap_servers, run)
            except TransientError:
                await asyncio.sleep(_RETRY_SECONDS)

    def _hand_over(self, number: int, message: Message) -> None:
        if self._producer is None:
            raise RuntimeError("send before open")
        headers = [(REPLAY_HEADER, self._run.header(message.position))] if self._run and message.position else []
        partition = partition_of(message.key, self._partitions[message.topic])
        try:
            future = self._producer.send(message.topic, key=message.key, value=message.value, headers=headers, partition=partition)
        except KafkaError as error:
            self._failed(error)
            return
        loop = asyncio.get_running_loop()
        future.add_callback(partial(self._acknowledged, loop, self._pending, number))
        future.add_errback(self._failed)

    def _acknowledged(self, loop: asyncio.AbstractEventLoop, pending: dict[int, Message], number: int, _metadata: object) -> None:
        # Runs in the producer's thread. `pending` is the one it was sent with: an answer that comes after a start-over counts for nothing.
        if pending.pop(number, None) is not None and pending is self._pending:
            self.sent += 1
            self._last_answer = time.monotonic()
            if not self._room.is_set():
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._room.set)

    def _failed(self, error: BaseException) -> None:
        self._failure = error

    async def _wait_for_room(self) -> None:
        self._room.clear()
        # The pause is for a failure, which has no one to wake.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._room.wait(), _RETRY_SECONDS)

    def _is_delivered(self, message: Message) -> bool:
        if self._run is None or message.position is None:
            return False
        last = self._delivered.get((message.topic, partition_of(message.key, self._partitions[message.topic])))
        return last is not None and message.position <= last
