"""Where frames come from: the one interface of live sockets, recordings and the simulator."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import AsyncIterator, Collection
from typing import ClassVar

from src.collect.arrival import Arrival, Happening, Need, Unanswered, Unreadable
from src.collect.status import MarketStatus
from src.schema.records import Source

QUEUE_LIMIT = 20_000

Coming = Arrival | Unreadable | Happening | Unanswered
"""What comes from a source."""


class FrameSource(ABC):
    """An asynchronous iterator of arrivals. `close` makes the iterator end after what has already arrived."""

    source: ClassVar[Source]

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[Coming]:
        """The arrivals in the order in which they are to be processed."""

    @abstractmethod
    async def close(self) -> None:
        """Take no more frames; a second call does nothing."""

    @property
    def left(self) -> int | None:
        """Frames still to come, where that is known."""
        return None

    @property
    def queued(self) -> int:
        """Frames that have come and were not taken yet."""
        return 0

    def update_status(self, markets: dict[str, MarketStatus]) -> None:  # noqa: B027  most sources have nothing to add
        """Write what only the source knows of each market: connections, frames it had to drop."""

    def saw_data(self, arrival: Arrival, prices: Collection[tuple[str, str]]) -> None:  # noqa: B027  only sockets care
        """The pipeline tells of which (symbol, quote) an arrival held market data, and not an acknowledgement or a heartbeat."""

    def saw_closing(self, arrival: Arrival) -> None:  # noqa: B027  only sockets care
        """The pipeline tells that in this arrival an exchange announced the end of the connection."""

    def ask(self, need: Need) -> None:  # noqa: B027  a recording holds what it holds
        """The pipeline lacks something; may be called again with the same need while it is not met.

        A live source sends the answer, or a new snapshot of the subscription, among its arrivals; trades that it cannot get are `Unanswered`.
        """


class FrameQueue:
    """A bounded queue between a source that cannot wait and the pipeline: when it is full the oldest message of a socket goes, and is counted."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self.dropped: Counter[tuple[str, int | None]] = Counter()
        """Frames that went, by market and number of the connection."""
        self._noted: Counter[str] = Counter()
        self._limit = limit
        self._coming: deque[Coming] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self._failure: BaseException | None = None

    def __len__(self) -> int:
        return len(self._coming)

    def put(self, coming: Coming) -> bool:
        """Append what came; never blocks. False: the queue is half full, and who can wait before it brings more should.

        After `close` nothing is taken any more.
        """
        if self._closed:
            return True
        if len(self._coming) >= self._limit:
            self._drop_oldest()
        self._coming.append(coming)
        self._changed.set()
        return len(self._coming) < self._limit // 2

    def note_dropped(self, markets: dict[str, MarketStatus]) -> None:
        """Say in the status how many frames went, where more have gone: what went wrong since stays to be read."""
        by_market: Counter[str] = Counter()
        for (market, _), count in self.dropped.items():
            by_market[market] += count
        for market, count in (by_market - self._noted).items():
            self._noted[market] += count
            markets[market].note = f"{self._noted[market]} frames dropped: they came faster than they could be processed"

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

    def _drop_oldest(self) -> None:
        # What happened to a connection, and answers that were asked for, are few and come once.
        for place, coming in enumerate(self._coming):
            if isinstance(coming, Arrival) and coming.frame.url is None:
                del self._coming[place]
                self.dropped[coming.frame.market, coming.connection] += 1
                return

    async def __aiter__(self) -> AsyncIterator[Coming]:
        while True:
            while self._coming:
                yield self._coming.popleft()
            if self._failure is not None:
                raise self._failure
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()
