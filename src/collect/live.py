"""The exchanges' public websockets as a source of frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

from src.collect.arrival import Arrival, Unreadable
from src.collect.connection import Connection
from src.collect.exchange import Channel, Exchange, Frame, Pair
from src.collect.quotes import chosen_quote
from src.collect.source import FrameQueue, FrameSource
from src.collect.status import MarketStatus
from src.config import Settings
from src.errors import ConfigurationError
from src.schema.records import Source


class LiveSource(FrameSource):
    """Every exchange asked for, each by as many connections as its limits ask for. Troubles are noted in `markets`."""

    source = Source.LIVE

    def __init__(self, exchanges: Mapping[str, Exchange], channel: Channel, settings: Settings, markets: dict[str, MarketStatus]) -> None:
        self._queue = FrameQueue()
        self._markets = markets
        self._connections: list[tuple[str, Connection]] = []
        for name, exchange in exchanges.items():
            urls = _urls(exchange, channel, settings)
            pairs = pairs_of(exchange, settings)
            for first in range(0, len(pairs), exchange.pairs_per_connection):
                self._connect(name, exchange, channel, pairs[first : first + exchange.pairs_per_connection], urls)
        self._tasks = [asyncio.create_task(connection.run(), name=f"{name} socket") for name, connection in self._connections]
        for task in self._tasks:
            self._queue.watch(task)

    def _connect(self, name: str, exchange: Exchange, channel: Channel, pairs: Sequence[Pair], urls: Sequence[str]) -> None:
        status = self._markets[name]
        deliver = partial(self._deliver, name, len(self._connections))
        connection = Connection(exchange, channel, pairs, urls, deliver=deliver, note=partial(setattr, status, "note"))
        self._connections.append((name, connection))

    def _deliver(self, market: str, connection: int, message: str | bytes, received_time: int) -> None:
        frame = Frame(market, Source.LIVE, received_time, message)
        self._queue.put(Arrival(frame=frame, received_time=received_time, connection=connection))

    async def any_opened(self) -> None:
        """Return when the first socket has opened."""
        waiting = [asyncio.create_task(connection.opened.wait()) for _, connection in self._connections]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    def update_status(self, markets: dict[str, MarketStatus]) -> None:
        for name in {name for name, _ in self._connections}:
            mine = [connection for market, connection in self._connections if market == name]
            markets[name].connected = any(connection.is_open for connection in mine)
            markets[name].reconnects = sum(connection.lost for connection in mine)
        self._queue.note_dropped(markets)

    async def __aiter__(self) -> AsyncIterator[Arrival | Unreadable]:
        async for arrival in self._queue:
            yield arrival

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._queue.close()

    def saw_data(self, arrival: Arrival) -> None:
        if arrival.connection is not None:
            self._connections[arrival.connection][1].saw_data()


def pairs_of(exchange: Exchange, settings: Settings) -> list[Pair]:
    """What to subscribe to at an exchange: the symbols in the quote chosen for it, and the pair that gives its USD rate."""
    quote = chosen_quote(exchange, settings.quotes)
    pairs = [Pair(symbol, quote) for symbol in settings.symbols if symbol != quote]
    if exchange.rate_pair is not None and exchange.rate_pair not in pairs:
        pairs.append(exchange.rate_pair)
    return pairs


def _urls(exchange: Exchange, channel: Channel, settings: Settings) -> Sequence[str]:
    chosen = settings.exchange_urls.get(exchange.name)
    urls = (chosen,) if chosen else exchange.urls.get(channel, ())
    if not urls:
        raise ConfigurationError(f"{exchange.name} has no public {channel} channel; take it out of COINSPARK_MARKETS")
    for url in urls:
        if urlsplit(url).scheme not in {"ws", "wss"} or not urlsplit(url).hostname:
            raise ConfigurationError(f"COINSPARK_EXCHANGE_URLS: the address of {exchange.name} must be ws://host/path or wss://host/path")
    return urls
