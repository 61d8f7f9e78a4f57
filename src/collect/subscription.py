"""One channel of one market for a number of pairs, kept by one socket after another: reconnect, change before the cut, watch for silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from websockets.asyncio.client import ClientConnection

from src.collect.arrival import Arrival, Happening
from src.collect.attempts import Attempts
from src.collect.connection import Connection
from src.collect.exchange import Exchange
from src.collect.handover import Handover
from src.collect.opening import CannotOpen, open_socket, shown
from src.collect.pace import Pacer, Repeats
from src.collect.parsed import Channel, Frame, Pair
from src.collect.source import Coming
from src.collect.watchdog import Watchdog
from src.schema.records import EventKind, Source

HANDOVER_SECONDS = 10.0
"""How long after its subscription a new connection may stay without data of some pair before it takes the place of the old one all the same."""
_RENEW_SECONDS, _LONGEST_RENEW_SECONDS = 5.0, 60.0


class Subscription:
    """`run` goes on until cancelled. `put` gets frames and happenings in their order, `note` each trouble in one line.

    `numbers` number its sockets. `connects` paces all new connections to the exchange; `patience` is how long a pair may be silent, seconds.
    """

    def __init__(
        self,
        exchange: Exchange,
        channel: Channel,
        pairs: Sequence[Pair],
        urls: Sequence[str],
        *,
        numbers: Iterator[int],
        connects: Pacer,
        proxy: str | None,
        patience: float,
        put: Callable[[Coming], bool],
        note: Callable[[str], None],
        opened: Callable[[], None],
    ) -> None:
        self.exchange = exchange
        self.channel = channel
        self.pairs = tuple(pairs)
        self.lost = 0
        """How often an open socket was lost."""
        self._attempts = Attempts(urls)
        self._numbers = numbers
        self._connects = connects
        self._proxy = proxy
        self._put = put
        self._note = note
        self._told_opened = opened
        self._watchdog = Watchdog(pairs, patience)
        self._renewals = Repeats(_RENEW_SECONDS, _LONGEST_RENEW_SECONDS)
        self._open: set[Connection] = set()
        self._current: Connection | None = None
        self._handover: Handover | None = None
        self._silent: set[Pair] = set()
        """Pairs that the next connection subscribes to again, as this one may not."""

    @property
    def is_open(self) -> bool:
        """Whether a socket is open now."""
        return bool(self._open)

    async def run(self) -> None:
        """Connect, read, and connect again."""
        try:
            current = await self._connect()
            while True:
                self._current = current
                if await self._until_change(current):
                    current = await self._change(current)
                else:
                    self._was_lost(current, self.pairs)
                    current = await self._connect()
        finally:
            await asyncio.gather(*(connection.close() for connection in self._open), return_exceptions=True)

    def saw_data(self, prices: Iterable[tuple[str, str]]) -> None:
        """Market data of these (symbol, quote) came."""
        self._attempts.saw_data()
        self._watchdog.saw(prices, asyncio.get_running_loop().time())

    def saw_closing(self, number: int) -> None:
        """The exchange announced on that socket that it will close it."""
        for connection in self._open:
            if connection.number == number:
                connection.closing.set()

    def renew(self, pair: Pair) -> None:
        """Ask the exchange to begin a pair anew; not more often than it makes sense."""
        current = self._current
        if current is None or not current.subscribed.is_set():
            return
        if self._renewals.may((pair.symbol, pair.quote), asyncio.get_running_loop().time()):
            current.renew(self.exchange.renew(self.channel, pair, self.pairs))

    def tend(self, now: float) -> None:
        """Look for silence; called about every second. `now` is the event loop's time."""
        current = self._current
        if current is None or current.reading.done() or not current.subscribed.is_set():
            return
        patience = self._watchdog.patience
        if self._watchdog.is_all_silent(now):
            reason = f"no market data for {patience:g} s"
            self._say(EventKind.STALE, self.pairs, f"{reason} by the whole connection: connecting again")
            current.give_up(reason)
        elif stale := tuple(self._watchdog.stale(now)):
            self._say(EventKind.STALE, stale, f"no market data for {patience:g} s: subscribing again")
            # At venues where a request replaces the one before it is the same for every pair.
            requests = dict.fromkeys(request for pair in stale for request in self.exchange.renew(self.channel, pair, self.pairs))
            if not current.renew(list(requests), lambda: self._say_again(stale)):
                self._silent.update(stale)

    async def _connect(self) -> Connection:
        while True:
            await asyncio.sleep(self._attempts.pause)
            await self._connects.turn()
            url = self._attempts.url
            try:
                socket = await open_socket(url, self._proxy)
            except CannotOpen as error:
                self._could_not_open(url, error)
            else:
                return self._was_opened(url, socket)

    def _was_opened(self, url: str, socket: ClientConnection) -> Connection:
        self._attempts.opened()
        self._told_opened()
        self._say(EventKind.CONNECTED, self.pairs, shown(url))
        connection = Connection(
            socket, next(self._numbers), self.exchange, self.channel, self.pairs, deliver=self._deliver, subscribed=self._was_subscribed
        )
        self._open.add(connection)
        connection.reading.add_done_callback(lambda _: self._open.discard(connection))
        return connection

    def _could_not_open(self, url: str, error: CannotOpen) -> None:
        self._note(f"{shown(url)}: {error}")
        if error.status is not None:
            self._say(EventKind.REFUSED, (), f"{shown(url)}: {error}")
        if error.hold_seconds is not None:
            self._connects.hold(error.hold_seconds)
        self._attempts.failed(error.status)

    def _was_subscribed(self) -> None:
        self._watchdog.begin(asyncio.get_running_loop().time())
        silent, self._silent = tuple(pair for pair in self.pairs if pair in self._silent), set()
        # While the old connection goes on nothing can be missing, except what it did not give.
        if self._handover is None:
            self._say(EventKind.SUBSCRIBED, self.pairs)
        elif silent:
            self._say_again(silent)

    def _say_again(self, silent: tuple[Pair, ...]) -> None:
        # What came while nobody listened may be missing, as after a reconnect.
        self._say(EventKind.SUBSCRIBED, silent, "silent pairs were subscribed to again")

    def _was_lost(self, connection: Connection, pairs: tuple[Pair, ...]) -> None:
        connection.reading.result()
        self._current = None
        self._note(connection.reason)
        self._say(EventKind.DISCONNECTED, pairs, connection.reason)
        self.lost += 1
        self._attempts.lost()

    async def _until_change(self, current: Connection) -> bool:
        """Wait until another connection is to take its place, or until it is lost: False."""
        closing = asyncio.create_task(current.closing.wait())
        try:
            left = None if current.change_at is None else max(0.0, current.change_at - asyncio.get_running_loop().time())
            await asyncio.wait({current.reading, closing}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
        return not current.reading.done()

    async def _change(self, old: Connection) -> Connection:
        """Open the next connection while the old one goes on, and return the one that counts then."""
        handover = self._handover = Handover(self.exchange, self.channel, self.pairs)
        connecting = asyncio.create_task(self._connect())
        try:
            await asyncio.wait({connecting, old.reading}, return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                return await self._take_over(old, connecting.result(), handover)
            self._handover = None
            self._was_lost(old, self.pairs)
            return await connecting
        finally:
            self._handover = None
            connecting.cancel()

    async def _take_over(self, old: Connection, new: Connection, handover: Handover) -> Connection:
        complete = asyncio.create_task(_complete(new, handover))
        try:
            await asyncio.wait({old.reading, new.reading, complete}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            complete.cancel()
        if old.reading.done():
            self._handover = None
            old.reading.result()
            if missing := handover.waiting:
                self._was_lost(old, missing)
                self._attempts.opened()
                if new.subscribed.is_set():
                    self._say(EventKind.SUBSCRIBED, missing)
        elif new.reading.done():
            self._was_lost(new, ())
            self._current = old
            old.closing.clear()
            old.change_at = asyncio.get_running_loop().time() + self._attempts.pause
            return old
        else:
            await old.close()
        return new

    def _deliver(self, connection: Connection, message: str | bytes, received_time: int) -> bool:
        frame = Frame(self.exchange.name, Source.LIVE, received_time, message)
        if self._handover is not None:
            if connection is not self._current:
                self._handover.came_by_new(frame)
            elif not self._handover.still_counts(frame):
                return True
        return self._put(Arrival(frame=frame, received_time=received_time, connection=connection.number))

    def _say(self, kind: EventKind, pairs: tuple[Pair, ...], detail: str = "") -> None:
        market, channel, now = self.exchange.name, self.channel, time.time_ns() // 1_000_000
        self._put(Happening(kind=kind, market=market, source=Source.LIVE, received_time=now, channel=channel, pairs=pairs, detail=detail))


async def _complete(new: Connection, handover: Handover) -> None:
    await new.subscribed.wait()
    try:
        async with asyncio.timeout(HANDOVER_SECONDS):
            await handover.complete.wait()
    except TimeoutError:
        return
