"""Questions to the database: bounded, read-only, by the index, and of tables that are not there or have not all columns."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sqlalchemy as sa

from src.config.settings import Settings
from src.dashboard.clickhouse_select import clickhouse_select
from src.dashboard.question import Question
from src.dashboard.stores import SqlStore
from src.dashboard.tables import metric_tables
from src.setting.jobs import JOBS
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, tickers

START = 1_790_000_040_000
TABLES = metric_tables(SETTINGS)
ARBITRAGE = TABLES["arbitrage"]


@pytest.fixture
def filled(mysql_url: str) -> str:
    database = Filled(mysql_url)
    database.tickers(tickers(START, START + 8 * MINUTE, MINUTE, ("BTC", "ETH")))
    database.close()
    return mysql_url


def test_the_tables_are_those_of_the_jobs() -> None:
    of_jobs = {table.name: table for job in JOBS for table in job(SETTINGS).tables}
    assert {name: table for name, table in TABLES.items() if name != "collector_events"} == of_jobs


def test_the_dashboard_loads_no_spark() -> None:
    program = "import sys, src.dashboard.serving, src.dashboard.view as view; view.views(); sys.exit('pyspark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.mysql
def test_rows_come_newest_first_and_bounded(filled: str) -> None:
    store = SqlStore(filled)
    question = Question("arbitrage", ("symbol", "window_start"), (("source", "simulated"), ("symbol", "ETH")), START + 6 * MINUTE)
    assert store.rows(ARBITRAGE, question) == [
        {"symbol": "ETH", "window_start": START + 7 * MINUTE},
        {"symbol": "ETH", "window_start": START + 6 * MINUTE},
    ]
    assert store.rows(ARBITRAGE, Question("arbitrage", ("window_start",), limit=1)) == [{"window_start": START + 7 * MINUTE}]
    assert store.rows(ARBITRAGE, Question("arbitrage", where=(("source", "live"),))) == []
    store.close()
    with pytest.raises(ValueError, match="1 to 20000 rows, not 20001"):
        Question("arbitrage", limit=20_001)


@pytest.mark.mysql
def test_nothing_can_be_written_and_the_index_is_used(filled: str) -> None:
    store = SqlStore(filled)
    with store._engine.connect() as connection:
        with pytest.raises(sa.exc.DBAPIError, match="READ ONLY"):
            connection.execute(sa.text("DELETE FROM arbitrage"))
        connection.rollback()
        plan = connection.execute(sa.text("EXPLAIN SELECT source, window_start FROM arbitrage ORDER BY window_start DESC LIMIT 1")).mappings().one()
    assert (plan["key"], int(plan["rows"])) == ("ix_arbitrage_window_start", 1)
    store.close()


def test_sqlite_is_never_made_nor_written_and_a_missing_table_has_no_rows(empty_home: Settings) -> None:
    store = SqlStore(empty_home.database_address)
    assert store.rows(ARBITRAGE, Question("arbitrage")) == []
    assert list(empty_home.home.iterdir()) == []
    engine = sa.create_engine(empty_home.database_address)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE something (one INTEGER)"))
    engine.dispose()
    assert store.rows(ARBITRAGE, Question("arbitrage")) == []
    with store._engine.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="readonly database"):
        connection.execute(sa.text("INSERT INTO something VALUES (1)"))
    store.close()


def test_a_sqlite_file_that_is_made_anew_is_read_anew(empty_home: Settings) -> None:
    store = SqlStore(empty_home.database_address)
    newest = Question("arbitrage", ("window_start",), limit=1)
    for start in (START, START + 60 * MINUTE):
        database = Filled(empty_home.database_address)
        database.tickers(tickers(start, start + MINUTE, MINUTE, ("BTC",)), ("arbitrage",))
        database.close()
        assert store.rows(ARBITRAGE, newest) == [{"window_start": start}]
        for path in empty_home.home.glob("coin.db*"):
            path.unlink()
        assert store.rows(ARBITRAGE, newest) == []
    store.close()


def test_a_column_of_a_market_that_the_job_does_not_have_is_null(empty_home: Settings) -> None:
    database = Filled(empty_home.database_address)
    database.tickers(tickers(START, START + MINUTE, MINUTE, ("BTC",)), ("market_arbitrage",))
    database.close()
    wider = metric_tables(SETTINGS.model_copy(update={"markets": (*SETTINGS.markets, "bybit")}))["market_arbitrage"]
    store = SqlStore(empty_home.database_address)
    (row,) = store.rows(wider, Question("market_arbitrage", limit=1))
    assert set(row) == {column.name for column in wider.columns}
    assert row["last_price_usd_bybit"] is None
    assert row["last_price_usd_okx"] > 80_000
    store.close()


def test_what_clickhouse_is_asked() -> None:
    question = Question("arbitrage", ("symbol", "window_start"), (("source", "live"), ("symbol", "BTC")), 5, 10)
    text = (
        "SELECT `symbol`, `window_start` FROM `arbitrage_current` WHERE `source` = {value0:String} AND `symbol` = {value1:String} "
        "AND `window_start` >= fromUnixTimestamp64Milli({since:Int64}, 'UTC') ORDER BY `window_start` DESC LIMIT 10 "
        "SETTINGS max_execution_time = 5"
    )
    assert clickhouse_select(ARBITRAGE, question) == (text, {"value0": "live", "value1": "BTC", "since": 5})
