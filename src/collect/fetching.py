"""Gets by REST what the pipeline needs: snapshots of books, and trades that are missing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from src.collect.arrival import Arrival, Need, Unanswered
from src.collect.exchange import Exchange
from src.collect.pace import growing_pause
from src.collect.parsed import Channel, Frame, Pair
from src.collect.rest import RestClient
from src.collect.source import Coming
from src.errors import ConfigurationError, TransientError

TRIES = 3
"""How often missing trades are asked for before they are given up."""
_Key = tuple[str, Channel, str, str]


class Fetching:
    """One request at a time for each pair. `put` gets the answers, `note` the market and a trouble, `watch` every task that is started."""

    def __init__(
        self,
        client: RestClient,
        put: Callable[[Coming], object],
        note: Callable[[str, str], None],
        watch: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._client = client
        self._put = put
        self._note = note
        self._watch = watch
        self._running: dict[_Key, asyncio.Task[None]] = {}
        self._next: dict[_Key, Callable[[], None]] = {}
        self._closed = False

    def fetch_book(self, exchange: Exchange, pair: Pair) -> None:
        """Ask for a snapshot until there is one. Nothing is done while one is being asked for."""
        path = exchange.book_path(pair)
        key = (exchange.name, Channel.ORDERBOOK, pair.symbol, pair.quote)
        if path is None or self._client.is_off(exchange):
            self._note(exchange.name, "order books need a snapshot by REST, which cannot be asked for (COINSPARK_REST_URLS)")
        elif key not in self._running:
            self._start(key, self._until_answered(exchange, path))

    def fetch_trades(self, exchange: Exchange, need: Need, pair: Pair) -> None:
        """Ask for the trades after `need.after`; where there is no answer, `Unanswered` says so.

        While they are being asked for, the same pair waits: what was lost since the request left is not in its answer.
        """
        path = exchange.trades_path(pair, need.after)
        key = (exchange.name, Channel.TRADE, pair.symbol, pair.quote)
        if path is None or self._client.is_off(exchange):
            self._give_up(need, "the exchange cannot be asked for past trades")
        elif key in self._running:
            self._next[key] = lambda: self.fetch_trades(exchange, need, pair)
        else:
            self._start(key, self._some_tries(exchange, path, need))

    async def close(self) -> None:
        """Ask for nothing any more, whatever is wanted later."""
        self._closed = True
        self._next.clear()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: _Key, work: Coroutine[Any, Any, None]) -> None:
        if self._closed:
            work.close()
            return
        task = self._running[key] = asyncio.create_task(work, name=f"REST {':'.join(key)}")
        task.add_done_callback(lambda _: self._ended(key))
        self._watch(task)

    def _ended(self, key: _Key) -> None:
        del self._running[key]
        waiting = self._next.pop(key, None)
        if waiting is not None:
            waiting()

    async def _until_answered(self, exchange: Exchange, path: str) -> None:
        failures = 0
        while not await self._answered(exchange, path):
            failures += 1
            await asyncio.sleep(growing_pause(failures, longest=60.0))

    async def _some_tries(self, exchange: Exchange, path: str, need: Need) -> None:
        for tried in range(1, TRIES + 1):
            if await self._answered(exchange, path):
                return
            if tried < TRIES:
                await asyncio.sleep(growing_pause(tried))
        self._give_up(need, f"the exchange did not answer {TRIES} times")

    async def _answered(self, exchange: Exchange, path: str) -> bool:
        try:
            frame: Frame = await self._client.get(exchange, path)
        except (TransientError, ConfigurationError) as error:
            self._note(exchange.name, str(error))
            return False
        self._put(Arrival(frame=frame, received_time=frame.received_time))
        return True

    def _give_up(self, need: Need, reason: str) -> None:
        self._put(Unanswered(need=need, received_time=time.time_ns() // 1_000_000, reason=reason))
