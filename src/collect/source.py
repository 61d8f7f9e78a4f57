"""Where frames come from: the one interface of live sockets, recordings and the simulator."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import AsyncIterator
from typing import ClassVar

from src.collect.arrival import Arrival, Unreadable
from src.collect.status import MarketStatus
from src.schema.records import Source

QUEUE_LIMIT = 20_000


class FrameSource(ABC):
    """An asynchronous iterator of arrivals. `close` makes the iterator end after what has already arrived."""

    source: ClassVar[Source]

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[Arrival | Unreadable]:
        """The arrivals in the order in which they are to be processed."""

    @abstractmethod
    async def close(self) -> None:
        """Take no more frames; a second call does nothing."""

    @property
    def left(self) -> int | None:
        """Frames still to come, where that is known."""
        return None

    def update_status(self, markets: dict[str, MarketStatus]) -> None:  # noqa: B027  most sources have nothing to add
        """Write what only the source knows of each market: connections, frames it had to drop."""

    def saw_data(self, arrival: Arrival) -> None:  # noqa: B027  only sockets care
        """The pipeline tells that an arrival held market data (and not an acknowledgement or a heartbeat)."""


class FrameQueue:
    """A bounded queue between a source that cannot wait and Kafka: when it is full the oldest frame goes, and is counted."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self.dropped: Counter[str] = Counter()
        self._limit = limit
        self._arrivals: deque[Arrival] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self._failure: BaseException | None = None

    def put(self, arrival: Arrival) -> None:
        """Append an arrival; never blocks. After `close` it is not taken any more."""
        if self._closed:
            return
        if len(self._arrivals) >= self._limit:
            self.dropped[self._arrivals.popleft().frame.market] += 1
        self._arrivals.append(arrival)
        self._changed.set()

    def note_dropped(self, markets: dict[str, MarketStatus]) -> None:
        """Say in the status how many frames went."""
        for market, count in self.dropped.items():
            markets[market].note = f"{count} frames dropped: Kafka did not take the records in time"

    def close(self) -> None:
        """Let the iterator end when the queue is empty."""
        self._closed = True
        self._changed.set()

    def watch(self, task: asyncio.Task[None]) -> None:
        """When the task that fills the queue fails, its error comes out of the iterator; it is never lost."""
        task.add_done_callback(self._filled)

    def _filled(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failure = failure
            self.close()

    async def __aiter__(self) -> AsyncIterator[Arrival]:
        while True:
            while self._arrivals:
                yield self._arrivals.popleft()
            if self._failure is not None:
                raise self._failure
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()
