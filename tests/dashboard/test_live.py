"""The websocket of live rows: new and changed rows, filters, heartbeats, many clients, slow ones, and a database that dies."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import SecretStr
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from src.config.settings import Settings
from src.dashboard.api.live import Outbox
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, tickers
from tests.dashboard.served import GENEROUS, Served, served
from tests.servers import LOOPBACK, MariaDb

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


@pytest.fixture
def database(empty_home: Settings) -> Iterator[Filled]:
    filled = Filled(empty_home.database_address)
    filled.tickers(tickers(START, START + 2 * MINUTE, MINUTE, SYMBOLS), ("arbitrage", "market_arbitrage"))
    yield filled
    filled.close()


@pytest.fixture
def live(empty_home: Settings, database: Filled) -> Iterator[Served]:
    del database
    with served(empty_home, seconds=0.1) as found:
        yield found


@pytest.fixture
def client(live: Served) -> Iterator[Client]:
    with connect(live.live) as connection:
        yield Client(connection)


def window(database: Filled, minute: int, symbols: tuple[str, ...] = SYMBOLS) -> None:
    """Write the rows of one more minute's tickers."""
    start = START + minute * MINUTE
    database.tickers(tickers(start, start + MINUTE, MINUTE, symbols), ("arbitrage",))


def test_new_and_changed_rows_come_and_others_do_not(client: Client, database: Filled, live: Served) -> None:
    first = client.subscribe(1, "arbitrage", symbol="BTC")
    assert first == live.json("/tables/arbitrage/rows", symbol="BTC")["rows"]
    window(database, 10)
    new = client.hear("rows")
    assert (new["id"], new["snapshot"], new["gap"]) == (1, False, False)
    assert {row["symbol"] for row in new["rows"]} == {"BTC"}
    # Five minutes long, one every minute.
    assert [row["window_start"] for row in new["rows"]] == [START + minute * MINUTE for minute in range(10, 5, -1)]
    # The same rows again are no news; one with another value is.
    window(database, 10)
    changed = new["rows"][2] | {"mean_price_usd_korea": 1.5, "mean_price_usd_asia": None}
    database.write({"arbitrage": [changed]})
    assert client.hear("rows")["rows"] == [changed]


def test_rows_of_another_key_are_for_whoever_asked_for_them(client: Client, database: Filled) -> None:
    client.subscribe(1, "arbitrage", rows=0, symbol="BTC")
    client.subscribe(2, "arbitrage", rows=1, symbol="ETH")
    window(database, 10, ("ETH",))
    assert client.hear("rows")["id"] == 2
    client.say(id=2, unsubscribe=True)
    assert client.hear("unsubscribed")["id"] == 2
    window(database, 20, SYMBOLS)
    assert client.hear("rows")["id"] == 1


def test_a_table_without_rows_begins_empty(client: Client, database: Filled) -> None:
    assert client.subscribe(7, "time_metrics", symbol="BTC") == []
    database.tickers(tickers(START, START + MINUTE, MINUTE, ("BTC",)), ("time_metrics",))
    assert {row["region"] for row in client.hear("rows")["rows"]} == {"korea", "asia", "ne"}


WRONG: list[tuple[Any, str, list[str]]] = [
    ("nonsense", "message", []),
    ({"id": "x", "subscribe": "arbitrage"}, "message", []),
    ({"id": 1}, "message", []),
    ({"id": 1, "subscribe": "arbitrage", "unsubscribe": True}, "message", []),
    ({"id": 1, "subscribe": "arbitrage", "nonsense": 1}, "message", []),
    ({"id": 1, "subscribe": "arbitrag"}, "table", ["arbitrage", "market_arbitrage"]),
    ({"id": 1, "subscribe": "arbitrage", "where": {"symbl": "BTC"}}, "where.symbl", ["symbol"]),
    ({"id": 1, "subscribe": "arbitrage", "where": {"symbol": 5}}, "where.symbol", []),
    ({"id": 1, "subscribe": "candles", "where": {"market": "binanse"}}, "where.market", ["binance"]),
    ({"id": 1, "subscribe": "candles"}, "where.interval", ["1m", "5m", "15m", "1h", "1d", "1d_kst", "1w", "1w_kst"]),
    ({"id": 1, "subscribe": "arbitrage", "rows": -1}, "rows", ["100"]),
    ({"id": 9, "unsubscribe": True}, "id", []),
]


