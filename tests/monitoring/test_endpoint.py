"""The HTTP endpoint: on this machine alone unless asked, gone when it is closed, and clear about a place that cannot be had."""

from __future__ import annotations

import re
import socket
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from src.collect.prometheus import CollectorFamilies
from src.errors import ConfigurationError
from src.monitoring.endpoint import metrics_served
from tests.servers import LOOPBACK, free_port

NOTHING = CollectorFamilies(lambda: None)


def test_it_listens_on_its_address_alone_and_no_more_when_it_is_closed() -> None:
    port = free_port()
    with metrics_served(LOOPBACK, port, "COINSPARK_METRICS_PORT", NOTHING), socket.create_connection((LOOPBACK, port)) as connection:
        assert connection.getpeername()[0] == LOOPBACK
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port))
    with pytest.raises(URLError):
        urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10)


def test_it_listens_where_it_is_asked_to() -> None:
    port = free_port()
    with metrics_served("0.0.0.0", port, "COINSPARK_METRICS_PORT", NOTHING), socket.create_connection(("127.0.0.2", port)):  # noqa: S104
        pass


def test_a_port_that_is_taken_is_the_users_to_change() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        refused = metrics_served(LOOPBACK, port, "COINSPARK_TICKER_METRICS_PORT", NOTHING)
        said = rf"^--metrics-port {port} cannot be used at {LOOPBACK}: Address already in use; choose another \(COINSPARK_TICKER_METRICS_PORT\)$"
        with pytest.raises(ConfigurationError, match=said), refused:
            pass


@pytest.mark.parametrize("address", ["nowhere.invalid", "no..name", "192.0.2.1"])
def test_an_address_that_this_machine_has_not_is_the_users_to_change(address: str) -> None:
    refused = metrics_served(address, free_port(), "COINSPARK_METRICS_PORT", NOTHING)
    said = rf"^metrics cannot be served at COINSPARK_METRICS_ADDRESS={re.escape(address)}: this machine has no such address$"
    with pytest.raises(ConfigurationError, match=said), refused:
        pass
