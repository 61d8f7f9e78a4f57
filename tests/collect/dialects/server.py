"""A whole exchange on 127.0.0.1: websocket and REST on one port, in the dialect of any venue, with faults on demand and the truth kept beside.

pair = Pair("BTC", "USDT")
async with LocalExchange(dialects()["okx"], [pair], seed=1, faults=Faults(book_gap=0.01)) as venue:
    ...a client connects to venue.url and asks venue.http_url...
    await venue.step(1000)
    await venue.quiet()
    ...and its book is venue.book(pair), its trades are venue.trades[pair], and what it says was lost is in venue.injected
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from src.collect.parsed import Pair
from src.schema.records import Level, Trade
from tests.collect.dialects.client_socket import ClientSocket, HeardConnection
from tests.collect.dialects.dialect import Dialect
from tests.collect.dialects.faults import FaultKind, Faults, Injected, Injector, now
from tests.collect.dialects.feed import Feed
from tests.collect.dialects.market import MadeUpMarket
from tests.collect.dialects.rest import RestSide, response

_GOING_AWAY = 1001
_LONGEST_PAUSE = 0.05


class LocalExchange:
    """One venue that runs while its context is open. Everything is drawn from `seed`, but for the time."""

    def __init__(
        self,
        dialect: Dialect,
        pairs: Sequence[Pair],
        *,
        seed: int = 0,
        rate: float = 0.0,
        faults: Faults | None = None,
        halted: Sequence[Pair] = (),
        port: int = 0,
    ) -> None:
        """`rate` is messages a second of each pair and channel; with 0 the market moves by `step` only. `halted` are listed and not traded.

        It listens at a free port unless one is given, and not before its context is entered.
        """
        self.faults = faults or Faults()
        exchange = dialect.exchange
        self._dialect = dialect
        self._rate = rate
        self._wanted_port = port
        self._injector = Injector(seed)
        checksums = self.faults.spoiled_checksum > 0
        self.markets = {pair: MadeUpMarket(exchange, pair, seed=seed, clock=now, trade_id=dialect.trade_id, checksums=checksums) for pair in pairs}
        self._feed = Feed(exchange, self.markets, self.faults, self._injector)
        self._rest = RestSide(dialect, self.markets, halted, self.faults, self._injector, self._feed.gave_snapshot)
        self._upgrades = 0
        self._happened = asyncio.Event()
        self._moving: asyncio.Task[None] | None = None
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """On 127.0.0.1, while it is open."""
        if self._server is None:
            raise ValueError("the exchange is not open")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Of the websocket; any path after it will do."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http_url(self) -> str:
        """The base address of the REST interface."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def trades(self) -> Mapping[Pair, Sequence[Trade]]:
        """Every trade that happened, sent or not, in order."""
        return {pair: market.trades for pair, market in self.markets.items()}

    @property
    def injected(self) -> Sequence[Injected]:
        """Every fault that was done and that a client can see, in order."""
        return self._injector.done

    @property
    def healed(self) -> Sequence[Injected]:
        """Faults that a snapshot followed before what shows them: a client may have noticed or not."""
        return self._injector.healed

    @property
    def asked(self) -> Sequence[str]:
        """The paths of all REST requests so far."""
        return self._rest.paths

    @property
    def sockets(self) -> Sequence[ClientSocket]:
        """Those that are open, oldest first."""
        return self._feed.sockets

    def book(self, pair: Pair) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The true bids and asks now, best first, as deep as the venue shows them."""
        return self.markets[pair].book()

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self._wanted_port,
            process_request=self._process_request,
            create_connection=HeardConnection,
            compression=None,
            ping_interval=None,
            open_timeout=None,
            close_timeout=1,
        )
        if self._rate > 0:
            self._moving = asyncio.create_task(self._move(), name="local exchange")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stop()
        for socket in self.sockets:
            if socket.is_half_open:
                socket.abort()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def step(self, count: int = 1) -> None:
        """So many times, one trade, one message of the book and one ticker of every pair; clients get a turn after each."""
        for _ in range(count):
            self._feed.step()
            self._happened.set()
            await asyncio.sleep(0)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when it holds; it is looked at whenever a client opened a socket, said something or left, and after each step."""
        while not holds():
            self._happened.clear()
            await self._happened.wait()

    async def quiet(self) -> None:
        """Make no more market data, after one last trade and message of each book by which whatever was lost before can be noticed."""
        await self._stop()
        self._feed.end()

    async def _stop(self) -> None:
        if self._moving is not None:
            self._moving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._moving
            self._moving = None

    async def _move(self) -> None:
        loop = asyncio.get_running_loop()
        start, done = loop.time(), 0
        while True:
            await asyncio.sleep(min(_LONGEST_PAUSE, 1 / self._rate))
            due = int((loop.time() - start) * self._rate)
            await self.step(due - done)
            done = due

    async def _process_request(self, _connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await self._rest.answer(request)
        self._upgrades += 1
        if self._upgrades > self.faults.refused_upgrades:
            return None
        self._injector.add(FaultKind.REFUSED_UPGRADE)
        return response(HTTPStatus(self.faults.refusal_status), b"refused\n")

    async def _serve(self, connection: ServerConnection) -> None:
        socket = ClientSocket(cast("HeardConnection", connection))
        self._feed.sockets.append(socket)
        self._happened.set()
        try:
            for greeting in self._dialect.greeting():
                socket.say(greeting)
            with contextlib.suppress(ConnectionClosed):
                kind = await self._converse(socket)
                if socket.is_half_open:
                    await connection.wait_closed()
                elif kind is not None:
                    self._injector.add(kind)
            await connection.close(_GOING_AWAY)
        finally:
            self._feed.sockets.remove(socket)
            self._happened.set()

    async def _converse(self, socket: ClientSocket) -> FaultKind | None:
        """Hear and answer until either side ends it; why this side did, if that was a fault."""
        async with _limited(self.faults.connection_seconds) as life, _limited(self.faults.idle_seconds) as idle:
            seconds, clock = self.faults.idle_seconds, asyncio.get_running_loop().time
            if seconds is not None:
                socket.connection.heard = lambda: None if idle.expired() else idle.reschedule(clock() + seconds)
            async for message in socket.connection:
                if not socket.is_half_open and not self._answer(socket, message.decode() if isinstance(message, bytes) else message):
                    break
        if idle.expired():
            return FaultKind.IDLE_CLOSE
        return FaultKind.CUT if life.expired() else None

    def _answer(self, socket: ClientSocket, message: str) -> bool:
        """Whether the socket goes on."""
        answer = self._dialect.answer(message)
        if answer.replaces:
            socket.subscriptions.clear()
        socket.subscriptions.difference_update(answer.unsubscribed)
        for reply in answer.replies:
            socket.say(reply)
        for channel, pair in answer.subscribed:
            self._feed.subscribe(socket, channel, pair)
        self._happened.set()
        return not answer.closes


@contextlib.asynccontextmanager
async def _limited(seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
    """A time limit that ends what is within it without an error."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds) as limit:
            yield limit