def test_wrong_messages_are_said_and_end_nothing(client: Client) -> None:
    for message, parameter, nearest in WRONG:
        client.connection.send(message if isinstance(message, str) else json.dumps(message))
        error = client.hear("error")
        assert [(fault["parameter"], fault["nearest"]) for fault in error["faults"]] == [(parameter, nearest)], message
        assert error["status"] in {404, 422}
    assert client.subscribe(3, "arbitrage", rows=1)


def test_a_connection_has_so_many_subscriptions(empty_home: Settings, database: Filled) -> None:
    del database
    limits = replace(GENEROUS, subscriptions=2, feeds=3)
    with served(empty_home, seconds=0.1, limits=limits) as found, connect(found.live) as first, connect(found.live) as second:
        one, other = Client(first), Client(second)
        one.subscribe(1, "arbitrage", rows=1)
        one.say(id=1, subscribe="arbitrage")
        assert one.hear("error")["detail"] == "id: 1 is another subscription's"
        one.subscribe(2, "market_arbitrage", rows=1)
        one.say(id=3, subscribe="arbitrage")
        assert one.hear("error")["detail"] == "a websocket may have 2"
        other.subscribe(1, "arbitrage", rows=1)
        other.subscribe(2, "arbitrage", rows=1, symbol="BTC")
        other.say(id=2, unsubscribe=True)
        other.hear("unsubscribed")
        assert len(found.feeds) == 2
        one.say(id=1, unsubscribe=True)
        one.hear("unsubscribed")
        one.subscribe(1, "arbitrage", rows=1, symbol="BTC")
        assert len(found.feeds) == 3
        one.say(id=2, unsubscribe=True)
        one.hear("unsubscribed")
        one.subscribe(4, "time_metrics", rows=1)
        other.say(id=5, subscribe="arbitrage", where={"symbol": "ETH"})
        assert other.hear("error")["detail"] == "3 different subscriptions of all clients are open"


def test_ten_clients_cost_the_database_what_one_does(live: Served, database: Filled) -> None:
    with ExitStack() as stack:
        clients = [Client(stack.enter_context(connect(live.live))) for _ in range(10)]
        for each in clients:
            each.subscribe(1, "arbitrage", symbol="BTC")
        assert len(live.feeds) == 1
        queries, tick = live.reading.costs.queries, live.reading.tick
        for minute in range(10, 15):
            window(database, minute)
            for each in clients:
                assert each.hear("rows")["rows"][0]["window_start"] == START + minute * MINUTE
        ticks = live.reading.tick - tick + 1
        # Two questions a tick, whoever listens: when the newest row was, and the rows.
        assert 5 <= live.reading.costs.queries - queries <= 2 * ticks
        assert live.clients.connections == 10
    wait_until(lambda: not live.clients.connections and not len(live.feeds))


def test_a_quiet_connection_gets_heartbeats(empty_home: Settings) -> None:
    with served(empty_home, limits=replace(GENEROUS, heartbeat_seconds=0.05)) as found:
        before = found.reading.now
        with connect(found.live) as connection:
            client = Client(connection)
            assert before <= client.hear("heartbeat")["time"] <= client.hear("heartbeat")["time"] <= found.reading.now


