"""A plain client of a local exchange: the least that can follow one channel. It shows what the server does, apart from the product's collector."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from src.collect.book import Book, Fault, Outcome
from src.collect.exchange import Exchange, Parsed
from src.collect.parsed import BookUpdate, Channel, Control, Frame, Pair
from src.schema.records import Source, Trade
from tests.collect.dialects.server import LocalExchange

_PATIENCE = 20.0
_RECEIVED = 1_700_000_000_000


class Client:
    """Subscribes when its context is entered, reads until it is left, and gets a broken book anew."""

    def __init__(self, venue: LocalExchange, exchange: Exchange, channel: Channel, pairs: Sequence[Pair]) -> None:
        self.said: list[Parsed] = []
        """Everything that came, in order, but for controls."""
        self.controls: list[Control] = []
        self.messages: list[str | bytes] = []
        self.faults: list[Fault] = []
        """Of each time that a book broke."""
        self.books = {pair: Book(exchange.book_rule) for pair in pairs}
        self.closed: ConnectionClosed | None = None
        self._venue = venue
        self._exchange = exchange
        self._channel = channel
        self._pairs = pairs
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self.socket: ClientConnection = await connect(self._venue.url, ping_interval=None, close_timeout=1)
        self._reading = asyncio.create_task(self._read())
        for request in self._exchange.subscribe(self._channel, self._pairs):
            await self.socket.send(request)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        if self._venue.sockets and self._venue.sockets[0].is_half_open:
            self.socket.transport.abort()
        await self.socket.close()

    @property
    def trades(self) -> list[Trade]:
        """All that came, doubles too."""
        return [record for record in self.said if isinstance(record, Trade)]

    @property
    def updates(self) -> list[BookUpdate]:
        """All messages about books that came on the socket."""
        return [record for record in self.said if isinstance(record, BookUpdate)]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when it holds; it is looked at after each message."""
        async with asyncio.timeout(_PATIENCE), self._changed:
            await self._changed.wait_for(lambda: self._failed() or holds())

    async def renew(self, pair: Pair) -> None:
        """Ask the exchange to begin the pair anew."""
        for request in self._exchange.renew(self._channel, pair, self._pairs):
            await self.socket.send(request)

    async def get(self, path: str) -> Sequence[Parsed]:
        """What a REST answer holds. Raises for any status but 200."""
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.get(self._venue.http_url + path)
        response.raise_for_status()
        return self._parsed(response.content, self._venue.http_url + path)

    def _failed(self) -> bool:
        if self._reading.done() and not self._reading.cancelled():
            self._reading.result()
        return False

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                self.messages.append(message)
                for parsed in self._parsed(message):
                    if isinstance(parsed, Control):
                        self.controls.append(parsed)
                        continue
                    self.said.append(parsed)
                    if isinstance(parsed, BookUpdate):
                        await self._take(parsed)
                await self._notify()
        except ConnectionClosed as error:
            self.closed = error
        finally:
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _take(self, update: BookUpdate) -> None:
        pair = Pair(update.symbol, update.quote)
        outcome = self.books[pair].apply(update)
        if outcome is Outcome.BROKEN:
            fault = self.books[pair].fault
            assert fault is not None
            self.faults.append(fault)
            if not self._exchange.book_rule.rest_snapshot:
                await self.renew(pair)
        if self._exchange.book_rule.rest_snapshot and outcome in (Outcome.BROKEN, Outcome.WAITING):
            path = self._exchange.book_path(pair)
            assert path is not None
            for snapshot in await self.get(path):
                assert isinstance(snapshot, BookUpdate)
                self.books[pair].apply(snapshot)

    def _parsed(self, message: str | bytes, url: str | None = None) -> Sequence[Parsed]:
        return self._exchange.parse(Frame(self._exchange.name, Source.LIVE, _RECEIVED, message, url))
