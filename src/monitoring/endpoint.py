"""The HTTP endpoint that Prometheus reads."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

from src.errors import ConfigurationError


@contextmanager
def metrics_served(address: str, port: int, setting: str, *collectors: Collector) -> Iterator[None]:
    """Serve `/metrics` for the length of the block. Raises `ConfigurationError`, which names the setting, when the place cannot be had."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    server: WSGIServer
    try:
        server, thread = start_http_server(port, addr=address, registry=registry)
    except (OSError, UnicodeError) as error:
        if isinstance(error, socket.gaierror | UnicodeError) or error.errno == errno.EADDRNOTAVAIL:
            raise ConfigurationError(f"metrics cannot be served at COINSPARK_METRICS_ADDRESS={address}: this machine has no such address") from None
        # Python says the address again, by another name.
        why = (error.strerror or str(error)).partition(" while ")[0]
        raise ConfigurationError(f"--metrics-port {port} cannot be used at {address}: {why}; choose another ({setting})") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
