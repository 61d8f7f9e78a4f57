"""The dashboard as a process: its database opened, its port taken, its server run until it is asked to stop."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from fastapi import FastAPI

from src.background import in_background
from src.broker.ports import LOOPBACK, require_free_port
from src.clickhouse.place import ClickHousePlace, clickhouse
from src.config.settings import Settings
from src.dashboard.api.application import make_application
from src.dashboard.api.limits import Limits
from src.dashboard.reading import Reading
from src.dashboard.stores import ClickHouseStore, SqlStore
from src.dashboard.tables import metric_tables
from src.errors import CoinSparkError, ConfigurationError
from src.logs import logger, quiet_libraries

_STOP_SECONDS = 3
"""How long answers that are being made are waited for at the end."""
_LOOK_SECONDS, _JOIN_SECONDS = 1.0, 5.0
_BACKLOG = 128


@contextmanager
def opened_reading(settings: Settings, seconds: float) -> Iterator[Reading]:
    """Questions go to ClickHouse where the settings name one, else to the database, which has the collectors' ledger in any case."""
    database = SqlStore(settings.database_address)
    with clickhouse(settings, "dashboard") as place, _kept_running(place):
        store = ClickHouseStore(place.url.get_secret_value()) if place else database
        reading = Reading(metric_tables(settings), store, database, seconds)
        try:
            yield reading
        finally:
            reading.close()


@contextmanager
def _kept_running(place: ClickHousePlace | None) -> Iterator[None]:
    """An embedded ClickHouse that dies is started again, also where no job runs that would."""
    if place is None or not place.is_embedded:
        yield
        return

    def keep(done: threading.Event) -> None:
        while not done.wait(_LOOK_SECONDS):
            # What keeps it from starting is tried again; pages say meanwhile that it does not answer.
            with suppress(CoinSparkError, OSError):
                if place.ensure_running():
                    logger().warning("the embedded ClickHouse was gone and has been started again")

    with in_background("clickhouse", keep, _JOIN_SECONDS):
        yield


class DashboardServer(uvicorn.Server):
    """Serves an application on a socket that listens already. Signals are its owner's: `stop` may be called from a handler, or another thread."""

    def __init__(self, application: FastAPI, listener: socket.socket, message_bytes: int = Limits.message_bytes) -> None:
        config = uvicorn.Config(
            application,
            loop="asyncio",
            http="h11",
            ws="websockets-sansio",
            ws_max_size=message_bytes,
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            # Whoever asks would say himself who he is, and limits are kept by client.
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        super().__init__(config)
        self._listener = listener

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def serve_until_stopped(self) -> None:
        """Serve; returns after an orderly end."""
        self.run(sockets=[self._listener])

    def stop(self) -> None:
        """End it: nobody new is let in, answers that are being made are finished, websockets are closed."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(settings: Settings, host: str, port: int, seconds: float, language: str, started: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `started` is told the address.

    Raises ConfigurationError for a port that is taken.
    """
    require_free_port(port, "--port")
    quiet_libraries()
    with opened_reading(settings, seconds) as reading:
        application = make_application(reading, settings, language)
        server = DashboardServer(application, listening(host, port))
        handlers = {number: signal.signal(number, lambda *_: server.stop()) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            started(address(host, port))
            server.serve_until_stopped()
        finally:
            for number, before in handlers.items():
                signal.signal(number, before)


def address(host: str, port: int) -> str:
    """Where a browser of this machine finds the page."""
    shown = host if host not in {"0.0.0.0", "::"} else LOOPBACK  # noqa: S104  (whoever gives it means it)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ConfigurationError that says why it cannot."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"the dashboard cannot listen on {host}:{port} ({error}): choose others with --host and --port") from None
    # Of connections that it accepts: an answer in two parts would wait for the client's acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
