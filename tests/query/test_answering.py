"""Statements against each database: answered in bounds, and what is wrong said so that it can be mended."""

from __future__ import annotations

import importlib.util
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from src.dashboard.stores import ClickHouseStore, SqlStore
from src.dashboard.tables import metric_tables
from src.errors import ConfigurationError
from src.preprocess.ticker import TickerQueryOrganization
from src.query.answering import Bounds, ask_clickhouse, ask_database
from src.query.result import Heading
from src.storage.clickhouse import ClickHouseSink
from src.storage.sink import Batch
from tests.dashboard.markets import MINUTE, SETTINGS, metric_rows, tickers
from tests.query.conftest import MINUTES
from tests.servers import missing

BOUNDS = Bounds(rows=10, seconds=5)
KNOWN = ("candles", "average_price", "close", "market", "window_start")
COUNT = "select market, count(*) as candles from candles where \"interval\" = '1m' group by market order by market"


def _quoted(store: SqlStore, statement: str) -> str:
    """MySQL quotes names by backticks."""
    return statement.replace('"', "`") if store.address.get_backend_name() == "mysql" else statement


def test_an_answer_has_columns_and_rows(store: SqlStore) -> None:
    result = ask_database(store, _quoted(store, COUNT), BOUNDS, KNOWN)
    assert result.headings == (Heading("market"), Heading("candles"))
    assert [tuple(row) for row in result.rows] == [("binance", MINUTES), ("upbit", MINUTES)]
    assert result.more is False


def test_a_percent_sign_is_one(store: SqlStore) -> None:
    result = ask_database(store, "select distinct market from candles where market like 'up%'", BOUNDS, KNOWN)
    assert result.rows == [("upbit",)]


def test_rows_are_bounded_whatever_the_statement_says(store: SqlStore) -> None:
    few = Bounds(rows=3, seconds=5)
    for statement in ("select close from candles", "select close from candles limit 9"):
        result = ask_database(store, statement, few, KNOWN)
        assert (len(result.rows), result.more) == (3, True)
    result = ask_database(store, "select close from candles limit 3", few, KNOWN)
    assert (len(result.rows), result.more) == (3, False)


def test_a_long_statement_is_ended(store: SqlStore) -> None:
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000000) select count(*) from n"
    statement = {"mysql": "select sleep(20) from candles", "postgresql": "select pg_sleep(20)"}.get(store.address.get_backend_name(), numbers)
    url = store.address.render_as_string(hide_password=False)
    with closing(SqlStore(url, 1)) as impatient, pytest.raises(ConfigurationError, match="no answer within 1 s"):
        ask_database(impatient, statement, Bounds(rows=10, seconds=1), KNOWN)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("select clse from candles", "did you mean close?"),
        ("select close from candels", "did you mean candles?"),
        ("select close frm candles c", "the database refuses the statement"),
        ("select close, from candles", "the database refuses the statement"),
    ],
)
def test_a_wrong_statement_is_told_with_the_nearest_names(store: SqlStore, statement: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match="the database refuses the statement") as refusal:
        ask_database(store, statement, BOUNDS, KNOWN)
    assert said in str(refusal.value)


def test_the_database_lets_nothing_be_written(store: SqlStore) -> None:
    """Had the check of the words let it through."""
    for statement in ("delete from candles", "create table mine (one integer)", "drop table candles"):
        with pytest.raises(ConfigurationError, match="refuses the statement"):
            ask_database(store, statement, BOUNDS, KNOWN)
    assert ask_database(store, "select 1 as one", BOUNDS, KNOWN).rows == [(1,)]
    assert ask_database(store, "select count(*) as c from candles", BOUNDS, KNOWN).rows[0][0] > 0


def test_without_a_database_it_says_who_makes_it(empty: SqlStore) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no database yet at sqlite.*a job makes it"):
        ask_database(empty, "select 1", BOUNDS, KNOWN)


def test_bounds_are_at_least_one() -> None:
    with pytest.raises(ConfigurationError, match="at least one row"):
        Bounds(rows=0, seconds=1)


def test_clickhouse_answers_in_the_same_bounds(tmp_path: Path) -> None:
    if importlib.util.find_spec("chdb") is None:
        raise missing("no chdb: poetry install --with test-engine")
    url, schema = f"chdb://{tmp_path}/engine", metric_tables(SETTINGS)["arbitrage"]
    began = 1_790_000_040_000
    with closing(ClickHouseSink(url, ttl_days=0)) as sink:
        sink.open([schema])
        rows = metric_rows(TickerQueryOrganization(SETTINGS), tickers(began, began + 8 * MINUTE, MINUTE, ("BTC", "ETH")), ("arbitrage",))["arbitrage"]
        sink.write(Batch("test", 0, {schema: pa.Table.from_pylist(list(rows), schema.arrow())}))
        with closing(ClickHouseStore(url)) as store:
            known = ("arbitrage_current", "symbol")
            text = "select window_start, symbol from arbitrage_current where symbol like 'E%' order by window_start desc limit 1"
            result = ask_clickhouse(store, text, BOUNDS, known)
            assert result.headings == (Heading("window_start", "UTC"), Heading("symbol"))
            assert result.rows == [(datetime.fromtimestamp((began + 7 * MINUTE) / 1000, UTC), "ETH")]
            few = ask_clickhouse(store, "select symbol from arbitrage_current", Bounds(rows=3, seconds=5), known)
            assert (len(few.rows), few.more) == (3, True)
            with pytest.raises(ConfigurationError, match="did you mean symbol"):
                ask_clickhouse(store, "select symbl from arbitrage_current", BOUNDS, known)
            with pytest.raises(ConfigurationError, match="refuses the statement"):
                ask_clickhouse(store, "drop table arbitrage", BOUNDS, known)
            with pytest.raises(ConfigurationError, match="no answer within 1 s"):
                ask_clickhouse(
                    store, "select count() from numbers(1000000000000) where not ignore(sipHash64(number))", Bounds(rows=1, seconds=1), known
                )
