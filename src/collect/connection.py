"""One socket to one exchange, from its opening to its end: subscribe, keep alive, read."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from src.collect.exchange import Exchange, RateLimit
from src.collect.pace import Budget, Pacer
from src.collect.parsed import Channel, Pair

RENEWAL_REQUESTS = RateLimit(400, 3600.0)
"""Text frames of renewals by one connection. OKX ends one that sends over 480 in an hour, its first subscription among them."""
_SOONEST, _LATEST = 0.90, 0.95
_AT_LEAST_SECONDS = 5.0
_SLOW_SECONDS = 0.01


class Connection:
    """An open socket.

    `deliver` gets it, every message and the time it came (ms since 1970 UTC), and says whether there is room for more; `subscribed` is called
    when all requests were sent.

    It reads in a task of its own, `reading`, which ends with the socket; `reason` says then why. Everything it sends keeps to the venue's limit.
    """

    def __init__(
        self,
        socket: ClientConnection,
        number: int,
        exchange: Exchange,
        channel: Channel,
        pairs: Sequence[Pair],
        *,
        deliver: Callable[[Connection, str | bytes, int], bool],
        subscribed: Callable[[], None],
    ) -> None:
        self.number = number
        self.reason = ""
        self.change_at = _change_time(exchange)
        """When another one is to take its place, seconds of the event loop's clock; None: never."""
        self.closing = asyncio.Event()
        """Set when another one is to take its place soon: the exchange has announced that it will end it, or it has renewed too much."""
        self.subscribed = asyncio.Event()
        self._socket = socket
        self._exchange = exchange
        self._deliver = deliver
        self._pacer = Pacer(exchange.requests)
        self._renewals = Budget(RENEWAL_REQUESTS)
        self._outgoing: asyncio.Queue[tuple[str, Callable[[], None] | None]] = asyncio.Queue()

        def all_sent() -> None:
            self.subscribed.set()
            subscribed()

        self.send(exchange.subscribe(channel, pairs), all_sent)
        self.reading = asyncio.create_task(self._read(), name=f"{exchange.name} {channel} socket {number}")

    def send(self, requests: Sequence[str], then: Callable[[], None] | None = None) -> None:
        """Send text frames as soon as the limit allows, after those that wait already; `then` is called when the last one has gone."""
        for index, request in enumerate(requests, 1):
            self._outgoing.put_nowait((request, then if index == len(requests) else None))

    def renew(self, requests: Sequence[str], then: Callable[[], None] | None = None) -> bool:
        """`send` what begins pairs anew. False: it has sent too many of these; the connection that takes its place begins every pair anew."""
        if self._renewals.spend(len(requests), asyncio.get_running_loop().time()):
            self.send(requests, then)
            return True
        self.closing.set()
        return False

    def give_up(self, reason: str) -> None:
        """End it at once, without waiting for an answer from the other end, which may be gone."""
        self.reason = self.reason or reason
        self._socket.transport.abort()

    async def close(self) -> None:
        """Say goodbye, and end the reading after what has come."""
        await self._socket.close()
        await asyncio.gather(self.reading, return_exceptions=True)

    async def _read(self) -> None:
        beside = [asyncio.create_task(self._send_outgoing()), asyncio.create_task(self._keep_alive())]
        receive, deliver = self._socket.recv, self._deliver
        try:
            while True:
                message = await receive()
                if not deliver(self, message, time.time_ns() // 1_000_000):
                    # What is not read fills the network's buffers first: they hold a burst without losing any of it.
                    await asyncio.sleep(_SLOW_SECONDS)
        except ConnectionClosed as error:
            self.reason = self.reason or f"connection closed: {error}"
        finally:
            for task in beside:
                task.cancel()
            ended = await asyncio.gather(*beside, return_exceptions=True)
        for failure in ended:
            if isinstance(failure, Exception):
                raise failure

    async def _send_outgoing(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                request, then = await self._outgoing.get()
                await self._pacer.turn()
                await self._socket.send(request)
                if then is not None:
                    then()

    async def _keep_alive(self) -> None:
        beat = self._exchange.keep_alive
        with contextlib.suppress(ConnectionClosed):
            while beat is not None:
                await asyncio.sleep(beat.every_seconds)
                if beat.message is None:
                    await self._socket.ping()
                else:
                    self.send((beat.message,))


def _change_time(exchange: Exchange) -> float | None:
    """A while before the exchange ends the connection, not the same for all that were opened together."""
    seconds = exchange.connection_seconds
    if seconds is None:
        return None
    age = min(seconds * random.uniform(_SOONEST, _LATEST), max(seconds - _AT_LEAST_SECONDS, seconds / 2))  # noqa: S311  nothing secret
    return asyncio.get_running_loop().time() + age