def test_a_slow_client_is_cut_off_and_told_why_and_others_go_on(empty_home: Settings) -> None:
    filled = Filled(empty_home.database_address)
    filled.tickers(tickers(START, START + 40 * MINUTE, MINUTE, SYMBOLS), ("arbitrage",))
    limits = replace(GENEROUS, waiting_messages=6, waiting_bytes=300_000)
    with served(empty_home, seconds=0.1, limits=limits, send_buffer=4096) as found, connect(found.live) as good:
        other = Client(good)
        other.subscribe(1, "arbitrage", rows=1)
        with Deaf(found) as deaf:
            for number in range(20):
                deaf.say(id=number, subscribe="arbitrage", rows=300)
            wait_until(lambda: found.clients.cut_off == 1)
            assert deaf.listen() == (4008, "too slow: more than 6 messages or 300000 bytes wait")
        window(filled, 300)
        assert other.hear("rows")["rows"][0]["window_start"] == START + 300 * MINUTE
    filled.close()


def test_what_waits_for_a_client_is_bounded() -> None:
    box = Outbox(3, 10)
    for text in ("aaaa", "bbbb"):
        box.put(text)
    assert not box.is_full.is_set()
    box.put("ccc")
    assert box.is_full.is_set()
    assert not box._waiting
    box = Outbox(2, 1000)
    for text in ("a", "b", "c"):
        box.put(text)
    assert box.is_full.is_set()


def test_a_client_has_so_many_connections(empty_home: Settings) -> None:
    with served(empty_home, limits=replace(GENEROUS, connections=1)) as found, connect(found.live) as first:
        client = Client(first)
        client.subscribe(1, "arbitrage")
        with connect(found.live) as second, pytest.raises(ConnectionClosed) as closed:
            second.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4029, "127.0.0.1 has 1 connections open")
        client.say(id=1, unsubscribe=True)
        client.hear("unsubscribed")


def test_a_page_of_another_site_is_refused(live: Served) -> None:
    with connect(live.live, origin="https://example.invalid") as foreign, pytest.raises(ConnectionClosed) as closed:  # type: ignore[arg-type]
        foreign.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4003
    with connect(live.live, origin=live.address) as own:  # type: ignore[arg-type]
        assert Client(own).subscribe(1, "arbitrage", rows=1)


def test_a_message_that_is_too_long_ends_the_connection(live: Served) -> None:
    with connect(live.live) as connection:
        connection.send("x" * 20_000)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_the_end_of_the_server_is_the_end_of_the_connection(empty_home: Settings) -> None:
    with ExitStack() as stack:
        with served(empty_home) as found:
            connection = stack.enter_context(connect(found.live))
            Client(connection).subscribe(1, "arbitrage")
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


@pytest.mark.mysql
def test_a_dead_database_is_said_once_and_its_return_too(stoppable_mysql: MariaDb, tmp_path: Path) -> None:
    url = stoppable_mysql.url("coin")
    database = Filled(url)
    database.tickers(tickers(START, START + 2 * MINUTE, MINUTE, ("BTC",)), ("arbitrage",))
    settings = SETTINGS.model_copy(update={"home": tmp_path, "database_url": SecretStr(url)})
    with served(settings, seconds=0.1) as found, connect(found.live) as connection, connect(found.live) as late:
        client = Client(connection)
        assert len(client.subscribe(1, "arbitrage")) == 6
        stoppable_mysql.kill()
        away = client.hear("database")
        assert (away["id"], away["answers"]) == (1, False)
        assert "cannot be reached" in away["what"]
        assert away["since"] <= found.reading.now
        # Whoever comes now is told as well, and gets the rows when there are some.
        other = Client(late)
        other.say(id=5, subscribe="arbitrage", where={"symbol": "BTC"}, rows=10)
        assert other.hear("subscribed")["id"] == 5
        assert other.hear("database")["answers"] is False
        assert other.hear("rows")["rows"] == []
        stoppable_mysql.start()
        assert client.hear("database") == {"type": "database", "id": 1, "answers": True, "what": None, "since": None}
        assert other.hear("database")["answers"] is True
        assert len(other.hear("rows")["rows"]) == 6
        window(database, 10, ("BTC",))
        assert len(client.hear("rows")["rows"]) == 5
    database.close()
