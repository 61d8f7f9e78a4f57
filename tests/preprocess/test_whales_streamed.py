"""Whales as a job makes them, minute after minute from rows that come in parts, are those of the plain batch computation."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from src.config.settings import Settings
from src.preprocess.oracle import batch_rows
from src.preprocess.series import series_rows
from src.preprocess.trade import TradeQueryOrganization
from src.preprocess.whales import Whales
from src.schema.records import Trade
from src.schema.tables import TableSchema
from src.series.fold import CORRECTABLE, ClosedWindow, SeriesFold, SeriesState
from src.setting.jobs import SparkStreamingTrade
from src.setting.series_in_memory import SeriesInMemory
from tests.generated_trades import trade_rows, trades
from tests.preprocess.whale_rows import MINUTE, START

SETTINGS = Settings(whale_notional_usd=400.0, whale_percentile=90.0, whale_floor_usd=150.0)


def whale_rows_given(records: list[Trade], organization: TradeQueryOrganization) -> dict[str, list[dict[str, Any]]]:
    """The rows of each metric that whales are made of."""
    plain = trade_rows(records, organization)
    (series,) = (each for each in organization.series() if each.name == "whale_trades")
    return {metric.name: list(batch_rows(metric, plain).values()) for metric in organization.metrics() if metric.name in series.of}


@pytest.mark.parametrize("seed", range(3))
def test_whales_of_closed_minutes_are_those_of_the_batch(seed: int) -> None:
    job = SparkStreamingTrade(SETTINGS)
    assert isinstance(job.organization, TradeQueryOrganization)
    (series,) = (each for each in job.organization.series() if each.name == "whale_trades")
    tables = {table.name: table for table in job.tables}
    records = [trade for trade in trades(seed, 4_000, span_ms=600_000) if trade.source == "simulated"]
    # What a price trades in bursts, over the turns of seconds and minutes too.
    records += bursts(seed)
    records.sort(key=lambda trade: trade.event_time)
    given = whale_rows_given(records, job.organization)
    memory = SeriesInMemory(job.series)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    rows = [(name, row) for name, each in given.items() for row in each]
    random.Random(seed).shuffle(rows)
    rows.sort(key=lambda each: each[1]["window_end"] // 90_000)
    for place in range(0, len(rows), 50):
        batch, later = rows[place : place + 50], rows[place + 50 :]
        closed_until = min((row["window_end"] for _, row in later), default=2**42) - 1
        for table, made in job.series.rows(memory.take(as_tables(batch, tables), {"simulated": closed_until})).items():
            found |= {key_of(table, row): row for row in made.to_pylist() if table.name == "whale_trades"}
    expected = {key_of(tables["whale_trades"], row): row for row in series_rows(series, given).values()}
    assert {name: sum(row["kind"] == name for row in expected.values()) > 10 for name in ("single", "run")} == {"single": True, "run": True}
    assert {row["reason"] for row in expected.values()} == {"notional", "percentile", "both"}
    assert {key: {**row, "window_start": ms(row["window_start"]), "window_end": ms(row["window_end"])} for key, row in found.items()} == expected


def bursts(seed: int) -> list[Trade]:
    rng = random.Random(seed)
    known = next(trade for trade in trades(seed, 50) if trade.market == "okx" and trade.side and trade.usd_rate and trade.price)
    found = []
    for number in range(400):
        time = START - 30_000 + rng.randrange(12) * 30_000 + rng.randrange(-900, 900)
        changed = {"event_time": time, "received_time": time + 20, "trade_id": str(number), "size": rng.uniform(50.0, 200.0) / known.price}
        found.append(msgspec.structs.replace(known, symbol="SOL", source="simulated", side=rng.choice(("buy", "sell")), gap_since=None, **changed))
    return found


def as_tables(rows: list[tuple[str, dict[str, Any]]], tables: dict[str, TableSchema]) -> dict[TableSchema, pa.Table]:
    found = {}
    for name in {name for name, _ in rows}:
        timed = [{**row, "window_start": at(row["window_start"]), "window_end": at(row["window_end"])} for of, row in rows if of == name]
        found[tables[name]] = pa.Table.from_pylist(timed, schema=tables[name].arrow())
    return found


def at(time: int) -> datetime:
    return datetime.fromtimestamp(time / 1000, UTC)


def ms(time: Any) -> int:
    return round(time.timestamp() * 1000) if isinstance(time, datetime) else time


def key_of(table: TableSchema, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(ms(row[name]) if name == "window_start" else row[name] for name in table.key)


class Slots:
    """The closed windows of one series as bytes."""

    def __init__(self) -> None:
        self.slots: dict[int, bytes] = {}

    def get(self, slot: int) -> ClosedWindow:
        return msgspec.msgpack.decode(self.slots[slot], type=ClosedWindow)

    def put(self, slot: int, closed: ClosedWindow) -> None:
        self.slots[slot] = msgspec.msgpack.encode(closed)


def test_what_is_kept_of_a_price_is_under_100_kilobytes() -> None:
    """Two hours of a price that trades every other second, with a trade and a run above the floor in every other minute."""
    organization = TradeQueryOrganization(Settings())
    (series,) = (each for each in organization.series() if each.name == "whale_trades")
    columns = {table.name: [column.name for column in table.columns] for table in SparkStreamingTrade(Settings()).tables}
    state, history, rng = SeriesState(), Slots(), random.Random(1)
    named = {"source": "live", "symbol": "BTC", "market": "binance", "quote": "USDT", "instrument": "spot"}
    for minute in range(120):
        start = START + minute * MINUTE
        given = {**named, "window_start": start, "window_end": start + MINUTE}
        fold = SeriesFold(series, named, columns, state, history)

        def take(metric: str, fold: SeriesFold = fold, given: dict[str, Any] = given, **values: Any) -> None:
            row = {**dict.fromkeys(columns[metric]), **given, **values}
            fold.take(metric, (row["window_start"], row["window_end"]), "", msgspec.json.encode(row))

        if minute % 2:
            sizes = {"price": 64_123.45, "size": rng.random(), "notional_usd": 10_000 * rng.paretovariate(1.2), "event_time": start}
            take("large_trades", large_trade_id="5000000001", large_trade_side="buy", trades=1, **sizes)
            prices = {"notional": 12_345.67, "notional_usd": 12_345.67, "first_price": 64_000.1, "last_price": 64_001.1, "size": rng.random()}
            times = {"first_trade_id": "5000000000", "event_time": start, "last_event_time": start + 999}
            take("taker_seconds", side="buy", second=5.0, trades=9, **prices, **times)
        else:
            take("large_trades", large_trade_id="", large_trade_side="", trades=30)
        fold.close(start + MINUTE)
    assert len(history.slots) == CORRECTABLE
    assert max(len(closed.before) for closed in map(history.get, history.slots)) < 1_000
    kept = sum(map(len, history.slots.values())) + len(msgspec.msgpack.encode(state))
    assert 30_000 < kept < 100_000, kept


def test_the_state_holds_an_hour_and_is_not_changed_by_a_step() -> None:
    series = Whales(100_000.0, 99.9, 10_000.0)
    state: Any = None
    for minute in range(200):
        written = msgspec.msgpack.encode(state)
        window = {"window_start": START + minute * MINUTE, "window_end": START + (minute + 1) * MINUTE}
        row = {**window, "large_trade_id": "", "trades": 10}
        following, _ = series.step(state, {"large_trades": [row], "taker_seconds": [], "taker_half_seconds": []})
        assert msgspec.msgpack.encode(state) == written
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(following))
    start, minutes, turn = state
    assert (len(minutes), start, turn) == (61, START + 199 * MINUTE, [])
    assert (minutes[0], minutes[-1]) == ([60, 10], [0, 10])
