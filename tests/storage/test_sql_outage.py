"""A database that goes away while batches are written, or makes them wait: retried, nothing lost, nothing twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from src.errors import TerminalError, TransientError
from src.storage import sql_engine
from src.storage.delivery import deliver
from src.storage.sink import Batch, Sink
from src.storage.sql import sql_table
from tests.servers import MariaDb
from tests.storage.rows import batch, row, schema, stored
from tests.storage.stores import SqlStore, connected

ONE, OTHER = schema("one"), schema("other")
FOREVER = 3_600.0


class Delivery:
    """Batches on their way to a sink in a thread of their own, as the job delivers them."""

    def __init__(self, thread: ThreadPoolExecutor, sink: Sink, batches: Iterable[Batch], seconds: float = FOREVER) -> None:
        self.stopping = threading.Event()
        self.failed = threading.Event()
        self.notes: list[str] = []
        self._arguments = (sink, [*batches], seconds)
        self.done: Future[None] = thread.submit(self._run)

    def _run(self) -> None:
        sink, batches, seconds = self._arguments
        for given in batches:
            deliver(sink, sink.write, given, seconds, self.stopping, self._tell)

    def _tell(self, note: str) -> None:
        self.notes.append(note)
        self.failed.set()


def batches(first: int, last: int) -> list[Batch]:
    """Batch n updates the row `last`, and adds one of its own to each of two tables."""
    return [batch(n, {table: [row("LAST", records=n), row(f"ROW{n}", records=n)] for table in (ONE, OTHER)}) for n in range(first, last + 1)]


def rows_after(last: int) -> dict[tuple[Any, ...], dict[str, Any]]:
    return stored([row("LAST", records=last), *(row(f"ROW{n}", records=n) for n in range(last + 1))])


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        # InnoDB shows a new list of its transactions only when nobody has asked for it for a tenth of a second.
        time.sleep(0.2)


def waiting(administrator: sa.Connection) -> int | None:
    """The server's number of the connection that waits for a row's lock, if one does."""
    found = administrator.exec_driver_sql("SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")
    return found.scalar_one_or_none()


@pytest.fixture
def thread() -> Iterable[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.mark.mysql
def test_short_outages_lose_nothing_and_a_long_one_stops_the_job(stoppable_mysql: MariaDb, thread: ThreadPoolExecutor) -> None:
    server, store = stoppable_mysql, SqlStore(stoppable_mysql.url("coin"))
    with store.opened(ONE, OTHER) as sink:
        # Stopped in order between two batches: the pool's connection is dead when the next one is written.
        delivery = Delivery(thread, sink, batches(0, 4))
        delivery.done.result()
        server.stop()
        delivery = Delivery(thread, sink, batches(5, 9))
        delivery.failed.wait()
        server.start()
        delivery.done.result()
        assert "cannot be reached" in delivery.notes[0]
        assert delivery.notes[-1] == ""
        assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(9)

        # Gone and back between two batches: found before the batch is written, nobody need hear of it.
        server.stop()
        server.start()
        delivery = Delivery(thread, sink, batches(10, 10))
        delivery.done.result()
        assert delivery.notes == []

        # Killed within a batch: its first table is written, the second waits for a lock.
        blocker = sa.create_engine(store.url).connect()
        blocker.exec_driver_sql("SELECT * FROM other FOR UPDATE").all()
        delivery = Delivery(thread, sink, batches(11, 20))
        with connected(store.url) as administrator:
            wait_until(lambda: waiting(administrator))
        server.kill()
        delivery.failed.wait()
        server.start()
        delivery.done.result()
        assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(20)
        blocker.invalidate()

        # Away for longer than allowed; then the same batch goes on.
        server.stop()
        delivery = Delivery(thread, sink, batches(21, 22), seconds=1.0)
        with pytest.raises(
            TerminalError, match=r"database did not take batch 21 for 1 s: mysql database 'coin' on .* cannot be reached: .*Nothing is lost"
        ):
            delivery.done.result()

        # Asked to stop while it is away.
        delivery = Delivery(thread, sink, batches(21, 22))
        delivery.failed.wait()
        delivery.stopping.set()
        with pytest.raises(TerminalError, match="stopped while database did not take batch 21"):
            delivery.done.result()
    server.start()
    with store.opened(ONE, OTHER) as sink:
        for again in batches(19, 22):
            sink.write(again)
    assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(22)


@pytest.mark.mysql
def test_a_lock_of_somebody_else_passes(mysql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_engine, "_LOCK_SECONDS", 1)
    store = SqlStore(mysql_url)
    with store.opened(ONE, OTHER) as sink:
        sink.write(batches(0, 0)[0])
        with connected(mysql_url) as blocker:
            blocker.exec_driver_sql("SELECT * FROM other FOR UPDATE").all()
            with pytest.raises(TransientError, match="Lock wait timeout exceeded"):
                sink.write(batches(1, 1)[0])
        sink.write(batches(1, 1)[0])
    assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(1)


@pytest.mark.mysql
def test_a_deadlock_passes(mysql_url: str, thread: ThreadPoolExecutor) -> None:
    store, heavy = SqlStore(mysql_url), schema("heavy")
    with store.opened(ONE, OTHER, heavy) as sink:
        sink.write(batches(0, 0)[0])
        with connected(mysql_url) as rival:
            # It has changed more than the batch has, so that the server ends the batch and not the rival.
            rival.execute(sql_table(heavy, sa.MetaData()).insert(), [row(f"S{n}") for n in range(500)])
            rival.exec_driver_sql("SELECT * FROM other FOR UPDATE").all()
            writing = thread.submit(sink.write, batches(1, 1)[0])
            with connected(mysql_url) as watcher:
                wait_until(lambda: waiting(watcher))
            rival.exec_driver_sql("UPDATE one SET price = 1 WHERE symbol = 'LAST'")
            with pytest.raises(TransientError, match="Deadlock found"):
                writing.result()
            rival.rollback()
        sink.write(batches(1, 1)[0])
    assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(1)


@pytest.mark.mysql
def test_a_connection_that_an_administrator_ends_within_a_batch(mysql_url: str, thread: ThreadPoolExecutor) -> None:
    store = SqlStore(mysql_url)
    with store.opened(ONE, OTHER) as sink:
        sink.write(batches(0, 0)[0])
        with connected(mysql_url) as blocker, connected(mysql_url) as administrator:
            blocker.exec_driver_sql("SELECT * FROM other FOR UPDATE").all()
            writing = thread.submit(sink.write, batches(1, 1)[0])
            wait_until(lambda: waiting(administrator))
            administrator.exec_driver_sql(f"KILL {waiting(administrator)}")
            with pytest.raises(TransientError):
                writing.result()
        sink.write(batches(1, 1)[0])
    assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(1)


def test_another_writer_of_the_sqlite_file_passes(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_engine, "_LOCK_SECONDS", 0.1)
    store = SqlStore(sqlite_url)
    with store.opened(ONE, OTHER) as sink:
        with connected(sqlite_url) as blocker:
            blocker.exec_driver_sql("BEGIN IMMEDIATE")
            with pytest.raises(TransientError, match="database is locked"):
                sink.write(batches(0, 0)[0])
        sink.write(batches(0, 0)[0])
        with connected(sqlite_url) as reader:
            # A query that is open does not hinder writing.
            open_query = reader.execute(sa.text("SELECT * FROM one"))
            sink.write(batches(1, 1)[0])
            open_query.close()
    assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(1)
