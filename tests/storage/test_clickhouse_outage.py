"""A ClickHouse that goes away while batches are written: retried, nothing lost, nothing twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from src.clickhouse.embedded import ClickHouseLease, EmbeddedClickHouse
from src.config.settings import load_settings
from src.errors import TerminalError
from src.storage.delivery import deliver
from src.storage.sink import Batch, Sink
from tests.servers import free_port, kill
from tests.storage.clickhouse_store import ClickHouseStore, require_engine
from tests.storage.rows import row, schema, stored
from tests.storage.test_clickhouse_rows import numbered

ONE, OTHER = schema("one"), schema("other")
FOREVER = 60.0


class Owner:
    """An embedded ClickHouse of the test's own, to be killed and started again."""

    def __init__(self, embedded: EmbeddedClickHouse, lease: ClickHouseLease) -> None:
        self._embedded = embedded
        self.lease = lease
        self.store = ClickHouseStore(lease.url, lease.reader_url)

    def kill(self) -> None:
        running, _ = self._embedded.status()
        assert running
        kill(psutil.Process(running.pid))

    def start(self) -> None:
        assert self.lease.ensure_running() is True


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    require_engine()
    embedded = EmbeddedClickHouse(load_settings(home=tmp_path / "home", clickhouse_port=free_port()))
    with embedded.acquire("a test of an outage") as lease:
        yield Owner(embedded, lease)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


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
    return [numbered(n, {table: [row("LAST", records=n), row(f"ROW{n}", records=n)] for table in (ONE, OTHER)}) for n in range(first, last + 1)]


def rows_after(last: int) -> dict[tuple[Any, ...], dict[str, Any]]:
    return stored([row("LAST", records=last), *(row(f"ROW{n}", records=n) for n in range(last + 1))])


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_owner_loses_and_repeats_nothing(owner: Owner, thread: ThreadPoolExecutor) -> None:
    store = owner.store
    with store.opened(ONE, OTHER) as sink:
        # Between two batches.
        Delivery(thread, sink, batches(0, 4)).done.result()
        owner.kill()
        delivery = Delivery(thread, sink, batches(5, 9))
        delivery.failed.wait()
        owner.start()
        delivery.done.result()
        assert "cannot be reached" in delivery.notes[0]
        assert delivery.notes[-1] == ""
        assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(9)

        # Within a batch: its first table is written, the rows of the second are on their way, held up by a column that takes its time.
        store.execute("ALTER TABLE other ADD COLUMN gate UInt8 MATERIALIZED sleepEachRow(3)")
        delivery = Delivery(thread, sink, batches(10, 14))
        wait_until(lambda: bool(store.value("SELECT count() FROM one WHERE symbol = 'ROW10'")))
        wait_until(lambda: bool(store.value("SELECT count() FROM system.processes WHERE query LIKE 'INSERT%other%'")))
        assert stored(store.rows(ONE)) == rows_after(10)
        assert stored(store.rows(OTHER)) == rows_after(9)
        owner.kill()
        delivery.failed.wait()
        owner.start()
        store.execute("ALTER TABLE other DROP COLUMN gate")
        delivery.done.result()
        assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(14)

        # Away for longer than allowed; then the same batch goes on.
        owner.kill()
        delivery = Delivery(thread, sink, batches(15, 16), seconds=0.5)
        with pytest.raises(
            TerminalError,
            match=r"ClickHouse did not take batch 15 for 0.5 s: ClickHouse at http://127.0.0.1:\d+/coinspark cannot be reached: .*Nothing",
        ):
            delivery.done.result()
    owner.start()
    with store.opened(ONE, OTHER) as sink:
        for again in batches(13, 16):
            sink.write(again)
    assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == rows_after(16)


def test_a_batch_whose_answer_was_lost_is_stored_once(owner: Owner) -> None:
    """The server did write it, and was killed before or after it said so: the token outlives it."""
    store = owner.store
    with store.opened(ONE) as sink:
        sink.write(numbered(0, {ONE: [row(records=0)]}))
        owner.kill()
        owner.start()
        sink.write(numbered(0, {ONE: [row(records=0)]}))
    assert store.value("SELECT count() FROM one") == 1
    assert stored(store.rows(ONE)) == stored([row(records=0)])
