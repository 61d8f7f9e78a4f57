"""The dashboard as a process: its database opened, its port taken, its server run until it is asked to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from werkzeug.serving import BaseWSGIServer, make_server

from src.broker.ports import LOOPBACK, require_free_port
from src.clickhouse.place import clickhouse
from src.config.settings import Settings
from src.dashboard.app import make_app
from src.dashboard.reading import Reading
from src.dashboard.stores import ClickHouseStore, SqlStore
from src.dashboard.tables import metric_tables
from src.errors import ConfigurationError
from src.logs import quiet_libraries


@contextmanager
def opened_reading(settings: Settings, seconds: float) -> Iterator[Reading]:
    """Questions go to ClickHouse where the settings name one, else to the database, which has the collectors' ledger in any case."""
    database = SqlStore(settings.database_address)
    with clickhouse(settings, "dashboard") as place:
        store = ClickHouseStore(place.url.get_secret_value()) if place else database
        reading = Reading(metric_tables(settings), store, database, seconds)
        try:
            yield reading
        finally:
            reading.close()


def serve(settings: Settings, host: str, port: int, seconds: float, language: str, started: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `started` is told the address. Raises ConfigurationError for a port that is taken."""
    require_free_port(port, "--port")
    with opened_reading(settings, seconds) as reading:
        server = _server(host, port, make_app(reading, settings, language).server)
        shown = host if host != "0.0.0.0" else LOOPBACK  # noqa: S104  (whoever gives it means it)
        started(f"http://{shown}:{port}/")
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGTERM, before)
            server.server_close()


def _server(host: str, port: int, application: Any) -> BaseWSGIServer:
    quiet_libraries()
    try:
        return make_server(host, port, application, threaded=True)
    except (OSError, SystemExit) as error:
        raise ConfigurationError(f"the dashboard cannot listen on {host}:{port} ({error}): choose others with --host and --port") from None


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
