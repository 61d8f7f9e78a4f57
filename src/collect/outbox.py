"""Records to Kafka without making anybody wait: what Kafka does not take now waits in memory for a moment, then on disk."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from src.collect.message import Message
from src.collect.outbox_lane import OutboxLane, Parcel, parcels_of
from src.collect.spool import Lane, Spool
from src.collect.spool_segment import Origin
from src.collect.transport import Transport

MEGABYTE = 1024 * 1024
MESSAGE_LIMIT = 900_000
"""Bytes of one record; Kafka refuses a message of 1 MB. No exchange sends a tenth of it."""
_ROUND_SECONDS = 0.01
_ROUND_RECORDS = 10_000
_BEHIND_RECORDS = 5_000
"""So many in memory are sent, or put on disk, at once."""
_OVERFLOW_RECORDS = 10_000
_OVERFLOW_BYTES = 8 * MEGABYTE
"""In memory when the disk takes nothing either; then the oldest are dropped, quotes first."""
_SILENCE_SECONDS = 1.0
_TROUBLE_SECONDS = 5.0
_TELL_SECONDS = 1.0
_QUOTES = frozenset({"ticker", "orderbook"})


class Outbox:
    """What a live collector puts its messages into. Order is kept for each key; each record reaches Kafka once, after a crash at least once.

    Every 10 ms what has come goes to Kafka, the records of one key as one array. While Kafka is slow or down they go to files under `folder`, at
    most `spool_megabytes` (MiB), and from there to Kafka when it takes them again, also after a restart. `on_dropped(market, channel, count)` is
    called at most once a second with what had to be given up; it may put messages itself. Counts are of records, not of arrays.
    """

    def __init__(
        self, bootstrap_servers: str, partitions: Mapping[str, int], folder: Path, spool_megabytes: int, on_dropped: Callable[[str, str, int], None]
    ) -> None:
        self.sent = 0
        """Acknowledged by Kafka."""
        self.dropped: Counter[Origin] = Counter()
        """Given up for want of room, by market and channel."""
        self._on_dropped = on_dropped
        self._untold: Counter[Origin] = Counter()
        self._told_at = -_TELL_SECONDS
        self._spool = Spool(folder, spool_megabytes * MEGABYTE, self._drop)
        self._transport = Transport(bootstrap_servers, partitions, self._acknowledged, self._drop_parcel)
        self._lanes = {lane: OutboxLane(lane) for lane in Lane}
        self._trades, self._quotes = self._lanes[Lane.TRADES], self._lanes[Lane.QUOTES]
        self._task: asyncio.Task[None] | None = None
        self._in_round = False
        self._closed = False

    @property
    def waiting(self) -> int:
        """Records in memory: not given to Kafka yet, or not acknowledged."""
        return sum(len(lane.waiting) + lane.in_flight_records for lane in self._lanes.values())

    @property
    def spooled(self) -> int:
        """Records on disk; some of them may be on their way to Kafka, and then in memory too."""
        return self._spool.records

    @property
    def spooled_bytes(self) -> int:
        """Size of the files on disk."""
        return self._spool.size

    @property
    def is_behind(self) -> bool:
        """Kafka takes what it gets, but not as fast as it comes: whoever can wait a moment before putting more should."""
        lanes = self._lanes.values()
        return any(len(lane.waiting) >= _BEHIND_RECORDS for lane in lanes) and self._transport.silence(lanes) < _SILENCE_SECONDS

    @property
    def trouble(self) -> str:
        """One line when Kafka takes nothing or the disk fails, else empty."""
        silence = self._transport.silence(self._lanes.values())
        kafka = ""
        if silence >= _TROUBLE_SECONDS:
            kafka = (
                f"Kafka at {self._transport.bootstrap_servers} has taken nothing for {silence:.0f} s: "
                f"{self.waiting} records wait in memory, {self.spooled} on disk ({self.spooled_bytes / MEGABYTE:.1f} MiB)"
            )
        return "; ".join(filter(None, (kafka, self._spool.trouble)))

    def put(self, message: Message) -> None:
        """Take a message. Never waits for Kafka."""
        if self._closed or len(message.value) > MESSAGE_LIMIT:
            self._drop(Counter({(message.market, message.channel): 1}))
            return
        lane = self._quotes if message.channel in _QUOTES else self._trades
        lane.put(message)
        if len(lane.waiting) % _ROUND_RECORDS == 0 and self._task is not None and not self._in_round:
            self._round()

    async def open(self) -> None:
        """Find what an earlier process left on disk, and begin to send; Kafka need not be there yet."""
        self._transport.topics_before = await asyncio.to_thread(self._spool.load)
        self._task = asyncio.create_task(self._run(), name="outbox")

    def watch(self) -> asyncio.Task[None]:
        """The task that sends, once open. It ends before `close` only by a failure, which its owner must see: nothing is sent any more."""
        if self._task is None:
            raise RuntimeError("the outbox is not open")
        return self._task

    def unread_trades(self) -> Iterator[tuple[str, bytes]]:
        """Topic and value of the trades that `open` found on disk, oldest first, the newest 20,000 at most. They may not be on Kafka yet.

        Gives them once.
        """
        trades, self._spool.trades_before = self._spool.trades_before, []
        return iter(trades)

    async def flush(self, seconds: float) -> bool:
        """Wait until Kafka has acknowledged everything. True also when the rest is safely on disk.

        It is put there after `seconds`, or as soon as Kafka has taken nothing for a second.
        """
        deadline = time.monotonic() + seconds
        while self.waiting or self.spooled:
            if time.monotonic() >= deadline:
                return self._put_on_disk()
            is_stuck = self._transport.silence(self._lanes.values()) > _SILENCE_SECONDS or (self._task is not None and self._task.done())
            if is_stuck and self._put_on_disk():
                return True
            await asyncio.sleep(_ROUND_SECONDS)
        return True

    async def close(self, seconds: float) -> None:
        """Put what is not acknowledged on disk, for the next start, and give Kafka so many seconds for what is under way."""
        if self._task is None:
            self._closed = True
            self._drop(Counter((message.market, message.channel) for lane in self._lanes.values() for message in lane.take(len(lane.waiting))))
            return
        self._task.cancel()
        (ended,) = await asyncio.gather(self._task, return_exceptions=True)
        self._tell_dropped(at_once=True)
        self._closed = True
        for lane in self._lanes.values():
            lane.disk_failed_at = None
        if isinstance(ended, asyncio.CancelledError):  # A round that failed would fail again, and keep the rest from the disk.
            self._round()
        self._put_on_disk()
        await self._transport.close(seconds)
        self._transport.reap(self._lanes.values())
        for lane in self._lanes.values():
            kept = self._spool.keep(lane.lane, lane.under_way())
            for parcel in lane.parcels():
                parcel.segment = kept or parcel.segment
            for parcel in lane.parcels():
                if not parcel.is_on_disk:
                    self._drop(Counter((message.market, message.channel) for message in parcel.messages))
            self._drop(Counter((message.market, message.channel) for message in lane.take(len(lane.waiting))))
            lane.clear()
        self._spool.close()
        self._tell_dropped(at_once=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_ROUND_SECONDS)
            self._round()
            self._tell_dropped()

    def _round(self) -> None:
        self._in_round = True
        try:
            self._transport.reap(self._lanes.values())
            silent = self._transport.silence(self._lanes.values()) > _SILENCE_SECONDS
            for lane in self._lanes.values():
                if not silent:
                    self._send_spooled(lane)
                    self._send_waiting(lane)
                if lane.waiting and (silent or self._spool.has_unread(lane.lane) or len(lane.waiting) >= _ROUND_RECORDS):
                    lane.spool_waiting(self._spool)
                if silent:
                    lane.keep(self._spool)
            self._limit_memory()
        finally:
            self._in_round = False

    def _send_spooled(self, lane: OutboxLane) -> None:
        if not self._transport.is_open or not lane.has_room:
            return
        found = self._spool.read(lane.lane)
        if found is None:
            return
        segment, messages = found
        for parcel in parcels_of(messages, segment):
            self._transport.send(lane, parcel)

    def _send_waiting(self, lane: OutboxLane) -> None:
        while lane.waiting and self._transport.is_open and lane.has_room and not self._spool.has_unread(lane.lane):
            for parcel in parcels_of(lane.take(_ROUND_RECORDS)):
                self._transport.send(lane, parcel)

    def _put_on_disk(self) -> bool:
        safe = True
        for lane in self._lanes.values():
            lane.spool_waiting(self._spool)
            safe = lane.keep(self._spool) and not lane.waiting and safe
        return safe

    def _limit_memory(self) -> None:
        for lane in (self._quotes, self._trades):
            while lane.waiting and self._is_over():
                self._drop(Counter((message.market, message.channel) for message in lane.take(max(1, len(lane.waiting) // 10))))

    def _is_over(self) -> bool:
        lanes = self._lanes.values()
        return sum(len(lane.waiting) for lane in lanes) > _OVERFLOW_RECORDS or sum(lane.waiting_bytes for lane in lanes) > _OVERFLOW_BYTES

    def _acknowledged(self, lane: OutboxLane, parcel: Parcel) -> None:
        self.sent += len(parcel.messages)
        if parcel.segment is not None and not parcel.segment.deleted:
            self._spool.acknowledged(lane.lane, parcel.segment, len(parcel.messages))

    def _drop_parcel(self, lane: OutboxLane, parcel: Parcel) -> None:
        if parcel.segment is not None and not parcel.segment.deleted:
            self._spool.acknowledged(lane.lane, parcel.segment, len(parcel.messages))
        self._drop(Counter((message.market, message.channel) for message in parcel.messages))

    def _drop(self, lost: Mapping[Origin, int]) -> None:
        self.dropped.update(lost)
        self._untold.update(lost)

    def _tell_dropped(self, *, at_once: bool = False) -> None:
        if not self._untold or (not at_once and time.monotonic() < self._told_at + _TELL_SECONDS):
            return
        untold, self._untold, self._told_at = self._untold, Counter(), time.monotonic()
        for (market, channel), count in untold.items():
            self._on_dropped(market, channel, count)
