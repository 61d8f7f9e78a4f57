"""A source whose arrivals a test writes down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence

from src.collect.arrival import Arrival, Need
from src.collect.source import Coming, FrameSource
from src.schema.records import Source


class Script(FrameSource):
    """A source that gives what it was given, then waits to be closed or ends."""

    source = Source.LIVE

    def __init__(self, coming: Sequence[Coming], *, ends: bool = True, fails: Exception | None = None) -> None:
        self.asked: list[Need] = []
        self.saw: list[set[tuple[str, str]]] = []
        self.given = asyncio.Event()
        self._coming = coming
        self._fails = fails
        self._closed = asyncio.Event()
        if ends:
            self._closed.set()

    async def __aiter__(self) -> AsyncIterator[Coming]:
        for one in self._coming:
            yield one
        self.given.set()
        if self._fails:
            raise self._fails
        await self._closed.wait()

    async def close(self) -> None:
        self._closed.set()

    def saw_data(self, arrival: Arrival, prices: Collection[tuple[str, str]]) -> None:
        del arrival
        self.saw.append(set(prices))

    def ask(self, need: Need) -> None:
        self.asked.append(need)
