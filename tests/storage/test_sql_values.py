"""The same rows in SQLite and in a MySQL-protocol server: to the last bit of a number, the case of a key, the millisecond of a time."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.schema.tables import TableSchema
from tests.generated import tickers
from tests.servers import MariaDb
from tests.storage.rows import awkward, batch, row, schema, stored
from tests.storage.stores import SqlStore, connected


@pytest.mark.mysql
def test_the_same_rows_read_back_from_both(sqlite_url: str, mysql_url: str, table: TableSchema) -> None:
    rng = random.Random(3)
    numbers = [struct.unpack("d", rng.randbytes(8))[0] for _ in range(2_000)]
    generated = [row(f"{ticker.symbol}{place}", price=ticker.price, records=ticker.event_time) for place, ticker in enumerate(tickers(5, 200))]
    rows = [*awkward(), *(row(f"N{place}", price=number) for place, number in enumerate(numbers)), *generated]
    found = []
    for url in (sqlite_url, mysql_url):
        database = SqlStore(url)
        with database.opened(table) as sink:
            sink.write(batch(0, {table: rows}))
        found.append(stored(database.rows(table)))
    assert found[0] == found[1] == stored(rows)


@pytest.fixture
def host_in_seoul(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("host_in_seoul")
def test_times_are_utc_in_the_table_wherever_the_host_is(database: SqlStore, table: TableSchema) -> None:
    _assert_times_are_utc(database, table)


@pytest.mark.mysql
@pytest.mark.usefixtures("host_in_seoul")
def test_nothing_that_a_server_is_set_to_changes_a_row(stoppable_mysql: MariaDb, table: TableSchema) -> None:
    # A zone with summer time, quotes of another meaning, texts cut short in silence, Latin text.
    stoppable_mysql.execute(
        "SET GLOBAL time_zone = '-05:00'",
        "SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'",
        "SET GLOBAL character_set_server = 'latin1'",
        "SET GLOBAL collation_server = 'latin1_swedish_ci'",
    )
    database = SqlStore(stoppable_mysql.url("elsewhere"))
    with database.opened(table) as sink:
        sink.write(batch(0, {table: awkward()}))
        with pytest.raises(ConfigurationError, match="refused the rows: Data too long for column 'symbol'"):
            sink.write(batch(1, {table: [row("S" * 65)]}))
    assert stored(database.rows(table)) == stored(awkward())
    _assert_times_are_utc(database, schema("times"))


def _assert_times_are_utc(database: SqlStore, table: TableSchema) -> None:
    in_seoul = datetime(2026, 9, 22, 8, 59, 59, 999_000, tzinfo=ZoneInfo("Asia/Seoul"))
    in_new_york_twice = datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=ZoneInfo("America/New_York"))
    with database.opened(table) as sink:
        times = [row("A", window_start=in_seoul), row("B", window_start=in_new_york_twice)]
        sink.write(batch(0, {table: times}, generation=9))
    with connected(database.url) as connection:
        texts = connection.execute(sa.text(f"SELECT CAST(window_start AS CHAR(26)) FROM {table.name} ORDER BY symbol")).scalars().all()  # noqa: S608
    said = [datetime.fromisoformat(text.strip()).isoformat(timespec="milliseconds") for text in texts]
    assert said == ["2026-09-21T23:59:59.999", "2026-11-01T06:30:00.000"]
    assert [found["window_start"] for found in database.rows(table)] == [
        datetime(2026, 9, 21, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(2026, 11, 1, 6, 30, tzinfo=UTC),
    ]


def test_every_name_that_a_metric_may_have_works(database: SqlStore) -> None:
    names = ["signal", "order", "group", "key", "rank", "range", "rows", "system", "window", "over", "lead", "offset", "returning", "count", "a" * 63]
    for place, table in enumerate((schema("select", **dict.fromkeys(names, Kind.DOUBLE)), schema("t" * 63))):
        values = {column.name: 1.5 for column in table.columns if column.kind is Kind.DOUBLE}
        rows = [{**{name: value for name, value in row().items() if name in table.arrow().names}, **values}]
        with database.opened(table) as sink:
            sink.write(batch(place * 2, {table: rows}))
            sink.write(batch(place * 2 + 1, {table: rows}))
        assert stored(database.rows(table)) == stored(rows)


def test_a_wide_metric_fits(database: SqlStore) -> None:
    columns = {f"price_usd_{place}": Kind.DOUBLE for place in range(60)} | {f"market_{place}": Kind.STRING for place in range(10)}
    table = schema("wide", **columns)
    key = {name: value for name, value in row().items() if name in {"source", "symbol", "window_start", "window_end"}}
    full = {name: 1 / 3 if kind is Kind.DOUBLE else "가" * 255 for name, kind in columns.items()}
    rows = [{**key, **full}, {**key, "symbol": "ETH", **dict.fromkeys(columns)}]
    with database.opened(table) as sink:
        sink.write(batch(0, {table: rows}))
    assert stored(database.rows(table)) == stored(rows)
