"""A table that is there already: used when it is the metric's, grown when the metric has more columns, refused when it is another one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.storage.sql import SqlSink
from tests.storage.rows import batch, row, schema, stored
from tests.storage.stores import SqlStore, connected

KEY_ROW = {name: value for name, value in row().items() if name in {"source", "symbol", "window_start", "window_end"}}
IN_SQL = tuple(kind for kind in Kind if kind is not Kind.DOUBLES)
"""Arrays are for ClickHouse alone (test_clickhouse_raw.py)."""


def made(database: SqlStore, **columns: Kind) -> None:
    """The table `metric` with these columns and one row of nulls."""
    table = schema("metric", **columns)
    with database.opened(table) as sink:
        sink.write(batch(0, {table: [{**KEY_ROW, **dict.fromkeys(columns)}]}))


def definition_of(database: SqlStore, text: str) -> str:
    """What stands behind CREATE TABLE, in the words of the database."""
    parts = {
        "key": "source VARCHAR(64) NOT NULL, symbol VARCHAR(64) NOT NULL",
        "times": "window_start {moment} NOT NULL, window_end {moment}",
        "primary": "PRIMARY KEY (source, symbol, window_start)",
    }
    moment = {"sqlite": "DATETIME", "mysql": "DATETIME(3)", "postgresql": "TIMESTAMP"}[database.dialect]
    double, single = ("DOUBLE PRECISION", "REAL") if database.dialect == "postgresql" else ("DOUBLE", "FLOAT")
    found = text.format(**parts).format(moment=moment).replace("DOUBLE", double).replace("FLOAT", single)
    return found + (" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if database.dialect == "mysql" else "")


def test_a_metric_that_gained_columns_keeps_its_rows(database: SqlStore) -> None:
    made(database, price_okx=Kind.DOUBLE)
    added = {"price_kraken": Kind.DOUBLE, "records": Kind.LONG, "whole": Kind.BOOLEAN, "market": Kind.STRING, "at": Kind.TIMESTAMP}
    table = schema("metric", price_okx=Kind.DOUBLE, **added)
    values = {"price_okx": 1.0, "price_kraken": 2.0, "records": 3, "whole": True, "market": "비트", "at": KEY_ROW["window_start"]}
    new = {**KEY_ROW, "symbol": "ETH", **values}
    for _ in range(2):
        with database.opened(table) as sink:
            sink.write(batch(1, {table: [new]}))
    assert stored(database.rows(table)) == stored([{**KEY_ROW, **dict.fromkeys(values)}, new])


def test_a_metric_that_lost_columns_leaves_them_null(database: SqlStore) -> None:
    made(database, price_okx=Kind.DOUBLE, price_kraken=Kind.DOUBLE)
    table = schema("metric", price_okx=Kind.DOUBLE)
    with database.opened(table) as sink:
        sink.write(batch(1, {table: [{**KEY_ROW, "symbol": "ETH", "price_okx": 1.0}]}))
    both = schema("metric", price_okx=Kind.DOUBLE, price_kraken=Kind.DOUBLE)
    rows = [{**KEY_ROW, "price_okx": None, "price_kraken": None}, {**KEY_ROW, "symbol": "ETH", "price_okx": 1.0, "price_kraken": None}]
    assert stored(database.rows(both)) == stored(rows)


@pytest.mark.parametrize("there", IN_SQL)
def test_a_column_of_another_type_is_refused_and_left_as_it_is(database: SqlStore, there: Kind) -> None:
    made(database, price=there)
    for wanted in set(IN_SQL) - {there}:
        with pytest.raises(
            ConfigurationError, match=r"table metric in .*: column price is .*, the metric's is .*\. Columns are added .*: rename or drop"
        ):
            SqlSink(database.url).open([schema("metric", price=wanted)])
    assert stored(database.rows(schema("metric", price=there))) == stored([{**KEY_ROW, "price": None}])


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("(source VARCHAR(64) NOT NULL, symbol VARCHAR(64) NOT NULL, {times}, price DOUBLE, PRIMARY KEY (source, symbol))", "its primary key is"),
        ("(id BIGINT NOT NULL PRIMARY KEY, source VARCHAR(64), symbol VARCHAR(64), {times}, price DOUBLE)", "its primary key is (id)"),
        ("({key}, {times}, price DOUBLE, note VARCHAR(9) NOT NULL, {primary})", "column note, which the metric has not, does not take NULL"),
        ("({key}, {times}, price DOUBLE NOT NULL, {primary})", "column price does not take NULL"),
        ("({key}, {times}, price FLOAT, {primary})", "column price is "),
        ("(source VARCHAR(9) NOT NULL, symbol VARCHAR(64) NOT NULL, {times}, price DOUBLE, {primary})", "column source is VARCHAR"),
    ],
)
def test_a_table_that_somebody_else_made_is_refused(database: SqlStore, definition: str, said: str) -> None:
    with connected(database.url) as connection:
        connection.exec_driver_sql(f"CREATE TABLE metric {definition_of(database, definition)}")
    with pytest.raises(ConfigurationError) as refused:
        SqlSink(database.url).open([schema("metric", price=Kind.DOUBLE)])
    assert said in str(refused.value)


@pytest.mark.mysql
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "column symbol compares by utf8mb4_general_ci"),
        ("MODIFY symbol VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci NOT NULL", "column symbol compares by utf8mb4_unicode_ci"),
        ("CONVERT TO CHARACTER SET latin1 COLLATE latin1_bin", "column symbol compares by latin1_bin"),
        ("MODIFY window_end TIMESTAMP(3) NULL", "column window_end is TIMESTAMP"),
        ("MODIFY window_end DATETIME NULL", "column window_end is DATETIME"),
    ],
)
def test_a_column_that_would_merge_keys_or_move_times_is_refused(mysql_url: str, change: str, said: str) -> None:
    made(SqlStore(mysql_url), price=Kind.DOUBLE)
    with connected(mysql_url) as connection:
        connection.exec_driver_sql(f"ALTER TABLE metric {change}")
    with pytest.raises(ConfigurationError) as refused:
        SqlSink(mysql_url).open([schema("metric", price=Kind.DOUBLE)])
    assert said in str(refused.value)


def test_a_view_of_the_name_is_refused(database: SqlStore) -> None:
    with connected(database.url) as connection:
        connection.exec_driver_sql("CREATE VIEW metric AS SELECT 1 AS price")
    with pytest.raises(ConfigurationError, match="its primary key is"):
        SqlSink(database.url).open([schema("metric", price=Kind.DOUBLE)])


@pytest.mark.mysql
def test_more_text_columns_than_a_row_holds_is_said_at_the_start(mysql_url: str) -> None:
    with pytest.raises(ConfigurationError, match="Row size too large"):
        SqlSink(mysql_url).open([schema("metric", **{f"text_{place}": Kind.STRING for place in range(70)})])


def test_all_tables_of_a_batch_or_none(database: SqlStore) -> None:
    one, other = schema("one", price=Kind.DOUBLE), schema("other", price=Kind.DOUBLE)
    with database.opened(one, other) as sink:
        with connected(database.url) as connection:
            connection.exec_driver_sql("DROP TABLE other")
        with pytest.raises(ConfigurationError, match="a table, or a column of one, is gone: start the same command again"):
            sink.write(batch(0, {one: [{**KEY_ROW, "price": 1.0}], other: [{**KEY_ROW, "price": 1.0}]}))
    assert database.rows(one) == []


def test_jobs_that_start_together_share_a_table(database: SqlStore) -> None:
    made(database, price=Kind.DOUBLE)
    tables = [schema("metric", price=Kind.DOUBLE, added=Kind.DOUBLE), *(schema(f"shared_{place}") for place in range(3))]
    sinks = [SqlSink(database.url) for _ in range(4)]
    with ThreadPoolExecutor(len(sinks)) as threads:
        for opened in [threads.submit(sink.open, tables) for sink in sinks]:
            opened.result()
    for generation, sink in enumerate(sinks):
        sink.write(batch(0, {tables[1]: [row(price=1.0)]}, generation))
        sink.close()
    assert stored(database.rows(tables[1])) == stored([row(price=1.0)])


def test_queries_by_time_have_an_index(database: SqlStore) -> None:
    made(database, price=Kind.DOUBLE)
    with connected(database.url) as connection:
        indexes = sa.inspect(connection).get_indexes("metric")
    assert [index["column_names"] for index in indexes] == [["window_start"]]
