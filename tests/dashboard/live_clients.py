"""Clients of the websocket of live rows, one that takes all and one that takes nothing, and rows of one more minute for them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.sync.client import ClientConnection
from websockets.uri import parse_uri

from tests.dashboard.markets import MINUTE, Filled, tickers
from tests.dashboard.served import Served
from tests.servers import LOOPBACK

START = 1_790_000_040_000
SYMBOLS = ("BTC", "ETH")
PATIENCE = 60


class Client:
    """One connection; messages as they come."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def hear(self, kind: str | None = None) -> dict[str, Any]:
        """The next message, of one kind where it is given: heartbeats are passed over unless they are asked for."""
        while True:
            found: dict[str, Any] = json.loads(self.connection.recv(PATIENCE))
            if kind is not None:
                assert found["type"] in {kind, "heartbeat"}, found
            if found["type"] == kind or (kind is None and found["type"] != "heartbeat"):
                return found

    def subscribe(self, number: int, table: str, rows: int = 100, **where: Any) -> list[dict[str, Any]]:
        """The rows there are."""
        self.say(id=number, subscribe=table, where=where, rows=rows)
        assert self.hear("subscribed") == {"type": "subscribed", "id": number, "table": table, "where": where}
        found: list[dict[str, Any]] = []
        if rows:
            message = self.hear("rows")
            assert (message["id"], message["table"], message["snapshot"], message["gap"]) == (number, table, True, False)
            found = message["rows"]
        return found


class Deaf:
    """A connection by hand that takes nothing until it is told to, with little room for what it does not take."""

    def __init__(self, site: Served) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(PATIENCE)
        self._socket.connect((LOOPBACK, site.port))
        self._protocol = ClientProtocol(parse_uri(site.live))
        self._protocol.send_request(self._protocol.connect())
        while self._protocol.state is State.CONNECTING:
            self._flush()
            self._protocol.receive_data(self._socket.recv(4096))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def say(self, **message: Any) -> None:
        self._protocol.send_text(json.dumps(message).encode())
        self._flush()

    def listen(self) -> tuple[int | None, str | None]:
        """Take everything until the connection is closed; code and reason."""
        while data := self._socket.recv(65536):
            self._protocol.receive_data(data)
            self._flush()
        self._protocol.receive_eof()
        return self._protocol.close_code, self._protocol.close_reason

    def _flush(self) -> None:
        self._socket.sendall(b"".join(self._protocol.data_to_send()))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def window(database: Filled, minute: int, symbols: tuple[str, ...] = SYMBOLS) -> None:
    """Write the rows of one more minute's tickers."""
    start = START + minute * MINUTE
    database.tickers(tickers(start, start + MINUTE, MINUTE, symbols), ("arbitrage",))
