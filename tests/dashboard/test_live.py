"""The websocket of live rows: new and changed rows, filters, heartbeats, many clients, and a database that dies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.sync.client import connect

from src.config.settings import Settings
from tests.dashboard.live_clients import START, SYMBOLS, Client, wait_until, window
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, tickers
from tests.dashboard.served import GENEROUS, Served, served
from tests.servers import MariaDb


@pytest.fixture
def client(live: Served) -> Iterator[Client]:
    with connect(live.live) as connection:
        yield Client(connection)


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
