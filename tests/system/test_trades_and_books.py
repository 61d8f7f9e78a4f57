"""The trade and the order-book job over recordings of every venue: all tables hold what the plain batch computation says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from src.collect.aggregate_trade import aggregate_trade
from src.collect.message import BINANCE_DEPTH_TOPIC, BINANCE_TRADE_TOPIC
from src.collect.parsed import Channel
from src.preprocess.depth_change import depth_change
from src.preprocess.gap_marks import spread_gap_mark
from src.preprocess.oracle import batch_rows
from src.preprocess.series import series_rows
from src.schema.records import OrderBook, RawMessage, Record, Trade
from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTrade
from tests.equality import Tolerance, assert_equal_rows, plain_rows, same
from tests.system.jobs import Home
from tests.system.recorded import START_AT, record

pytestmark = pytest.mark.timeout(600)
MARKETS = ("upbit", "coinone", "okx", "binance", "kraken", "binance_futures")


def replayed(home: Home, channel: Channel, seconds: int) -> Mapping[str, Sequence[bytes]]:
    """Replay a recorded market through the job; the values on its topics."""
    files = record(home.folder / "frames", seconds, rate=2.0, channel=channel, markets=MARKETS)
    replay = (channel.value, "--source", "replay", *files, "--speed", "inf", "--start-at", START_AT, "--trigger", "available-now")
    status, output = home.run(*replay)
    assert status == 0, output
    found: dict[str, list[bytes]] = {}
    for place, values in home.messages(*home.job.topics).items():
        found.setdefault(place.topic, []).extend(value for _, value in values)
    return found


def decoded(values: Sequence[bytes], kind: type[Any]) -> list[Any]:
    found = [msgspec.json.decode(value, type=kind | list[kind]) for value in values]
    return [record for each in found for record in (each if isinstance(each, list) else [each])]


def assert_tables(home: Home, records: Sequence[Record]) -> None:
    rows = plain_rows(records, home.job.organization)
    tables = home.tables()
    for metric in home.plan.metrics:
        actual = {key: row for key, row in tables[metric.name].items() if key[0] != "unknown"}
        assert_equal_rows(actual, batch_rows(metric, rows), metric)
        assert actual or metric.name in {"taker_seconds", "taker_half_seconds"}, f"{metric.name}: nothing was compared"


def test_order_books(tmp_path: Path) -> None:
    home = Home(tmp_path, job=SparkStreamingOrderbook)
    found = replayed(home, Channel.ORDERBOOK, seconds=40)
    depth = decoded(found.pop(BINANCE_DEPTH_TOPIC), RawMessage)
    books = [book for values in found.values() for book in decoded(values, OrderBook)]
    assert len(depth) > 20
    assert len(books) > 500
    assert_tables(home, [*books, *map(depth_change, depth)])


def test_trades(tmp_path: Path) -> None:
    home = Home(tmp_path, job=SparkStreamingTrade)
    found = replayed(home, Channel.TRADE, seconds=200)
    futures = [trade for raw in decoded(found.pop(BINANCE_TRADE_TOPIC), RawMessage) if (trade := aggregate_trade(raw)) is not None]
    trades = [trade for values in found.values() for trade in decoded(values, Trade)]
    assert len(futures) > 50
    assert len(trades) > 500
    assert_tables(home, [part for trade in [*trades, *futures] for part in spread_gap_mark(trade)])
    (indicators,) = (metric for metric in home.job.series.metrics if metric.name == "indicators")
    actual = keyed_rows(home, "indicators")
    closed_until = max(row["window_end"] for row in actual.values())
    newest = max(trade.event_time for trade in trades)
    assert closed_until > newest - 180_000, "windows are closed a minute after the slowest market has passed them"
    candles = [row for row in keyed_rows(home, "candles").values() if row["window_end"] <= closed_until]
    expected = series_rows(indicators, {"candles": candles})
    assert set(actual) == set(expected)
    for key, row in expected.items():
        assert all(same(actual[key][name], value, Tolerance.RELATIVE) for name, value in row.items()), key


def keyed_rows(home: Home, table: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a table by its key, times as integer ms."""
    (schema,) = (each for each in home.job.tables if each.name == table)
    stored = (
        {name: round(value.timestamp() * 1000) if isinstance(value, datetime) else value for name, value in row.items()} for row in home.rows(table)
    )
    return {tuple(row[name] for name in schema.key): row for row in stored}
