"""What the API says: prices, candles, health; wrong input; a dead database; and what many askers cost."""

from __future__ import annotations

import base64
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from src.config.settings import Settings
from src.dashboard.api.limits import Clients, Limits
from src.dashboard.api.problems import Refused
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, price, tickers
from tests.dashboard.served import Served, served
from tests.servers import MariaDb

START = 1_790_000_040_000


def test_prices_now_are_those_of_the_page(api: Served, now: int) -> None:
    found = api.json("/prices")
    assert found["source"] == "simulated"
    assert now - MINUTE < found["newest_event_time"] <= now
    assert [each["symbol"] for each in found["prices"]] == ["BTC", "ETH", "SOL", "XRP"]
    bitcoin = found["prices"][0]
    assert (bitcoin["market_usd"], bitcoin["market_krw"]) == ("okx", "upbit")
    assert {each["market"] for each in bitcoin["markets"]} == {"upbit", "bithumb", "okx", "binance", "kraken"}
    okx = next(each for each in bitcoin["markets"] if each["market"] == "okx")
    assert okx["price_usd"] == bitcoin["price_usd"]
    assert 0 <= okx["age_seconds"] <= 60
    assert abs(bitcoin["price_usd"] - price("BTC", found["newest_event_time"])) < 1_000
    assert 1.5 < bitcoin["korea_premium_percent"] < 2.5
    assert api.json("/prices", symbol="ETH")["prices"] == [found["prices"][1]]


def test_candles_are_of_one_price_and_say_their_gaps(api: Served, gap: tuple[int, int]) -> None:
    found = api.json("/candles", symbol="BTC", market="binance", interval="1m", limit=60)
    assert {(row["symbol"], row["market"], row["quote"], row["interval"]) for row in found["rows"]} == {("BTC", "binance", "USDT", "1m")}
    assert len(found["rows"]) > 40
    reasons = [each["reasons"] for each in found["gaps"] if each["start"] == gap[0] and each["end"] == gap[1]]
    assert reasons == [["gap: connection lost: the exchange closed it"]]
    upbit = api.json("/candles", symbol="BTC", market="upbit", interval="5m", limit=3)
    assert [row["quote"] for row in upbit["rows"]] == ["KRW"] * 3
    behind = api.json("/candles", symbol="BTC", market="upbit", interval="5m", limit=3, cursor=upbit["next_cursor"])
    assert behind["rows"][0]["window_start"] < upbit["rows"][-1]["window_start"]


def test_health_says_what_jobs_have_written(api: Served, now: int) -> None:
    found = api.json("/health")
    assert found["application"] == "coinspark"
    assert found["database"].startswith("sqlite:///")
    assert [each["job"] for each in found["jobs"]] == ["ticker", "trade", "orderbook"]
    for each in found["jobs"]:
        assert each["source"] == "simulated"
        assert now - MINUTE < each["newest_event_time"] <= now


