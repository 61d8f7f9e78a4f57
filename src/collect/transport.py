"""Parcels to Kafka and Kafka's answers back, polled: nothing here blocks, and no other thread of the client calls us."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping

from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError, RecordListTooLargeError

from src.collect.message import partition_of
from src.collect.outbox_lane import OutboxLane, Parcel
from src.collect.producer import Producer, connected_producer

_RETRY_SECONDS = 1.0
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
Told = Callable[[OutboxLane, Parcel], None]


class Transport:
    """An idempotent producer. Should it give up on a message all the same, a fresh one sends all that is not acknowledged again, in order.

    `acknowledged` is told of each parcel that Kafka has, `refused` of each that it will never take.
    """

    def __init__(self, bootstrap_servers: str, partitions: Mapping[str, int], acknowledged: Told, refused: Told) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.topics_before: Collection[str] = ()
        """Topics of records that an earlier process left; they need not be among those of `partitions`, nor be there any more."""
        self._partitions = dict(partitions)
        self._acknowledged = acknowledged
        self._refused = refused
        self._producer: Producer | None = None
        self._connecting: asyncio.Task[Producer] | None = None
        self._last_answer = time.monotonic()
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether there is a producer that knows every topic, so that `send` cannot block."""
        producer = self._producer
        return producer is not None and all(
            producer.knows(topic, partition) for topic, partitions in self._partitions.items() for partition in range(partitions)
        )

    def silence(self, lanes: Collection[OutboxLane]) -> float:
        """Seconds since Kafka last answered; 0 when it is open and there is nothing for it to answer to."""
        if not any(lane.in_flight_records for lane in lanes) and self.is_open:
            self._last_answer = time.monotonic()
        return time.monotonic() - self._last_answer

    def send(self, lane: OutboxLane, parcel: Parcel) -> None:
        """Give a parcel to Kafka."""
        topic, key = parcel.messages[0][:2]
        partitions = self._partitions.get(topic)
        if partitions is None:  # From the disk of a process that knew other topics.
            self._refused(lane, parcel)
            return
        partition = partition_of(key, partitions)
        parcel.future = self._future(topic, key, parcel, partition)
        lane.add((topic, partition), parcel)

    def reap(self, lanes: Collection[OutboxLane]) -> None:
        """Take in what Kafka has answered; connect where there is no producer."""
        failed = False
        for lane in lanes:
            for parcels in lane.in_flight.values():
                while parcels and (future := parcels[0].future) is not None and future.is_done and future.exception is None:
                    self._has_arrived(lane, parcels.popleft())
                failed = failed or (bool(parcels) and parcels[0].future is not None and parcels[0].future.is_done)
        if not self._closed and (failed or self._producer is None):
            self._reconnect(lanes)

    async def close(self, seconds: float) -> None:
        """Wait for answers at most so long, then let go of the producer."""
        self._closed = True
        if self._connecting is not None:
            # A thread cannot be cancelled, and what it makes should not be left over.
            await asyncio.wait([self._connecting], timeout=seconds)
            if self._connecting.done() and not self._connecting.cancelled():
                self._producer = self._connecting.result()
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.to_thread(producer.close, timeout=seconds)

    def _has_arrived(self, lane: OutboxLane, parcel: Parcel) -> None:
        lane.remove(parcel)
        self._last_answer = time.monotonic()
        self._acknowledged(lane, parcel)

    def _future(self, topic: str, key: bytes, parcel: Parcel, partition: int) -> object:
        producer = self._producer
        if producer is None:
            return None
        try:
            return producer.send(topic, key=key, value=parcel.value, partition=partition)
        except (KafkaError, ValueError) as error:
            return _Failed(error)

    def _reconnect(self, lanes: Collection[OutboxLane]) -> None:
        if self._connecting is None:
            producer, self._producer = self._producer, None
            self._connecting = asyncio.create_task(self._connected(producer), name="kafka producer")
        elif self._connecting.done():
            self._producer, self._connecting = self._connecting.result(), None
            self._send_again(lanes)

    async def _connected(self, old: Producer | None) -> Producer:
        if old is not None:
            await asyncio.to_thread(old.close, timeout=0)
            await asyncio.sleep(_RETRY_SECONDS)
        while True:
            try:
                return await asyncio.to_thread(self._new_producer)
            except KafkaError:
                await asyncio.sleep(_RETRY_SECONDS)

    def _new_producer(self) -> Producer:
        producer = connected_producer(self.bootstrap_servers, self._partitions)
        for topic in self.topics_before:
            if topic not in self._partitions:
                with contextlib.suppress(KafkaTimeoutError):
                    self._partitions[topic] = len(producer.partitions_for(topic))
        return producer

    def _send_again(self, lanes: Collection[OutboxLane]) -> None:
        for lane in lanes:
            for (topic, partition), parcels in lane.in_flight.items():
                again: deque[Parcel] = deque()
                for parcel in parcels:
                    if not (parcel.future is not None and parcel.future.is_done):
                        again.append(parcel)
                    elif parcel.future.exception is None:
                        self._has_arrived(lane, parcel)
                    elif not isinstance(parcel.future.exception, _TOO_LARGE):
                        again.append(parcel)
                    elif len(parcel.messages) > 1:
                        again.extend(Parcel([message], len(message.value), parcel.segment) for message in parcel.messages)
                    else:
                        lane.remove(parcel)
                        self._refused(lane, parcel)
                for parcel in again:
                    parcel.future = self._future(topic, parcel.messages[0].key, parcel, partition)
                lane.in_flight[topic, partition] = again


class _Failed:
    """The answer where the client did not even take the message."""

    is_done = True

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception
