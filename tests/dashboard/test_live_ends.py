"""How a connection of live rows ends: a slow client, one too many, a page of another site, a message that is too long, the end of the server."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from src.config.settings import Settings
from src.dashboard.api.live import Outbox
from tests.dashboard.live_clients import PATIENCE, START, SYMBOLS, Client, Deaf, wait_until, window
from tests.dashboard.markets import MINUTE, Filled, tickers
from tests.dashboard.served import GENEROUS, Served, served


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
