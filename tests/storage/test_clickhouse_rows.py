"""What ClickHouse holds after batches, those written again among them: in the engine of this process, and over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from src.schema.kinds import Kind
from src.schema.tables import TableSchema
from src.storage.sink import Batch
from tests.storage.clickhouse_store import ClickHouseStore
from tests.storage.rows import START, awkward, batch, row, schema, stored

OLD, NEW = [row(price=1.0, signal="PRICE_ALERT"), row("ETH", price=3.0)], [row(price=2.0)]


def numbered(batch_id: int, rows: Mapping[TableSchema, Iterable[Mapping[str, Any]]], generation: int = 1) -> Batch:
    """A batch of a checkpoint; another generation is another one."""
    return replace(batch(batch_id, rows), checkpoint=f"tests.{generation}", generation=generation)


def test_values_come_back_as_they_were_and_what_is_no_number_as_null(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    with clickhouse.opened(table) as sink:
        sink.write(numbered(0, {table: awkward()}))
    assert stored(clickhouse.rows(table)) == stored(awkward())


def test_a_batch_written_twice_is_stored_once(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    for _ in range(2):
        with clickhouse.opened(table) as sink:
            sink.write(numbered(5, {table: awkward()}))
            sink.write(numbered(5, {table: awkward()}))
    assert stored(clickhouse.rows(table)) == stored(awkward())
    # Not even behind the view: the server knows the insert by its token.
    assert clickhouse.value(f"SELECT count() FROM {table.name}") == len(awkward())  # noqa: S608


def test_a_row_is_updated_by_its_key_and_a_null_replaces_a_value(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    with clickhouse.opened(table) as sink:
        sink.write(numbered(5, {table: OLD}))
        sink.write(numbered(6, {table: NEW}))
    assert stored(clickhouse.rows(table)) == stored([row(price=2.0), row("ETH", price=3.0)])
    clickhouse.execute(f"OPTIMIZE TABLE {table.name} FINAL")
    assert clickhouse.value(f"SELECT count() FROM {table.name}") == 2  # noqa: S608
    assert stored(clickhouse.rows(table)) == stored([row(price=2.0), row("ETH", price=3.0)])


def test_batch_5_again_after_batch_6_changes_nothing(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    five, six = numbered(5, {table: OLD}), numbered(6, {table: NEW})
    with clickhouse.opened(table) as sink:
        for given in (five, six, five):
            sink.write(given)
        # As when the server has forgotten the token: the version alone decides.
        clickhouse.execute(f"ALTER TABLE {table.name} MODIFY SETTING non_replicated_deduplication_window = 0")
        sink.write(five)
    assert clickhouse.value(f"SELECT count() FROM {table.name}") == 5  # noqa: S608
    assert stored(clickhouse.rows(table)) == stored([row(price=2.0), row("ETH", price=3.0)])


def test_a_checkpoint_that_began_anew_wins_with_small_batch_ids(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    with clickhouse.opened(table) as sink:
        sink.write(numbered(5000, {table: OLD}, generation=1_790_000_000_000))
        sink.write(numbered(0, {table: NEW}, generation=1_790_000_000_001))
    assert stored(clickhouse.rows(table)) == stored([row(price=2.0), row("ETH", price=3.0)])


def test_of_no_checkpoint_the_batch_written_last_holds(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    with clickhouse.opened(table) as sink:
        for number, price in ((7, 1.0), (8, 2.0), (8, 3.0), (7, 4.0)):
            sink.write(replace(batch(number, {table: [row(price=price)]}), checkpoint="", generation=0))
    assert stored(clickhouse.rows(table)) == stored([row(price=4.0)])


def test_one_insert_holds_more_days_than_a_server_allows_by_itself(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    rows = [row(window_start=START + timedelta(days=place), price=float(place)) for place in range(150)]
    with clickhouse.opened(table) as sink:
        sink.write(numbered(0, {table: rows}))
    assert stored(clickhouse.rows(table)) == stored(rows)
    assert clickhouse.value(f"SELECT uniqExact(_partition_id) FROM {table.name}") == 150  # noqa: S608


def test_a_batch_is_one_part_of_each_of_its_tables(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    other, empty = (replace(table, name=f"{name}_{table.name}") for name in ("other", "empty"))
    start = datetime(2026, 9, 21, tzinfo=UTC)
    rows = [row(f"S{place % 70}", window_start=start + timedelta(milliseconds=place), price=place / 7) for place in range(40_000)]
    with clickhouse.opened(table, other, empty) as sink:
        sink.write(numbered(0, {table: rows, empty: [], other: [row("ETH", price=2.0)]}))
        sink.write(numbered(1, {}))
    assert stored(clickhouse.rows(table)) == stored(rows)
    assert stored(clickhouse.rows(other)) == stored([row("ETH", price=2.0)])
    assert clickhouse.rows(empty) == []
    parts = clickhouse.read("SELECT table, count() AS parts, sum(rows) AS rows FROM system.parts WHERE database = currentDatabase() GROUP BY ALL")
    assert {part["table"]: (part["parts"], part["rows"]) for part in parts} == {table.name: (1, 40_000), other.name: (1, 1)}


def test_batches_come_from_another_thread_than_open(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    with clickhouse.opened(table) as sink, ThreadPoolExecutor(1) as thread:
        thread.submit(sink.write, numbered(0, {table: [row(price=1.0)]})).result()
    assert stored(clickhouse.rows(table)) == stored([row(price=1.0)])


def test_the_next_run_goes_on_with_the_rows_of_the_last(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    for number in (1, 2):
        with clickhouse.opened(table) as sink:
            sink.write(numbered(number, {table: [row(price=float(number)), row(f"RUN{number}", price=float(number))]}))
    assert stored(clickhouse.rows(table)) == stored([row(price=2.0), row("RUN1", price=1.0), row("RUN2", price=2.0)])


def test_close_is_safe_at_any_time(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    clickhouse.sink().close()
    with clickhouse.opened(table) as sink:
        sink.write(numbered(0, {table: [row()]}))
        sink.close()
        sink.close()


def test_every_name_that_a_metric_may_have_works(clickhouse: ClickHouseStore) -> None:
    names = ["signal", "order", "group", "key", "range", "system", "format", "values", "final", "settings", "sample", "a" * 63]
    for table in (schema("select", **dict.fromkeys(names, Kind.DOUBLE)), schema("format", price=Kind.DOUBLE), schema("t" * 63)):
        values = {column.name: 1.5 for column in table.columns if column.kind is Kind.DOUBLE}
        rows = [{**{name: value for name, value in row().items() if name in table.arrow().names}, **values}]
        with clickhouse.opened(table) as sink:
            sink.write(numbered(0, {table: rows}))
        assert stored(clickhouse.rows(table)) == stored(rows)


@pytest.fixture
def host_in_seoul(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("host_in_seoul")
def test_times_are_utc_in_the_table_wherever_the_host_is(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    in_seoul = datetime(2026, 9, 22, 8, 59, 59, 999_000, tzinfo=ZoneInfo("Asia/Seoul"))
    in_new_york_twice = datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=ZoneInfo("America/New_York"))
    with clickhouse.opened(table) as sink:
        sink.write(numbered(0, {table: [row("A", window_start=in_seoul), row("B", window_start=in_new_york_twice)]}))
    found = clickhouse.read(f"SELECT toString(window_start) AS at, _partition_id AS day FROM {table.name} ORDER BY symbol")  # noqa: S608
    assert [(one["at"], one["day"]) for one in found] == [("2026-09-21 23:59:59.999", "20260921"), ("2026-11-01 06:30:00.000", "20261101")]
