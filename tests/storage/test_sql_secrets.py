"""A password is nowhere: not in an error, nor in what hangs on it, nor in what is printed, logged or parked, whatever fails."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
import sqlalchemy as sa

from src.errors import CoinSparkError, TerminalError
from src.storage.outlet import Outlet, Rules
from src.storage.parked import ParkedBatches
from src.storage.retention import delete_old_rows, retained
from src.storage.sink import Sink
from src.storage.sql import SqlSink
from tests.servers import MariaDb
from tests.storage.databases import PASSWORD
from tests.storage.rows import batch, row, schema
from tests.storage.stores import SqlStore, connected

pytestmark = pytest.mark.mysql
TABLE, OTHER = schema("prices"), schema("spreads")
LATER = batch(1, {TABLE: [row(price=1.0)], OTHER: [row(price=1.0)]})


@pytest.fixture
def store(stoppable_mysql: MariaDb) -> SqlStore:
    """A database whose address holds the canary."""
    stoppable_mysql.url("coin")
    stoppable_mysql.execute(f"CREATE USER tester IDENTIFIED BY '{PASSWORD}'", "GRANT ALL ON coin.* TO tester")
    return SqlStore(stoppable_mysql.url("coin", "tester", PASSWORD))


@pytest.fixture(autouse=True)
def _nothing_is_said(
    store: SqlStore, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[None]:
    """Whatever a test does with its store, with every logger at its most talkative."""
    del store
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "pymysql"):
        caplog.set_level(logging.DEBUG, name)
    yield
    records = caplog.get_records("call")
    assert any(record.name.startswith("sqlalchemy") for record in records), request.node.nodeid
    said = "".join(record.getMessage() for record in records if record.name != "hypothesis")
    printed = capfd.readouterr()
    assert PASSWORD not in said + printed.out + printed.err


def assert_silent(error: BaseException) -> None:
    assert isinstance(error, CoinSparkError)
    assert PASSWORD not in "".join(traceback.format_exception(error))
    seen: BaseException | None = error
    while seen is not None:
        assert PASSWORD not in f"{seen} {seen!r} {seen.__dict__}"
        seen = seen.__cause__ or seen.__context__


def failed(sink: Sink) -> None:
    with pytest.raises(CoinSparkError) as caught:
        sink.write(LATER)
    assert_silent(caught.value)


def test_no_way_in_which_a_write_fails_shows_it(store: SqlStore, stoppable_mysql: MariaDb) -> None:
    with store.opened(TABLE, OTHER) as sink:
        sink.write(batch(0, {TABLE: [row(symbol="A")], OTHER: [row(symbol="A")]}))
        # A value that is refused, a table that is gone, a right that was taken away, a connection that was ended, a server that was.
        with pytest.raises(CoinSparkError) as caught:
            sink.write(batch(1, {TABLE: [row("S" * 65)]}))
        assert_silent(caught.value)
        with connected(store.url) as connection:
            connection.exec_driver_sql("RENAME TABLE spreads TO elsewhere")
        failed(sink)
        with connected(store.url) as connection:
            connection.exec_driver_sql("RENAME TABLE elsewhere TO spreads")
        with connected(store.url) as blocker, ThreadPoolExecutor(1) as thread:
            blocker.exec_driver_sql("SELECT * FROM spreads FOR UPDATE").all()
            writing = thread.submit(failed, sink)
            writing.result()
        stoppable_mysql.execute("REVOKE ALL ON coin.* FROM tester", "FLUSH PRIVILEGES")
        sink.close()
        failed(sink)
        stoppable_mysql.execute("GRANT ALL ON coin.* TO tester", "ALTER USER tester IDENTIFIED BY 'other'", "FLUSH PRIVILEGES")
        sink.close()
        failed(sink)
        stoppable_mysql.stop()
        failed(sink)
        stoppable_mysql.start()


def test_neither_retries_nor_parked_files_nor_the_retention_show_it(store: SqlStore, stoppable_mysql: MariaDb, tmp_path: Path) -> None:
    notes: list[str] = []
    with store.opened(TABLE, OTHER) as sink:
        stoppable_mysql.stop()
        stopping = Event()
        with pytest.raises(TerminalError) as caught:
            Outlet(sink, sink.write, Rules(0.0, False, stopping, notes.append)).deliver(LATER)  # noqa: FBT003
        assert_silent(caught.value)
        Outlet(sink, sink.write, Rules(0.0, True, stopping, notes.append), ParkedBatches(tmp_path)).deliver(LATER)  # noqa: FBT003
        with pytest.raises(CoinSparkError) as caught:
            delete_old_rows(store.url, (TABLE,), 7.0)
        assert_silent(caught.value)
    with pytest.raises(CoinSparkError) as caught:
        SqlSink(store.url).open([TABLE])
    assert_silent(caught.value)
    stoppable_mysql.start()
    assert notes
    assert PASSWORD not in "".join(notes)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(PASSWORD.encode() in path.read_bytes() for path in files)


def test_an_open_sink_and_a_running_retention_do_not_print_it(store: SqlStore) -> None:
    from src.config.settings import load_settings  # noqa: PLC0415

    sink = SqlSink(store.url)
    with retained(store.url, (TABLE,), load_settings(database_retention_minutes=1.0), print) as retention:
        assert retention is not None
        assert PASSWORD not in f"{sink!r} {sink._engine!r} {sink._first!r} {retention!r} {retention._engine!r}"
    assert PASSWORD not in f"{load_settings(database_url=store.url)!r}"
    assert sa.make_url(store.url).password == PASSWORD
