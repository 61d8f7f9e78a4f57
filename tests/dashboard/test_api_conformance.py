"""Every endpoint and every table: answers are what OpenAPI says of them, and every column says what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from src.dashboard.api.meaning import meanings
from src.dashboard.tables import metric_tables
from src.schema.kinds import Kind
from tests.dashboard.markets import SETTINGS
from tests.dashboard.served import Served

TABLES = metric_tables(SETTINGS)
NEEDED: Mapping[str, Mapping[str, Any]] = {"/api/v1/candles": {"symbol": "BTC", "market": "binance", "interval": "1m"}}
"""What an endpoint must be told."""
EMPTY = {"depth_intensity", "taker_seconds", "taker_half_seconds"}
"""Tables of which the tests' market has no rows: it has no derivatives, and no two trades of one second."""
PATHS = [
    *("/api/v1/tables", "/api/v1/candles", "/api/v1/prices", "/api/v1/health"),
    *(f"/api/v1/tables/{name}{end}" for name in TABLES for end in ("", "/rows")),
]


@cache
def document(api: Served) -> dict[str, Any]:
    found: dict[str, Any] = api.json("/openapi.json")
    return found


def problems(api: Served, path: str, answer: Any) -> list[str]:
    """What of an answer is not as OpenAPI says."""
    operation = document(api)["paths"][path]["get"]
    content = operation["responses"][str(answer.status_code)]["content"]
    schema = content[answer.headers["content-type"]]["schema"]
    whole = {**schema, "components": document(api)["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(answer.json())]


def asked(api: Served, path: str, **parameters: Any) -> Any:
    given = {**NEEDED.get(path, {}), **parameters}
    return api.get(path.removeprefix("/api/v1"), **given)


def test_the_document_is_one_and_has_every_endpoint(api: Served) -> None:
    found = document(api)
    assert found["openapi"].startswith("3.1")
    assert sorted(found["paths"]) == sorted(PATHS)
    for schema in found["components"]["schemas"].values():
        validator_for(schema, Draft202012Validator).check_schema(schema)
    text = api.get("/").text
    assert "GET /api/v1/tables/candles/rows" in text
    assert not re.findall(r"""(?:src|href)\s*=|https?://(?!127)|@import|url\(""", text), "the page of it loads nothing"


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_is_what_the_document_says(api: Served, path: str) -> None:
    answer = asked(api, path)
    assert answer.status_code == 200, answer.text
    assert problems(api, path, answer) == []
    if path.endswith("/rows"):
        assert bool(answer.json()["rows"]) is (path.split("/")[-2] not in EMPTY)
    refused = asked(api, path, nonsense="1") if "/rows" in path or path in NEEDED else None
    if refused is not None:
        assert refused.status_code == 422
        assert problems(api, path, refused) == []


@pytest.mark.parametrize("name", [name for name in TABLES if name not in EMPTY])
def test_every_filter_and_every_bound_gives_the_rows_that_it_says(api: Served, name: str) -> None:
    path = f"/tables/{name}/rows"
    everything = api.json(path, from_=0, limit=5000)
    rows, time = everything["rows"], api.json(f"/tables/{name}")["time"]
    assert everything["next_cursor"] is None
    assert [row[time] for row in rows] == sorted((row[time] for row in rows), reverse=True)
    for parameter in document(api)["paths"][f"/api/v1{path}"]["get"]["parameters"]:
        column = parameter["name"]
        if column in TABLES[name].key and column in rows[0]:
            value = rows[len(rows) // 2][column]
            assert api.json(path, from_=0, limit=5000, **{column: value})["rows"] == [row for row in rows if row[column] == value]
    middle = rows[len(rows) // 2][time]
    assert api.json(path, from_=middle, limit=5000)["rows"] == [row for row in rows if row[time] >= middle]
    assert api.json(path, from_=0, to=middle, limit=5000)["rows"] == [row for row in rows if row[time] < middle]
    # Pages of a size that goes into nothing, one after the other.
    size, found, cursor = max(2, len(rows) // 3 + 1), [], {}
    while True:
        page = api.json(path, from_=0, limit=size, **cursor)
        found += page["rows"]
        if page["next_cursor"] is None:
            break
        assert len(page["rows"]) == size
        cursor = {"cursor": page["next_cursor"]}
    assert found == rows


@pytest.mark.parametrize("name", TABLES)
def test_every_column_says_what_it_means_and_every_amount_its_unit(api: Served, name: str) -> None:
    card = api.json(f"/tables/{name}")
    assert [column["name"] for column in card["columns"]] == [column.name for column in TABLES[name].columns]
    assert card["key"] == list(TABLES[name].key)
    row = document(api)["components"]["schemas"][f"{''.join(part.capitalize() for part in name.split('_'))}Row"]
    assert row["additionalProperties"] is False
    assert row["required"] == list(row["properties"]) == [column["name"] for column in card["columns"]]
    ratios = {"imbalance", "last_imbalance", "invalid_share", "rsi_14", "buy_sell_ratio"}
    for column in card["columns"]:
        said = row["properties"][column["name"]]
        assert said["description"]
        assert said.get("x-unit") == column["unit"]
        assert column["unit"] is None or column["unit"] in said["description"], column
        if column["type"] in {"number", "integer"}:
            assert (column["unit"] is None) is (column["name"] in ratios), column


def test_units_are_those_that_the_metrics_say() -> None:
    said = {
        "candles": {"open": "quote currency", "volume": "base coin", "quote_volume": "quote currency", "trades": "count", "vwap": "quote currency"},
        "indicators": {"sma_20": "quote currency", "rsi_14": None, "macd_histogram": "quote currency", "atr_14": "quote currency"},
        "arbitrage": {"mean_price_usd_korea": "USD", "premium_percent_korea_ne": "percent", "window_start": "ms since 1970 UTC"},
        "depth_intensity": {"messages_per_second": "per second", "bid_size_per_second": "base coin per second"},
        "market_arbitrage": {"age_seconds_okx": "seconds"},
        "order_cal_market": {"mean_spread_bp": "basis points", "mean_bid_size_within_10bp_usd": "USD"},
        "input_quality": {"delay_ms": "milliseconds", "newest_event_time": "ms since 1970 UTC"},
        "market_arbitrage_signal": {"last_price": "quote currency", "volatility_percent": "percent"},
    }
    for name, units in said.items():
        found = meanings(TABLES[name])
        assert {column: found[column].unit for column in units} == units


def test_columns_are_numbers_times_and_texts(api: Served) -> None:
    row = api.json("/tables/candles/rows", limit=1, interval="1m")["rows"][0]
    kinds = {column.name: column.kind for column in TABLES["candles"].columns}
    types = {Kind.DOUBLE: (int, float), Kind.LONG: int, Kind.TIMESTAMP: int, Kind.STRING: str}
    assert [name for name, value in row.items() if value is not None and not isinstance(value, types[kinds[name]])] == []  # type: ignore[arg-type]
    assert row["window_end"] - row["window_start"] == 60_000
