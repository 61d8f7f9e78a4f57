"""What one client may ask of the dashboard's API, and the counts that keep it to that. All limits are here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from src.dashboard.api.problems import Refused


@dataclass(frozen=True)
class Limits:
    """A client is an address: programs of one machine share its limits. The page in the browser is under none of them."""

    rows: int = 5_000
    """Of one answer."""
    rows_unasked: int = 100
    """Of an answer whose `limit` is not given."""
    requests_per_second: float = 20.0
    """Over time; also messages to the websocket."""
    burst: int = 60
    """Requests that may come at once, after a quiet while."""
    connections: int = 32
    """Of one client at the same time: requests that wait for their answer, and websockets."""
    all_connections: int = 256
    """Of all clients."""
    subscriptions: int = 20
    """Of one websocket."""
    feeds: int = 200
    """Different subscriptions of all websockets: each is a question to the database a tick."""
    watched_rows: int = 2_000
    """The newest rows of a subscription, in which changes are seen."""
    waiting_messages: int = 256
    """That a websocket's client has not taken yet."""
    waiting_bytes: int = 16 * 1024 * 1024
    heartbeat_seconds: float = 15.0
    """A websocket on which nothing was sent for so long gets a heartbeat."""
    message_bytes: int = 16 * 1024
    """Of a message from a client."""


@dataclass
class _Client:
    allowance: float
    seen: float
    connections: int = 0


@dataclass
class Clients:
    """Who asks, and how much. `clock`: seconds, as time.monotonic. Used by the event loop alone."""

    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.monotonic
    cut_off: int = 0
    """Websockets that were closed as their client was too slow, since the start."""
    _known: dict[str, _Client] = field(default_factory=dict)

    @property
    def connections(self) -> int:
        """Of all clients now."""
        return sum(client.connections for client in self._known.values())

    def count_request(self, address: str) -> None:
        """One more request of that client. Raises Refused where it is one too many."""
        client = self._client(address)
        if client.allowance < 1:
            seconds = math.ceil((1 - client.allowance) / self.limits.requests_per_second)
            what = f"more than {self.limits.requests_per_second:g} requests a second from {address}"
            raise Refused(429, "too many requests", what, retry_after=seconds)
        client.allowance -= 1

    @contextmanager
    def connected(self, address: str) -> Iterator[None]:
        """One more connection of that client, for the length of the block. Raises Refused where it is one too many."""
        client = self._client(address)
        if client.connections >= self.limits.connections:
            raise Refused(429, "too many connections", f"{address} has {client.connections} connections open", retry_after=1)
        if self.connections >= self.limits.all_connections:
            raise Refused(503, "too many connections", f"{self.connections} connections of all clients are open", retry_after=1)
        client.connections += 1
        try:
            yield
        finally:
            client.connections -= 1

    def _client(self, address: str) -> _Client:
        now, rate = self.clock(), self.limits.requests_per_second
        for known, other in list(self._known.items()):
            # Whoever is back at the full allowance is as one who was never seen.
            if not other.connections and other.allowance + (now - other.seen) * rate >= self.limits.burst:
                del self._known[known]
        client = self._known.setdefault(address, _Client(self.limits.burst, now))
        client.allowance = min(self.limits.burst, client.allowance + (now - client.seen) * rate)
        client.seen = now
        return client