HUGE = base64.urlsafe_b64encode(b'[0, %s, "live", "ticker", "okx"]' % (b"9" * 400)).decode()
"""A cursor of a time that no number holds."""
WRONG: list[tuple[str, dict[str, Any], int, str, list[str]]] = [
    ("/tables/candels", {}, 404, "table", ["candles"]),
    ("/tables/candels/rows", {}, 404, "table", ["candles"]),
    ("/tables/candles/rows", {"symbl": "BTC"}, 422, "symbl", ["symbol"]),
    ("/tables/candles/rows", {"market": "binanse"}, 422, "market", ["binance"]),
    ("/tables/candles/rows", {"symbol": "btc"}, 422, "symbol", ["BTC"]),
    ("/tables/candles/rows", {"symbol": "BTCC"}, 404, "symbol", ["BTC"]),
    ("/tables/candles/rows", {"interval": "1"}, 422, "interval", ["1w", "1m", "1h"]),
    ("/tables/candles/rows", {"source": "Live"}, 422, "source", ["live"]),
    ("/tables/candles/rows", {"limit": 0}, 422, "limit", ["1"]),
    ("/tables/candles/rows", {"limit": 5001}, 422, "limit", ["5000"]),
    ("/tables/candles/rows", {"limit": "ten"}, 422, "limit", []),
    ("/tables/candles/rows", {"limit": "9" * 400}, 422, "limit", []),
    ("/tables/candles/rows", {"from_": "2026-11-22"}, 422, "from", []),
    ("/tables/candles/rows", {"from_": 10, "to": 10}, 422, "to", []),
    ("/tables/candles/rows", {"to": 10**18}, 422, "to", ["253402300799999"]),
    ("/tables/candles/rows", {"cursor": "nonsense"}, 422, "cursor", []),
    ("/tables/candles/rows", {"cursor": "WzEsMl0"}, 422, "cursor", []),
    ("/tables/input_quality/rows", {"cursor": HUGE}, 422, "cursor", []),
    ("/tables/candles/rows", {"symbol": "A\0"}, 422, "symbol", []),
    ("/tables/candles/rows", {"symbol": ["BTC", "ETH"]}, 422, "symbol", []),
    ("/tables/taker_seconds/rows", {"second": "nan"}, 422, "second", []),
    ("/tables", {"limit": 1}, 422, "limit", []),
    ("/candles", {"symbol": "BTC", "market": "binance"}, 422, "interval", ["1m", "5m", "15m", "1h", "1d", "1d_kst", "1w", "1w_kst"]),
    ("/candles", {"symbol": "BTCX", "market": "binance", "interval": "1m"}, 404, "symbol", ["BTC"]),
    ("/candles", {"symbol": "BTC", "market": "okx", "interval": "1m"}, 404, "market", ["binance", "upbit"]),
    ("/prices", {"symbol": "ETC"}, 404, "symbol", ["ETH", "BTC"]),
]


@pytest.mark.parametrize(("path", "given", "status", "parameter", "nearest"), WRONG)
def test_wrong_input_is_said_with_what_is_near(
    api: Served, path: str, given: dict[str, Any], status: int, parameter: str, nearest: list[str]
) -> None:
    answer = api.get(path, **given)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status
    assert [(fault["parameter"], fault["nearest"]) for fault in found["faults"]] == [(parameter, nearest)]
    assert found["detail"].startswith((f"{parameter}: ", "there "))


def test_all_that_is_wrong_is_said_at_once(api: Served) -> None:
    found = api.get("/candles", market="binanse", interval="2m", nonsense="1").json()
    assert [fault["parameter"] for fault in found["faults"]] == ["market", "interval", "nonsense", "symbol"]


def test_other_addresses_and_methods_are_refused_as_json(api: Served) -> None:
    for path in ("/api", "/api/v2/tables", "/api/v1/nothing", "/api/v1/tables/candles/rows/1"):
        answer = httpx.get(api.address + path, trust_env=False)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = httpx.request(method, f"{api.address}/api/v1/tables", trust_env=False)
        assert (answer.status_code, answer.json()["title"]) == (405, "read-only")


def test_a_statement_in_a_value_is_a_value(api: Served) -> None:
    given = "X' OR '1'='1"
    answer = api.get("/tables/whale_trades/rows", kind=given)
    assert (answer.status_code, answer.json()["rows"]) == (200, [])
    assert len(api.json("/tables/whale_trades/rows", kind="single")["rows"]) > 10


def test_an_empty_database_has_no_rows_and_no_prices(empty_home: Settings) -> None:
    with served(empty_home) as api:
        assert api.json("/tables/candles/rows") == {"table": "candles", "from": None, "to": None, "rows": [], "next_cursor": None}
        assert api.json("/tables/candles/rows", symbol="NEW")["rows"] == []
        assert api.json("/prices") == {"source": None, "newest_event_time": None, "age_ms": None, "is_stale": None, "prices": []}
        assert api.json("/candles", symbol="BTC", market="okx", interval="1m")["gaps"] == []
        assert {each["newest_event_time"] for each in api.json("/health")["jobs"]} == {None}


def test_what_is_written_between_two_answers_moves_nothing(empty_home: Settings) -> None:
    database = Filled(empty_home.database_address)
    database.tickers(tickers(START, START + 2 * MINUTE, MINUTE, ("BTC",)), ("arbitrage",))
    with served(empty_home, seconds=0.1) as api:
        everything = api.json("/tables/arbitrage/rows")
        first = api.json("/tables/arbitrage/rows", limit=2)
        later = START + 5_000 * MINUTE
        database.tickers(tickers(later, later + MINUTE, MINUTE, ("BTC",)), ("arbitrage",))
        database.close()
        while api.json("/tables/arbitrage/rows", limit=1)["rows"][0]["window_start"] != later:
            pass
        rest = api.json("/tables/arbitrage/rows", cursor=first["next_cursor"])
    assert first["rows"] + rest["rows"] == everything["rows"]
    assert rest["from"] == first["from"] == everything["from"]


