"""The trade and the order-book job over recordings of venues of every kind (won, USDT, USD; spot and futures): all tables equal the oracle.

And with `--debug` they show all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import pytest

from src.broker.cluster import cluster
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
BOOK_MARKETS = ("upbit", "coinone", "okx", "bybit", "kraken", "binance_futures")
"""Binance is not among them: its stream has changes alone, and the books that they change are not in these recordings."""
TRADE_MARKETS = ("upbit", "coinone", "okx", "binance", "kraken", "binance_futures")
WHALES = {"whale_notional_usd": "15000", "whale_run_trade_usd": "500", "whale_floor_usd": "5000", "whale_percentile": "90"}
"""So low that some of the simulated trades are whales': their median is worth 2,200 USD."""
_SHOWN = re.compile(r"^(\w+): batch \d+, (\d+) rows", re.MULTILINE)


@dataclass(frozen=True)
class Replayed:
    """A job that has stored a recording, and what was on its topics."""

    home: Home
    values: Mapping[str, Sequence[bytes]]


@pytest.fixture(scope="module")
def order_books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    home = Home(tmp_path_factory.mktemp("orderbook"), job=SparkStreamingOrderbook)
    # Held here, one broker serves all that is run.
    with cluster(home.settings, "tests"):
        yield Replayed(home, replayed(home, Channel.ORDERBOOK, BOOK_MARKETS, seconds=40))


@pytest.fixture(scope="module")
def trades(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    home = Home(tmp_path_factory.mktemp("trade"), job=SparkStreamingTrade, **WHALES)
    with cluster(home.settings, "tests"):
        yield Replayed(home, replayed(home, Channel.TRADE, TRADE_MARKETS, seconds=200))


def replayed(home: Home, channel: Channel, markets: Sequence[str], seconds: int) -> Mapping[str, Sequence[bytes]]:
    """Replay a recorded market through the job; the values on its topics."""
    files = record(home.folder / "frames", seconds, rate=2.0, channel=channel, markets=markets)
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
        assert actual, f"{metric.name}: nothing is compared"
        assert_equal_rows(actual, batch_rows(metric, rows), metric)


def keyed_rows(home: Home, table: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a table by its key, times as integer ms."""
    (schema,) = (each for each in home.job.tables if each.name == table)
    stored = (
        {name: round(value.timestamp() * 1000) if isinstance(value, datetime) else value for name, value in row.items()} for row in home.rows(table)
    )
    return {tuple(row[name] for name in schema.key): row for row in stored}


def test_order_books(order_books: Replayed) -> None:
    depth = decoded(order_books.values[BINANCE_DEPTH_TOPIC], RawMessage)
    books = [book for topic, values in order_books.values.items() if topic != BINANCE_DEPTH_TOPIC for book in decoded(values, OrderBook)]
    assert len(depth) > 20
    assert len(books) > 500
    assert {book.market for book in books} == {*BOOK_MARKETS} - {"binance_futures"}
    assert_tables(order_books.home, [*books, *map(depth_change, depth)])


def test_trades(trades: Replayed) -> None:
    raw = decoded(trades.values[BINANCE_TRADE_TOPIC], RawMessage)
    futures = [trade for each in raw if (trade := aggregate_trade(each)) is not None]
    spot = [trade for topic, values in trades.values.items() if topic != BINANCE_TRADE_TOPIC for trade in decoded(values, Trade)]
    assert len(futures) > 50
    assert len(spot) > 500
    assert {trade.market for trade in spot} == {*TRADE_MARKETS} - {"binance_futures"}
    assert_tables(trades.home, [part for trade in [*spot, *futures] for part in spread_gap_mark(trade)])


def test_what_is_made_of_closed_windows(trades: Replayed) -> None:
    home = trades.home
    newest = max(trade.event_time for topic, values in trades.values.items() if topic != BINANCE_TRADE_TOPIC for trade in decoded(values, Trade))
    closed_until = max(row["window_end"] for row in keyed_rows(home, "indicators").values())
    assert closed_until > newest - 180_000, "windows are closed a minute after the slowest market has passed them"
    for metric in home.job.series.metrics:
        read = {name: [row for row in keyed_rows(home, name).values() if row["window_end"] <= closed_until] for name in metric.of}
        expected, actual = series_rows(metric, read), keyed_rows(home, metric.name)
        assert actual, f"{metric.name}: nothing is compared"
        assert set(actual) == set(expected)
        for key, row in expected.items():
            assert all(same(actual[key][name], value, Tolerance.RELATIVE) for name, value in row.items()), key


@pytest.mark.parametrize("name", [pytest.param("order_books", marks=pytest.mark.slow), "trades"])
def test_debug_shows_every_row_of_every_metric_and_stores_nothing(name: str, request: pytest.FixtureRequest) -> None:
    home: Home = request.getfixturevalue(name).home
    stored = {table.name: len(home.rows(table.name)) for table in home.job.tables}
    status, output = home.run(home.job.name, "--debug", "--source", "none", "--from", "earliest", "--trigger", "available-now")
    assert status == 0, output
    assert "nothing is stored" in output
    # All that is on the topics is one batch, in which each row comes once.
    assert {table: int(rows) for table, rows in _SHOWN.findall(output)} == stored
    assert {table.name: len(home.rows(table.name)) for table in home.job.tables} == stored
    assert not list((home.settings.home / "debug").glob("*")), "a look on leaves nothing"
