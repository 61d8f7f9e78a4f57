"""Old rows leave the database by and by, and nothing else does."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from src.config.settings import load_settings
from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema
from src.storage import retention as retention_module
from src.storage.retention import Retention, delete_old_rows, retained
from src.storage.sql import SqlSink
from src.storage.sql_batches import NAME
from tests.storage.databases import MySqlStore
from tests.storage.rows import batch, row, schema, stored
from tests.storage.stores import SqlStore, connected

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TABLE = schema("prices")
EVENTS = TableSchema("events", "Events", (TableColumn("event_id", Kind.STRING), TableColumn("event_time", Kind.TIMESTAMP)), ("event_id",))


def at(symbol: str, age: timedelta, *, source: str = "live", length: timedelta = timedelta(minutes=1)) -> dict[str, object]:
    return {**row(symbol, window_start=NOW - age), "window_end": NOW - age + length, "source": source}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_module, "_PAUSE_SECONDS", 0.0)


def test_rows_go_a_week_after_their_window_ended(database: SqlStore) -> None:
    week, minute = timedelta(days=7), timedelta(minutes=1)
    young = [at("NEW", minute), at("EDGE", week + minute), at("CANDLE", week + timedelta(days=3), length=timedelta(days=7))]
    old = [at("OLD", week + 2 * minute), at("OLDER", 9 * week), at("GENERATED", 3 * week, source="simulated")]
    young.append(at("GENERATED", minute, source="simulated"))
    with database.opened(TABLE, EVENTS) as sink:
        sink.write(batch(0, {TABLE: [*old, *young], EVENTS: [{"event_id": "a", "event_time": NOW - 8 * timedelta(days=1)}]}))
    other = schema("not_there")
    assert delete_old_rows(database.url, (TABLE, EVENTS, other), 7.0, NOW) == 4
    assert stored(database.rows(TABLE)) == stored(young)
    assert database.rows(EVENTS) == []
    assert delete_old_rows(database.url, (TABLE, EVENTS, other), 7.0, NOW) == 0


@pytest.mark.parametrize("source", ["replay", "simulated"])
def test_rows_that_are_not_live_age_against_the_newest_of_their_kind(database: SqlStore, source: str) -> None:
    year, week = timedelta(days=365), timedelta(days=7)
    kept = [at("NEWEST", year, source=source), at("A", year + week, source=source), at("LIVE", week / 2)]
    with database.opened(TABLE) as sink:
        sink.write(batch(0, {TABLE: [*kept, at("B", year + 2 * week, source=source), at("LIVE", 2 * week)]}))
    assert delete_old_rows(database.url, (TABLE,), 7.0, NOW) == 2
    assert stored(database.rows(TABLE)) == stored(kept)


def test_many_go_in_chunks_and_the_count_is_that_of_the_rows(database: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_module, "_ROWS_AT_ONCE", 100)
    rows = [at(f"S{place % 7}", timedelta(days=9, seconds=place // 7)) for place in range(700)]
    with database.opened(TABLE) as sink:
        sink.write(batch(0, {TABLE: [*rows, at("NEW", timedelta())]}))
    retention = Retention(database.url, (TABLE,), 7.0)
    deletes = 0

    @sa.event.listens_for(retention._engine, "before_cursor_execute")
    def _count(*arguments: object) -> None:
        nonlocal deletes
        deletes += str(arguments[2]).startswith("DELETE FROM") and NAME not in str(arguments[2])

    heard: list[tuple[int, int]] = []
    retention.advanced = lambda deleted, left: heard.append((deleted, left))
    assert retention.run_once(now=NOW) == retention.deleted == 700
    # 100 rows are 14 windows of 7 and a part of the next, which goes as a whole: 105 at a time.
    assert deletes == 7
    assert heard == [*((105 * number, 700 - 105 * number) for number in range(1, 7)), (700, 0)]
    assert retention.left is None, "nothing goes on any more"
    retention.close()
    assert stored(database.rows(TABLE)) == stored([at("NEW", timedelta())])


def test_a_writer_gets_in_between_two_chunks(database: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_module, "_ROWS_AT_ONCE", 10)
    rows = [at("S", timedelta(days=9, seconds=place)) for place in range(100)]
    with database.opened(TABLE) as sink:
        sink.write(batch(0, {TABLE: rows}))
        written: list[int] = []

        class Pausing(threading.Event):
            """In each pause a batch is written, from the same thread: a lock that was still held would make it wait for ever."""

            def wait(self, timeout: float | None = None) -> bool:
                del timeout
                written.append(len(written) + 1)
                sink.write(batch(written[-1], {TABLE: [at(f"NEW{written[-1]}", timedelta()), at("S", timedelta(days=9, seconds=0))]}))
                return False

        retention = Retention(database.url, (TABLE,), 7.0)
        deleted = retention.run_once(Pausing(), NOW)
        retention.close()
    assert len(written) >= 9
    assert deleted >= 100
    assert {found["symbol"] for found in database.rows(TABLE)} - {"S"} == {f"NEW{number}" for number in written}


def test_the_ledger_forgets_checkpoints_that_write_no_more(database: SqlStore) -> None:
    with database.opened(TABLE) as sink:
        sink.write(batch(3, {TABLE: [row()]}, generation=1))
        sink.write(batch(4, {TABLE: [row()]}, generation=2))
    with connected(database.url) as connection:
        connection.execute(sa.text(f"UPDATE {NAME} SET written_at = '2026-09-01 00:00:00' WHERE checkpoint = 'tests.1'"))  # noqa: S608
    delete_old_rows(database.url, (TABLE,), 7.0)
    with connected(database.url) as connection:
        left = connection.execute(sa.text(f"SELECT checkpoint, batch_id FROM {NAME}")).all()  # noqa: S608
    assert [tuple(found) for found in left] == [("tests.2", 4)]


def test_a_stop_ends_it(database: SqlStore) -> None:
    stopping = threading.Event()
    stopping.set()
    with database.opened(TABLE) as sink:
        sink.write(batch(0, {TABLE: [at("OLD", timedelta(days=9))]}))
    retention = Retention(database.url, (TABLE,), 7.0)
    assert retention.run_once(stopping, NOW) == 0
    retention.close()
    assert len(database.rows(TABLE)) == 1


def test_it_runs_beside_a_job_and_ends_with_it(sqlite_url: str) -> None:
    database = SqlStore(sqlite_url)
    with database.opened(TABLE) as sink:
        sink.write(batch(0, {TABLE: [row("OLD", window_start=datetime(2020, 1, 1, tzinfo=UTC))]}))
    said: list[str] = []
    threads = threading.active_count()
    with retained(sqlite_url, (TABLE,), load_settings(database_retention_minutes=0.0001), said.append) as retention:
        assert retention is not None
        while not retention.deleted:
            assert not said
    assert threading.active_count() == threads
    with retained(sqlite_url, (TABLE,), load_settings(database_retention_days=0), said.append) as nothing:
        assert nothing is None
    assert said == []


@pytest.mark.mysql
def test_without_the_right_to_delete_it_says_so_once_and_the_rows_stay(request: pytest.FixtureRequest) -> None:
    store = MySqlStore(request)
    with store.opened(TABLE) as sink:
        sink.write(batch(0, {TABLE: [row()]}))
    said, told = list[str](), threading.Event()

    def tell(line: str) -> None:
        said.append(line)
        told.set()

    with store.read_only() as readers:
        assert isinstance(readers, SqlStore)
        with pytest.raises(ConfigurationError, match="grant SELECT, INSERT, UPDATE, DELETE"):
            delete_old_rows(readers.url, (TABLE,), 7.0)
        with retained(readers.url, (TABLE,), load_settings(database_retention_minutes=0.0001), tell):
            assert told.wait(60)
    [line] = said
    assert line.startswith("old rows stay in the database: mysql database")
    assert len(store.rows(TABLE)) == 1
    assert isinstance(store.sink(), SqlSink)