def test_ten_askers_cost_the_database_what_one_does(market: Settings) -> None:
    with served(market, seconds=3_000) as api:
        tick = api.reading.tick

        def ask(_: int) -> None:
            api.json("/prices")
            api.json("/candles", symbol="BTC", market="binance", interval="1m")
            api.json("/tables/whale_trades/rows", symbol="BTC")

        ask(0)
        of_one = api.reading.costs.queries
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(ask, range(9)))
        if api.reading.tick == tick:
            assert api.reading.costs.queries == of_one


def test_the_page_and_the_api_share_their_questions(market: Settings) -> None:
    with served(market, seconds=3_000) as api:
        tick = api.reading.tick
        assert httpx.get(f"{api.address}/export/overview/symbols.csv", trust_env=False).status_code == 200
        before = api.reading.costs.queries
        api.json("/prices")
        if api.reading.tick == tick:
            assert api.reading.costs.queries == before


@pytest.mark.mysql
def test_a_dead_database_is_a_503_that_says_when_to_come_again(stoppable_mysql: MariaDb, tmp_path: Path) -> None:
    url = stoppable_mysql.url("coin")
    database = Filled(url)
    database.tickers(tickers(START, START + 2 * MINUTE, MINUTE, ("BTC",)))
    database.close()
    settings = SETTINGS.model_copy(update={"home": tmp_path, "database_url": SecretStr(url)})
    with served(settings, seconds=0.2) as api:
        assert len(api.json("/tables/arbitrage/rows")["rows"]) == 6
        stoppable_mysql.kill()
        # What was read just before is shared for a tick.
        time.sleep(0.5)
        for path in ("/tables/arbitrage/rows", "/prices", "/health"):
            answer = api.get(path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["title"] == "the database does not answer"
            assert "cannot be reached" in answer.json()["detail"]
        assert api.get("/tables").status_code == 200, "what there is to read is known without it"
        stoppable_mysql.start()
        answer = api.get("/tables/arbitrage/rows")
        while answer.status_code == 503:
            answer = api.get("/tables/arbitrage/rows")
        assert len(answer.json()["rows"]) == 6


def test_too_many_requests_are_turned_away_and_the_page_is_not(market: Settings) -> None:
    with served(market, limits=Limits(requests_per_second=0.001, burst=3)) as api:
        assert [api.get("/tables").status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = api.get("/tables")
        assert answer.json()["detail"] == "more than 0.001 requests a second from 127.0.0.1"
        assert 900 < int(answer.headers["retry-after"]) <= 1000
        # Nobody has another address by saying so.
        said = httpx.get(f"{api.address}/api/v1/tables", headers={"X-Forwarded-For": "10.0.0.1"}, trust_env=False)
        assert said.status_code == 429
        for _ in range(5):
            assert httpx.get(f"{api.address}/overview", trust_env=False).status_code == 200


def test_limits_are_kept_by_client() -> None:
    now = 0.0
    clients = Clients(Limits(requests_per_second=2, burst=4, connections=2, all_connections=3), lambda: now)
    for _ in range(4):
        clients.count_request("a")
    with pytest.raises(Refused, match="more than 2 requests a second from a") as refused:
        clients.count_request("a")
    assert (refused.value.status, refused.value.retry_after) == (429, 1)
    clients.count_request("b")
    now = 1.0
    clients.count_request("a")
    clients.count_request("a")
    with pytest.raises(Refused):
        clients.count_request("a")
    with clients.connected("a"), clients.connected("a"):
        with pytest.raises(Refused, match="a has 2 connections open"), clients.connected("a"):
            pass
        with clients.connected("b"):
            assert clients.connections == 3
            with pytest.raises(Refused, match="3 connections of all clients are open") as full, clients.connected("c"):
                pass
            assert full.value.status == 503
    assert clients.connections == 0
    now = 100.0
    clients.count_request("c")
    assert list(clients._known) == ["c"], "who asked long ago is forgotten"
