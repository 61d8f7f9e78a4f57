"""One socket to one exchange, kept open: subscribe, keep alive, notice silence, reconnect."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from src.collect.exchange import Channel, Exchange, Pair

LARGEST_MESSAGE = 16 * 1024 * 1024
_SHORTEST_WAIT, _LONGEST_WAIT = 0.5, 30.0
_HANDSHAKE_SECONDS = 10.0


class Connection:
    """Runs until cancelled. `deliver` gets every message with the time it came; `note` gets each trouble in one line.

    Silence is judged by market data, not by acknowledgements or heartbeats: exchanges acknowledge streams that do not exist.
    The owner says `saw_data` when a message held any.
    """

    def __init__(
        self,
        exchange: Exchange,
        channel: Channel,
        pairs: Sequence[Pair],
        urls: Sequence[str],
        *,
        deliver: Callable[[str | bytes, int], None],
        note: Callable[[str], None],
        silence_seconds: float = 60.0,
    ) -> None:
        self.is_open = False
        self.opened = asyncio.Event()
        """Set for good when the socket opened for the first time."""
        self.lost = 0
        """How often an open socket was lost."""
        self._exchange = exchange
        self._channel = channel
        self._pairs = pairs
        self._urls = urls
        self._deliver = deliver
        self._note = note
        self._silence_seconds = silence_seconds
        self._silence: asyncio.Timeout | None = None
        self._failures = 0

    def saw_data(self) -> None:
        """A message of this connection held market data."""
        self._failures = 0
        if self._silence is not None and not self._silence.expired():
            self._silence.reschedule(asyncio.get_running_loop().time() + self._silence_seconds)

    async def run(self) -> None:
        """Connect, read, and connect again after a jittered, growing pause."""
        while True:
            url = self._urls[self._failures % len(self._urls)]
            self._failures += 1
            trouble = await self._read(url)
            self._note(f"{url}: {trouble}")
            await asyncio.sleep(_pause(self._failures))

    async def _read(self, url: str) -> str:
        """Read until the socket is lost, and say why it was."""
        try:
            async with connect(url, max_size=LARGEST_MESSAGE, ping_interval=None, open_timeout=_HANDSHAKE_SECONDS, close_timeout=1) as socket:
                self.is_open = True
                self.opened.set()
                try:
                    trouble = await self._read_messages(socket)
                finally:
                    self.is_open = False
                self.lost += 1
                return trouble
        except InvalidStatus as error:
            return _refusal(error.response.status_code)
        except TimeoutError:
            return f"no answer within {_HANDSHAKE_SECONDS:.0f} s"
        except (OSError, WebSocketException) as error:
            return f"cannot be reached: {error}"

    async def _read_messages(self, socket: ClientConnection) -> str:
        keep_alive = asyncio.create_task(self._keep_alive(socket))
        try:
            for request in self._exchange.subscribe(self._channel, self._pairs):
                await socket.send(request)
            async with asyncio.timeout(self._silence_seconds) as self._silence:
                while True:
                    message = await socket.recv()
                    self._deliver(message, time.time_ns() // 1_000_000)
        except TimeoutError:
            return f"no market data for {self._silence_seconds:.0f} s: connecting again"
        except ConnectionClosed as error:
            return f"connection closed: {error}"
        finally:
            self._silence = None
            keep_alive.cancel()

    async def _keep_alive(self, socket: ClientConnection) -> None:
        beat = self._exchange.keep_alive
        with contextlib.suppress(ConnectionClosed):
            while beat is not None:
                await asyncio.sleep(beat.every_seconds)
                if beat.message is None:
                    await socket.ping()
                else:
                    await socket.send(beat.message)


def _pause(failures: int) -> float:
    longest = min(_LONGEST_WAIT, _SHORTEST_WAIT * 2 ** min(failures - 1, 10))
    # Jitter keeps many clients from coming back at the same moment; it has nothing to do with secrets.
    return random.uniform(_SHORTEST_WAIT, longest) if longest > _SHORTEST_WAIT else _SHORTEST_WAIT  # noqa: S311


def _refusal(status: int) -> str:
    if status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
        return (
            "the exchange does not serve this country or network (HTTP 451): take it out of COINSPARK_MARKETS or give another COINSPARK_EXCHANGE_URLS"
        )
    return f"the exchange refused the connection (HTTP {status})"
