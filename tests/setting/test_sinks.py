"""The sinks of a run: who gets a batch, what parks, and whose the batch ids are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest

from src.clickhouse.embedded import EmbeddedClickHouse
from src.config.settings import load_settings
from src.errors import ConfigurationError, TerminalError, TransientError
from src.schema.tables import TableSchema
from src.setting import SparkStreamingTicker
from src.setting.sinks import open_clickhouse
from src.storage import Batch, BatchSink
from src.storage.parquet import ParquetSink, last_rows
from src.storage.sql import SqlSink
from tests.servers import free_port, kill
from tests.storage.clickhouse_store import ClickHouseStore, require_engine
from tests.storage.rows import row, schema, stored
from tests.storage.stores import SqlStore

TABLE = schema("prices")


class Failing(BatchSink):
    """A sink that is away while `is_away`, and keeps the ids that it got."""

    name = "far away"

    def __init__(self) -> None:
        self.is_away = True
        self.ids: list[int] = []

    def write(self, batch: pa.Table, batch_id: int) -> None:
        assert self.table_of(batch) == TABLE
        if self.is_away:
            raise TransientError("not there")
        self.ids.append(batch_id)


class MyTicker(SparkStreamingTicker):
    """One that looks at what it stores."""

    seen: tuple[int, ...] = ()

    def _write_to_mysql(self, batch: Batch) -> None:
        self.seen = (*self.seen, batch.batch_id)
        super()._write_to_mysql(batch)


def given(number: int) -> Batch:
    rows: Sequence[Mapping[str, Any]] = [row(records=number)]
    tables: Mapping[TableSchema, pa.Table] = {TABLE: pa.Table.from_pylist([*rows], schema=TABLE.arrow())}
    return Batch("ticker", number, tables, checkpoint="ticker.1", generation=1)


def job(home: Path, **settings: Any) -> tuple[MyTicker, Failing]:
    made = MyTicker(load_settings(home=home, **{"sink_retry_seconds": 0.0, **settings}))
    made.database, failing = SqlSink(made.database_url), Failing()
    made.database.open([TABLE])
    parquet = ParquetSink(home / "parquet")
    parquet.open([TABLE])
    made.extra_sinks += [failing, parquet]
    return made, failing


def test_a_dead_sink_stops_the_job_and_the_next_run_repeats_no_row_of_the_others(tmp_path: Path) -> None:
    first, _ = job(tmp_path)
    with pytest.raises(TerminalError, match="far away did not take batch 0"):
        first._deliver_everywhere(given(0))
    second, failing = job(tmp_path)
    failing.is_away = False
    for number in (0, 1):
        second._deliver_everywhere(given(number))
    assert failing.ids == [0, 1]
    assert stored(SqlStore(second.database_url).rows(TABLE)) == stored(last_rows(tmp_path / "parquet", TABLE).to_pylist()) == stored([row(records=1)])
    assert len(second.newest.rows("prices")) == 1


def test_with_park_the_job_goes_on_and_the_sink_gets_all_of_it_later_through_the_jobs_own_hook(tmp_path: Path) -> None:
    made, failing = job(tmp_path, on_sink_failure="park")
    for number in range(3):
        made._deliver_everywhere(given(number))
    assert made.seen == (0, 1, 2)
    assert "far away: not there; 3 batches wait in" in made.note
    assert len([*(tmp_path / "parked" / "far-away" / "ticker").iterdir()]) == 3
    made.database, again = None, job(tmp_path, on_sink_failure="park")
    again[1].is_away = False
    assert [outlet.waiting for outlet in again[0].outlets if outlet.waiting] == [3]
    again[0]._deliver_everywhere(given(3))
    assert again[1].ids == [0, 1, 2, 3]
    assert failing.ids == []
    assert stored(SqlStore(again[0].database_url).rows(TABLE)) == stored([row(records=3)])


def test_a_debug_run_parks_nothing(tmp_path: Path) -> None:
    made = SparkStreamingTicker(load_settings(home=tmp_path, sink_retry_seconds=0.0, on_sink_failure="park"))
    made.extra_sinks.append(Failing())
    with pytest.raises(TerminalError, match="far away did not take batch 0"):
        made._deliver_everywhere(given(0))
    assert not (tmp_path / "parked").exists()


@pytest.fixture
def with_clickhouse(tmp_path: Path) -> Iterator[tuple[MyTicker, ClickHouseStore]]:
    """A job whose settings name the embedded ClickHouse, and which has opened it."""
    require_engine()
    made, failing = job(tmp_path, clickhouse_url="embedded", clickhouse_port=free_port(), sink_retry_seconds=60.0, on_sink_failure="park")
    failing.is_away = False
    with ExitStack() as stack:
        open_clickhouse(made, stack)
        assert made.clickhouse is not None
        assert made.clickhouse_sink is not None
        made.clickhouse_sink.open([TABLE])
        yield made, ClickHouseStore(made.clickhouse.url.get_secret_value())


def test_clickhouse_gets_the_batches_too_and_its_owner_is_started_again(with_clickhouse: tuple[MyTicker, ClickHouseStore], tmp_path: Path) -> None:
    made, store = with_clickhouse
    made._deliver_everywhere(given(0))
    assert stored(store.rows(TABLE)) == stored([row(records=0)])

    assert made.clickhouse is not None
    running, [user] = EmbeddedClickHouse(made.settings).status()
    assert running is not None
    assert (user.pid, user.purpose) == (os.getpid(), "ticker job")
    kill(psutil.Process(running.pid))
    assert made.clickhouse.ensure_running() is True
    made._deliver_everywhere(given(1))
    assert stored(store.rows(TABLE)) == stored(SqlStore(made.database_url).rows(TABLE)) == stored([row(records=1)])
    assert not [*(tmp_path / "parked").rglob("*.arrow")]


def test_batches_wait_for_a_clickhouse_that_is_away_and_others_get_them(with_clickhouse: tuple[MyTicker, ClickHouseStore], tmp_path: Path) -> None:
    made, store = with_clickhouse
    made.settings = load_settings(home=tmp_path, sink_retry_seconds=0.0, on_sink_failure="park")
    running, _ = EmbeddedClickHouse(made.settings).status()
    assert running is not None
    kill(psutil.Process(running.pid))
    for number in range(2):
        made._deliver_everywhere(given(number))
    assert "2 batches wait in" in made.note
    assert stored(SqlStore(made.database_url).rows(TABLE)) == stored([row(records=1)])

    assert made.clickhouse is not None
    made.clickhouse.ensure_running()
    [waiting] = [outlet for outlet in made.outlets if outlet.waiting]
    assert waiting.sink is made.clickhouse_sink
    # Whoever starts next writes what waits before anything else.
    again, _ = job(tmp_path)
    again.clickhouse_sink = made.clickhouse_sink
    again.extra_sinks.clear()
    again._deliver_everywhere(given(2))
    assert stored(store.rows(TABLE)) == stored([row(records=2)])
    assert [outlet.waiting for outlet in again.outlets if outlet.waiting] == []


def test_no_clickhouse_is_opened_where_none_is_named(tmp_path: Path) -> None:
    made, _ = job(tmp_path)
    with ExitStack() as stack:
        open_clickhouse(made, stack)
    assert made.clickhouse is None
    assert "ClickHouse" not in [outlet.sink.name for outlet in made.outlets]
    assert not (tmp_path / "clickhouse").exists()


def test_the_setting_knows_two_words() -> None:
    with pytest.raises(ConfigurationError, match="COINSPARK_ON_SINK_FAILURE: Input should be 'stop' or 'park'"):
        load_settings(on_sink_failure="drop")
