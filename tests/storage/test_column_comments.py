"""What columns mean and their units, in the database itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from src.config.settings import load_settings
from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema
from src.setting.jobs import JOBS
from src.storage.column_comments import LONGEST, column_comments
from src.storage.sql import SqlSink
from tests.storage.rows import schema
from tests.storage.stores import SqlStore, connected

_DESCRIPTION = """High minus low, per minute.

high, low: of the minute, in 100% of cases; range_usd: 'high' minus "low", USD (at par; see \\ docs).
price_<market> and age_seconds_<market>: of the last record: USD; move_percent: of the record's price. mean_*: over the window; size: base coin."""


def test_a_description_says_what_its_columns_mean() -> None:
    names = (
        "high",
        "low",
        "range_usd",
        "price_okx",
        "price_usd_upbit",
        "move_percent",
        "mean_spread",
        "mean_size",
        "last_size",
        "spread_bp",
        "signal",
    )
    found = column_comments(replace(schema("ranges", **dict.fromkeys(names, Kind.DOUBLE)), description=_DESCRIPTION))
    assert found == {
        "source": "live, replay or simulated",
        "symbol": "base coin",
        "window_start": "UTC: the window holds times from here on",
        "window_end": "UTC: the window holds times before this",
        "high": "of the minute, in 100% of cases",
        "low": "of the minute, in 100% of cases",
        "range_usd": "'high' minus \"low\", USD (at par; see \\ docs)",
        "move_percent": "of the record's price, percent",
        "price_okx": "of the last record: USD",
        "price_usd_upbit": "of the last record: USD",
        "mean_spread": "over the window",
        "mean_size": "over the window",
        "last_size": "base coin",
        "spread_bp": "basis points",
    }


def test_what_is_said_of_a_value_is_not_said_of_its_mean_where_the_value_is_a_column_too() -> None:
    said = "bid, ask: best of all, USD; imbalance: of mean_size_usd and mean_ask_size_usd, last_imbalance: of the last ones, -1 to 1."
    names = ("bid", "mean_bid", "mean_ask", "mean_size_usd", "mean_ask_size_usd", "imbalance", "last_imbalance")
    found = column_comments(replace(schema("books", **dict.fromkeys(names, Kind.DOUBLE)), description=said))
    assert {name: found.get(name) for name in names} == {
        "bid": "best of all, USD",
        "mean_bid": None,
        "mean_ask": "best of all, USD",
        "mean_size_usd": "USD",
        "mean_ask_size_usd": "USD",
        "imbalance": "of mean_size_usd and mean_ask_size_usd",
        "last_imbalance": "of the last ones, -1 to 1",
    }


def test_a_meaning_goes_on_behind_a_semicolon_to_the_next_name_or_the_end_of_its_sentence() -> None:
    said = (
        "state: `gap` when some are missing (a mark; a jump. Or so); else `whole`. Of all. gain: of buys (after fees; both); null without one; "
        "first_price: quote currency; trade_id; low_usd, high_usd: of the window; both null without trades."
    )
    names = dict.fromkeys(("state", "trade_id"), Kind.STRING) | dict.fromkeys(("gain", "first_price", "low_usd", "high_usd"), Kind.DOUBLE)
    found = column_comments(replace(schema("states", **names), description=said))
    assert {name: found.get(name) for name in names} == {
        "state": "`gap` when some are missing (a mark; a jump. Or so); else `whole`",
        "trade_id": None,
        "gain": "of buys (after fees; both); null without one",
        "first_price": "quote currency",
        "low_usd": "of the window, USD; both null without trades",
        "high_usd": "of the window, USD; both null without trades",
    }


def test_no_comment_of_a_shipped_table_is_cut() -> None:
    tables = [table for job in JOBS for table in job(load_settings()).tables]
    comments = {f"{table.name}.{name}": comment for table in tables for name, comment in column_comments(table).items()}
    assert [name for name, comment in comments.items() if comment.count("(") != comment.count(")") or len(comment) >= LONGEST] == []
    assert comments["candles.complete"].startswith(
        "`gap` when trades are known to be missing or may be (a gap mark in the window, as after a start; a late"
    )
    assert comments["candles.complete"].endswith("else `no_known_gap`")
    assert comments["market_arbitrage.best_premium_percent"] == "the same in percent of the low price; null below two fresh markets"


def test_comments_are_in_the_table_and_in_columns_added_later(database: SqlStore) -> None:
    table = replace(schema("ranges", high=Kind.DOUBLE), description=_DESCRIPTION)
    with database.opened(table):
        pass
    wider = replace(schema("ranges", high=Kind.DOUBLE, range_usd=Kind.DOUBLE, low=Kind.DOUBLE), description=_DESCRIPTION)
    for _ in range(2):
        with database.opened(wider):
            pass
    if database.dialect == "sqlite":
        pytest.skip("SQLite has no comments; the table works all the same")
    with connected(database.url) as connection:
        found = {column["name"]: column["comment"] for column in sa.inspect(connection).get_columns("ranges")}
    expected = {name: comment for name, comment in column_comments(wider).items() if name in found}
    assert {name: comment for name, comment in found.items() if comment} == expected
    assert expected["low"] == "of the minute, in 100% of cases"


@pytest.mark.parametrize("name", ["", "Price", "1price", "price usd", "price`; DROP TABLE x; --", 'a"b', "a" * 64, "가격", "a-b"])
def test_a_name_that_is_no_safe_identifier_is_refused(database: SqlStore, name: str) -> None:
    for table in (replace(schema("ranges"), name=name), TableSchema("ranges", "Ranges", (TableColumn(name, Kind.LONG),), (name,))):
        with pytest.raises(ConfigurationError, match="must be lower case letters, digits and _"):
            SqlSink(database.url).open([table])


def test_the_time_of_a_table_without_windows_is_indexed_also_when_the_table_is_older(database: SqlStore) -> None:
    columns = (TableColumn("event_id", Kind.STRING), TableColumn("event_time", Kind.TIMESTAMP), TableColumn("first_time", Kind.TIMESTAMP))
    table = TableSchema("events", "Events", columns, ("event_id",))
    with database.opened(table):
        pass
    with connected(database.url) as connection:
        [index] = sa.inspect(connection).get_indexes("events")
        assert index["column_names"] == ["event_time"]
        of = " ON events" if database.dialect == "mysql" else ""
        connection.exec_driver_sql(f"DROP INDEX {index['name']}{of}")
    with database.opened(table), connected(database.url) as connection:
        assert [found["column_names"] for found in sa.inspect(connection).get_indexes("events")] == [["event_time"]]
