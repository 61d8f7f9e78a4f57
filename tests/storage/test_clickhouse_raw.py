"""Raw trades and order books in ClickHouse: every record once, with its levels, whatever is written again and however large a batch is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import OperationalError

from src.errors import ConfigurationError, TransientError
from src.raw.tables import RAW_ORDERBOOKS, RAW_TRADES
from src.schema.kinds import Kind
from src.schema.records import OrderBook, Record, Region, Source
from src.storage.clickhouse import LARGEST_INSERT
from src.storage.sink import Batch
from src.storage.sql import SqlSink
from tests.generated_trades import trades
from tests.panes.test_reading import ARRIVED
from tests.raw.messages import BOOKS, TRADES, messages, plain, row_of
from tests.storage.clickhouse_store import ClickHouseStore
from tests.storage.rows import row, schema

BOOK = OrderBook(
    region=Region.ASIA,
    market="okx",
    symbol="BTC",
    quote="USDT",
    source=Source.LIVE,
    event_time=ARRIVED - 500,
    received_time=ARRIVED - 400,
    bids=((65_000.1, 1.5), (64_999.9, 1e-18)),
    asks=((65_000.2, 0.0), (65_000.3, 12.25), (65_001.0, 1e18)),
    sequence=2**63 - 1,
)
BROKEN = msgspec.structs.replace(BOOK, bids=(), asks=(), valid=False, sequence=None, gap_since=ARRIVED - 60_000)


def batch(batch_id: int, found: dict[Any, pa.Table], generation: int = 1) -> Batch:
    return Batch("raw-tests", batch_id, found, checkpoint=f"raw-tests.{generation}", generation=generation)


def sent(records: Iterable[Record], first: int = 0) -> pa.Table:
    return messages(*map(msgspec.json.encode, records), first=first)


def rows_of(records: Iterable[Record], first: int = 0) -> list[dict[str, Any]]:
    return plain([row_of(record, ("raw", 1, first + number, 0)) for number, record in enumerate(records)])


def test_every_record_comes_back_as_it_was_sent(clickhouse: ClickHouseStore) -> None:
    given, books = trades(3, 2_000), [BOOK, BROKEN, msgspec.structs.replace(BOOK, market="거래소", bids=())]
    with clickhouse.opened(RAW_TRADES, RAW_ORDERBOOKS) as sink:
        sink.write(batch(0, {RAW_TRADES: TRADES.of(sent(given)), RAW_ORDERBOOKS: BOOKS.of(sent(books))}))
    assert plain(clickhouse.rows(RAW_TRADES)) == rows_of(given)
    assert plain(clickhouse.rows(RAW_ORDERBOOKS)) == rows_of(books)
    best = clickhouse.read("SELECT bid_prices[1] AS bid, ask_prices[1] AS ask, length(ask_sizes) AS levels FROM raw_orderbooks WHERE offset = 0")
    assert best == [{"bid": 65_000.1, "ask": 65_000.2, "levels": 3}]


def test_a_gap_that_begins_before_any_time_comes_back(clickhouse: ClickHouseStore) -> None:
    (given,) = [msgspec.structs.replace(trade, trade_id=None, price=None, size=None, side=None, gap_since=-(2**53)) for trade in trades(3, 1)]
    with clickhouse.opened(RAW_TRADES) as sink:
        sink.write(batch(0, {RAW_TRADES: TRADES.of(sent([given]))}))
    assert clickhouse.value("SELECT toUnixTimestamp64Milli(gap_since) FROM raw_trades") == -(2**53)


def test_a_batch_again_and_the_same_messages_in_other_batches_change_nothing(clickhouse: ClickHouseStore) -> None:
    given = trades(4, 900)
    first, second = TRADES.of(sent(given[:400])), TRADES.of(sent(given[400:], first=400))
    for _ in range(2):
        with clickhouse.opened(RAW_TRADES) as sink:
            for number, rows in ((0, first), (1, second), (0, first)):
                sink.write(batch(number, {RAW_TRADES: rows}))
    assert clickhouse.value("SELECT count() FROM raw_trades") == 900, "the server knows the inserts by their tokens"
    with clickhouse.opened(RAW_TRADES) as sink:
        sink.write(batch(0, {RAW_TRADES: TRADES.of(sent(given[:650]))}, generation=2))
    assert plain(clickhouse.rows(RAW_TRADES)) == rows_of(given)


def test_equal_records_at_two_places_are_two_rows(clickhouse: ClickHouseStore) -> None:
    with clickhouse.opened(RAW_ORDERBOOKS) as sink:
        sink.write(batch(0, {RAW_ORDERBOOKS: BOOKS.of(sent([BOOK, BOOK]))}))
    clickhouse.execute("OPTIMIZE TABLE raw_orderbooks FINAL")
    assert plain(clickhouse.rows(RAW_ORDERBOOKS)) == rows_of([BOOK, BOOK])


def test_a_large_batch_that_broke_off_is_cut_in_the_same_way_whatever_the_order_of_its_rows(
    clickhouse: ClickHouseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, insert = LARGEST_INSERT + 7, Client.insert_arrow
    start = datetime(2026, 9, 21, tzinfo=UTC)
    table = schema("large", price=Kind.DOUBLE)
    whole = pa.Table.from_pylist([{**row(f"S{number}", window_start=start), "window_end": start, "price": float(number)} for number in range(count)])
    whole = whole.select(table.arrow().names).cast(table.arrow())
    inserted: list[int] = []

    def breaking(client: Client, name: str, rows: pa.Table, **words: Any) -> Any:
        inserted.append(rows.num_rows)
        if len(inserted) == 2:
            raise OperationalError("broken off by the test")
        return insert(client, name, rows, **words)

    monkeypatch.setattr(Client, "insert_arrow", breaking)
    with clickhouse.opened(table) as sink:
        with pytest.raises(TransientError):
            sink.write(batch(0, {table: whole}))
        sink.write(batch(0, {table: whole.take(pa.array(range(count - 1, -1, -1)))}))
    assert inserted == [LARGEST_INSERT, 7, LARGEST_INSERT, 7]
    found = clickhouse.read("SELECT count() AS rows, uniqExact(symbol) AS symbols, sum(price) AS prices FROM large")
    assert found == [{"rows": count, "symbols": count, "prices": float(count * (count - 1) // 2)}]


def test_the_columns_say_their_units_and_days_are_partitions(clickhouse: ClickHouseStore) -> None:
    with clickhouse.opened(RAW_ORDERBOOKS, RAW_TRADES):
        columns = {
            found["name"]: (found["type"], found["comment"])
            for found in clickhouse.read(
                "SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() AND table = 'raw_orderbooks'"
            )
        }
        keys = clickhouse.read(
            "SELECT DISTINCT partition_key FROM system.tables WHERE database = currentDatabase() AND name IN ('raw_trades', 'raw_orderbooks')"
        )
    assert columns["bid_prices"] == ("Array(Float64)", "quote currency")
    assert columns["ask_sizes"] == ("Array(Float64)", "base coin, one for each price")
    assert columns["event_time"] == ("DateTime64(3, 'UTC')", "when the exchange says it happened, UTC")
    assert keys == [{"partition_key": "toYYYYMMDD(event_time)"}]


def test_sql_databases_refuse_arrays_by_name(sqlite_url: str) -> None:
    sink = SqlSink(sqlite_url)
    try:
        with pytest.raises(ConfigurationError, match="column bid_prices of table raw_orderbooks is an array: ClickHouse takes it"):
            sink.open([RAW_ORDERBOOKS])
    finally:
        sink.close()
