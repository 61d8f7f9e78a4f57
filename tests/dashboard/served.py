"""The real server on a port of its own, in a thread of the test's process, and questions put to its API."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from src.config.settings import Settings
from src.dashboard.api.application import make_application
from src.dashboard.api.feeds import Feeds
from src.dashboard.api.limits import Clients, Limits
from src.dashboard.reading import Reading
from src.dashboard.serving import DashboardServer, listening, opened_reading
from tests.servers import LOOPBACK

# Tests ask faster than programs do; those of the limits give their own.
GENEROUS = Limits(requests_per_second=10_000, burst=10_000)

# One for all: each would read the certificates that browsers trust.
CLIENT = httpx.Client(timeout=120, trust_env=False)


@dataclass(frozen=True, eq=False)
class Served:
    """A dashboard that answers."""

    port: int
    reading: Reading
    clients: Clients
    feeds: Feeds

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def live(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}/api/v1/live"

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        """An answer of the API; `from_` is the parameter `from`."""
        given = {name.rstrip("_"): value for name, value in parameters.items()}
        return CLIENT.get(f"{self.address}/api/v1{path}", params=given or None)

    def json(self, path: str, **parameters: Any) -> Any:
        """What an answer with data holds."""
        answer = self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def served(
    settings: Settings, seconds: float = 0.5, language: str = "en", limits: Limits = GENEROUS, send_buffer: int | None = None
) -> Iterator[Served]:
    """The real application over the settings' database. send_buffer: bytes that the system keeps of what a client has not taken."""
    with opened_reading(settings, seconds) as reading:
        application = make_application(reading, settings, language, limits)
        listener = listening(LOOPBACK, 0)
        if send_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        server = DashboardServer(application, listener)
        thread = threading.Thread(target=server.serve_until_stopped)
        port = server.port
        thread.start()
        try:
            yield Served(port, reading, application.state.api.clients, application.state.feeds)
        finally:
            server.stop()
            thread.join()
