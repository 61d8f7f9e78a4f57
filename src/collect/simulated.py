"""The market simulator, paced by the wall clock, as a source of frames."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from src.collect.arrival import Arrival, Need, Unanswered
from src.collect.parsed import Channel
from src.collect.simulator import MarketSimulator
from src.collect.source import Coming, FrameQueue, FrameSource
from src.collect.status import MarketStatus
from src.schema.records import Source


class SimulatedSource(FrameSource):
    """Hands each frame out when its received time has come."""

    source = Source.SIMULATED

    def __init__(self, simulator: MarketSimulator) -> None:
        self._simulator = simulator
        self._queue = FrameQueue()
        self._task = asyncio.create_task(self._pace(), name="simulator")
        self._queue.watch(self._task)

    async def _pace(self) -> None:
        for frame in self._simulator:
            # Also a frame that is overdue, after the machine slept, leaves a turn to the others.
            await asyncio.sleep(max(0.0, frame.received_time / 1000 - time.time()))
            self._queue.put(Arrival(frame=frame, received_time=frame.received_time))

    async def __aiter__(self) -> AsyncIterator[Coming]:
        async for arrival in self._queue:
            yield arrival

    def ask(self, need: Need) -> None:
        if need.channel is Channel.ORDERBOOK:
            self._simulator.ask(need.market, need.pair)
        elif need.channel is Channel.TRADE:
            self._queue.put(Unanswered(need=need, received_time=time.time_ns() // 1_000_000, reason="the simulator keeps no past trades"))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._queue.close()

    def update_status(self, markets: dict[str, MarketStatus]) -> None:
        self._queue.note_dropped(markets)
