"""One client's socket at the local exchange: what it is subscribed to, and what is said on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.frames import Frame
from websockets.http11 import Request, Response

from src.collect.parsed import Channel, Pair


class HeardConnection(ServerConnection):
    """Tells of everything that comes, pings of the protocol included."""

    heard: Callable[[], None] | None = None

    def process_event(self, event: Request | Response | Frame) -> None:
        super().process_event(event)
        if self.heard is not None:
            self.heard()


class ClientSocket:
    """Says things at once and in order, without waiting for the client to read them."""

    def __init__(self, connection: HeardConnection) -> None:
        self.connection = connection
        self.subscriptions: set[tuple[Channel, Pair]] = set()
        """What it is served."""
        self.messages = 0
        """Of data, sent so far."""
        self.is_half_open = False

    def say(self, message: str | bytes) -> None:
        """Nothing once the socket is half open, or closed."""
        if not self.is_half_open:
            broadcast([self.connection], message)

    def say_data(self, messages: Iterable[str | bytes]) -> None:
        """The same, counted."""
        for message in messages:
            self.messages += 1
            self.say(message)

    def half_open(self) -> None:
        """Read, answer and send nothing from now on, not even to a ping of the protocol, without closing."""
        self.is_half_open = True
        self.connection.transport.pause_reading()

    def abort(self) -> None:
        """End it without a word."""
        self.connection.transport.abort()
