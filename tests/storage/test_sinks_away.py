"""Sinks that are away when a job begins, and what is parked while no batch comes; a wrong setting stays an error at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from src.config.settings import load_settings
from src.errors import ConfigurationError, MissingPartError, TransientError, UnreachableError
from src.schema.tables import TableSchema
from src.setting import SparkStreamingTicker
from src.setting import sinks as sinks_module
from src.setting.sinks import open_clickhouse, open_database, tried_again
from src.storage import Batch, BatchSink
from src.storage import outlet as outlet_module
from src.storage.clickhouse_address import parsed
from src.storage.reaching import not_reached
from tests.servers import LOOPBACK, MariaDb, free_port
from tests.storage.clickhouse_store import ClickHouseStore
from tests.storage.databases import PASSWORD
from tests.storage.rows import row, schema, stored
from tests.storage.stores import SqlStore

TABLE = schema("prices")
PATIENCE = 60.0


class Ticker(SparkStreamingTicker):
    """The job with one small table."""

    @property
    def tables(self) -> tuple[TableSchema, ...]:
        return (TABLE,)


def given(number: int) -> Batch:
    return Batch("ticker", number, {TABLE: pa.Table.from_pylist([row(records=number)], schema=TABLE.arrow())}, checkpoint="ticker.1", generation=1)


def job(home: Path, **settings: Any) -> Ticker:
    return Ticker(load_settings(home=home, **{"on_sink_failure": "park", **settings}))


@pytest.fixture(autouse=True)
def _tried_at_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet_module, "PROBE_SECONDS", 0.0)


@pytest.mark.mysql
def test_a_database_that_is_away_at_the_start_gets_everything_once_it_is_back(stoppable_mysql: MariaDb, tmp_path: Path) -> None:
    url = stoppable_mysql.url("coin")
    stoppable_mysql.stop()
    made = job(tmp_path, database_url=url)
    with ExitStack() as stack:
        open_database(made, stack)
        for number in range(2):
            made._deliver_everywhere(given(number))
        assert "2 batches wait in" in made.note
        assert "cannot be reached" in made.note
        stoppable_mysql.start()
        # No batch comes.
        made.outlets[0].retry()
        assert stored(SqlStore(url).rows(TABLE)) == stored([row(records=1)])
        made._deliver_everywhere(given(2))
        assert stored(SqlStore(url).rows(TABLE)) == stored([row(records=2)])
    assert not [*(tmp_path / "parked").rglob("*.arrow")]


@pytest.mark.mysql
def test_a_database_that_comes_back_with_another_password_ends_the_job(stoppable_mysql: MariaDb, tmp_path: Path) -> None:
    stoppable_mysql.url("coin")
    stoppable_mysql.execute(f"CREATE USER tester IDENTIFIED BY '{PASSWORD}'", "GRANT ALL ON coin.* TO tester")
    url = stoppable_mysql.url("coin", "tester", f"not-{PASSWORD}")
    stoppable_mysql.stop()
    made = job(tmp_path, database_url=url)
    with ExitStack() as stack:
        open_database(made, stack)
        made._deliver_everywhere(given(0))
        stoppable_mysql.start()
        with pytest.raises(ConfigurationError, match="the user name or the password is wrong"):
            made.outlets[0].retry()
    assert len([*(tmp_path / "parked").rglob("*.arrow")]) == 1, "the next start goes on with it"


@pytest.mark.mysql
@pytest.mark.parametrize("database", ["mysql://coin:{password}@{place}/coin", "mysql://root@{place}/nowhere", "mysql://root@{place}"])
def test_a_wrong_setting_of_the_database_is_an_error_at_once(mysql: MariaDb, tmp_path: Path, database: str) -> None:
    place = f"{LOOPBACK}:{mysql.administrator.port}"
    with ExitStack() as stack, pytest.raises(ConfigurationError) as refused:
        open_database(job(tmp_path, database_url=database.format(password=PASSWORD, place=place)), stack)
    assert not isinstance(refused.value, UnreachableError)
    assert PASSWORD not in str(refused.value)


def test_a_job_that_does_not_park_does_not_begin_without_its_sinks(tmp_path: Path) -> None:
    nobody = f"{LOOPBACK}:{free_port()}"
    made = job(tmp_path, on_sink_failure="stop", database_url=f"mysql://coin@{nobody}/coin", clickhouse_url=f"http://coin@{nobody}/coin")
    for open_it in (open_database, open_clickhouse):
        with ExitStack() as stack, pytest.raises(UnreachableError, match="cannot be reached"):
            open_it(made, stack)


def test_a_clickhouse_that_is_away_at_the_start_gets_everything_once_it_is_back(clickhouse_server: ClickHouseStore, tmp_path: Path) -> None:
    address = parsed(clickhouse_server.url)
    nobody = f"http://{LOOPBACK}:{free_port()}/{address.database}"
    made = job(tmp_path, clickhouse_url=nobody, clickhouse_ttl_days=0)
    with ExitStack() as stack:
        open_database(made, stack)
        open_clickhouse(made, stack)
        assert made.clickhouse_sink is not None
        for number in range(2):
            made._deliver_everywhere(given(number))
        assert stored(SqlStore(made.database_url).rows(TABLE)) == stored([row(records=1)])
        # The server is there now, at that address.
        made.clickhouse_sink._address = replace(address)
        made.outlets[1].retry()
        assert stored(clickhouse_server.rows(TABLE)) == stored([row(records=1)])


def test_a_wrong_setting_of_clickhouse_is_an_error_at_once(clickhouse_server: ClickHouseStore, tmp_path: Path) -> None:
    place = clickhouse_server.url.rpartition("@")[2]
    wrong = [f"http://coin:{PASSWORD}@{place}", f"http://coin:{PASSWORD}@{place}?x=1", f"https://coin:{PASSWORD}@{place}"]
    for url in wrong:
        with ExitStack() as stack, pytest.raises(ConfigurationError) as refused:
            open_clickhouse(job(tmp_path, clickhouse_url=url), stack)
        assert not isinstance(refused.value, UnreachableError), url
        assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("[Errno 111] Connection refused", UnreachableError),
        ("timed out", UnreachableError),
        ("[Errno -3] Temporary failure in name resolution", UnreachableError),
        ("Can't connect to MySQL server on 'mysql-tls.ssl' ([Errno 113] No route to host)", UnreachableError),
        ("[Errno -2] Name or service not known", MissingPartError),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed", MissingPartError),
    ],
)
def test_a_name_that_nobody_has_and_a_certificate_that_does_not_fit_do_not_pass(said: str, kind: type[Exception]) -> None:
    assert type(not_reached("x", said)) is kind


class Away(BatchSink):
    """A sink that is away while `is_away`, at the start too."""

    def __init__(self) -> None:
        self.is_away = True
        self.error: Exception | None = None
        self.ids: list[int] = []
        self.has_all = threading.Event()

    def open(self, tables: Sequence[TableSchema]) -> None:
        assert tables == (TABLE,)
        if self.is_away:
            raise TransientError("not there")

    def write(self, batch: pa.Table, batch_id: int) -> None:
        if self.error is not None:
            raise self.error
        if self.is_away:
            raise TransientError("not there")
        assert batch.num_rows == 1
        self.ids.append(batch_id)
        if batch_id == 1:
            self.has_all.set()


def test_a_timer_beside_the_job_writes_what_is_parked_and_ends_the_job_where_that_does_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks_module, "PROBE_SECONDS", 0.02)
    made, away, errors, ended = job(tmp_path, sink_retry_seconds=0.0), Away(), [], threading.Event()
    made.extra_sinks.append(away)

    def failed(error: Exception) -> None:
        errors.append(str(error))
        ended.set()

    with ExitStack() as stack:
        open_database(made, stack)
        sinks_module.open_extra(made, stack)
        with tried_again(made, failed):
            for number in range(2):
                made._deliver_everywhere(given(number))
            assert (away.ids, made.outlets[1].waiting) == ([], 2)
            away.is_away = False
            assert away.has_all.wait(PATIENCE)
            assert away.ids == [0, 1]
            away.is_away = True
            made._deliver_everywhere(given(2))
            away.error = ConfigurationError("another password")
            assert ended.wait(PATIENCE)
    assert errors == ["another password"]
