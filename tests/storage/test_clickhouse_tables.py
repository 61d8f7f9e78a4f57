"""A table in ClickHouse that is there already: used when it is the metric's, grown when the metric has more columns, refused when it is another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.schema.tables import TableSchema
from tests.storage.clickhouse_store import ClickHouseStore
from tests.storage.rows import row, schema, stored
from tests.storage.test_clickhouse_rows import numbered

KEY_ROW = {name: value for name, value in row().items() if name in {"source", "symbol", "window_start", "window_end"}}
INTERNAL = "_generation UInt64, _batch UInt64, _version UInt128 MATERIALIZED toUInt128(_batch), _written DateTime('UTC') DEFAULT now()"


def made(store: ClickHouseStore, **columns: Kind) -> None:
    """The table `metric` with these columns and one row of nulls."""
    table = schema("metric", **columns)
    with store.opened(table) as sink:
        sink.write(numbered(0, {table: [{**KEY_ROW, **dict.fromkeys(columns)}]}))


def test_a_metric_that_gained_columns_keeps_its_rows(clickhouse: ClickHouseStore) -> None:
    made(clickhouse, price_okx=Kind.DOUBLE)
    added = {"price_kraken": Kind.DOUBLE, "records": Kind.LONG, "whole": Kind.BOOLEAN, "market": Kind.STRING, "at": Kind.TIMESTAMP}
    table = schema("metric", price_okx=Kind.DOUBLE, **added)
    values = {"price_okx": 1.0, "price_kraken": 2.0, "records": 3, "whole": True, "market": "비트", "at": KEY_ROW["window_start"]}
    new = {**KEY_ROW, "symbol": "ETH", **values}
    for number in (1, 2):
        with clickhouse.opened(table) as sink:
            sink.write(numbered(number, {table: [new]}))
    assert stored(clickhouse.rows(table)) == stored([{**KEY_ROW, **dict.fromkeys(values)}, new])


def test_a_metric_that_lost_columns_leaves_them_null_and_shown(clickhouse: ClickHouseStore) -> None:
    made(clickhouse, price_okx=Kind.DOUBLE, price_kraken=Kind.DOUBLE)
    table = schema("metric", price_okx=Kind.DOUBLE)
    with clickhouse.opened(table) as sink:
        sink.write(numbered(1, {table: [{**KEY_ROW, "symbol": "ETH", "price_okx": 1.0}]}))
    rows = [{**KEY_ROW, "price_okx": None, "price_kraken": None}, {**KEY_ROW, "symbol": "ETH", "price_okx": 1.0, "price_kraken": None}]
    assert stored(clickhouse.rows(table)) == stored(rows)


@pytest.mark.parametrize("there", Kind)
def test_a_column_of_another_type_is_refused_and_left_as_it_is(clickhouse_server: ClickHouseStore, there: Kind) -> None:
    made(clickhouse_server, price=there)
    for wanted in set(Kind) - {there}:
        with pytest.raises(ConfigurationError, match=r"table metric in .*: column price is .*, the metric's is .*\. Rename or drop it"):
            clickhouse_server.sink().open([schema("metric", price=wanted, added=Kind.DOUBLE)])
    nothing = [] if there is Kind.DOUBLES else None
    assert stored(clickhouse_server.rows(schema("metric", price=there))) == stored([{**KEY_ROW, "price": nothing}])


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (f"({{columns}}, price Nullable(Float64), {INTERNAL}) ENGINE = MergeTree {{order}}", "its engine is MergeTree"),
        ("({columns}, price Nullable(Float64)) ENGINE = ReplacingMergeTree {order}", "it has no version column _version"),
        (f"({{columns}}, price Float64, {INTERNAL}) ENGINE = ReplacingMergeTree(_version) {{order}}", "column price is Float64"),
        (f"({{columns}}, note String, {INTERNAL}) ENGINE = ReplacingMergeTree(_version) {{order}}", "column note, which the metric has not"),
        (
            f"({{columns}}, {INTERNAL}) ENGINE = ReplacingMergeTree(_version) {{partition}} ORDER BY (source, symbol)",
            "it is sorted by (source, symbol)",
        ),
        (f"({{columns}}, {INTERNAL}) ENGINE = ReplacingMergeTree(_version) {{key}}", "its partitions are by nothing"),
    ],
)
def test_a_table_that_somebody_else_made_is_refused(clickhouse_server: ClickHouseStore, definition: str, said: str) -> None:
    key, partition = "ORDER BY (source, symbol, window_start)", "PARTITION BY toYYYYMMDD(window_start)"
    columns = "source String, symbol String, window_start DateTime64(3, 'UTC'), window_end Nullable(DateTime64(3, 'UTC'))"
    clickhouse_server.execute(f"CREATE TABLE metric {definition.format(columns=columns, key=key, partition=partition, order=f'{partition} {key}')}")
    with pytest.raises(ConfigurationError) as refused:
        clickhouse_server.sink().open([schema("metric", price=Kind.DOUBLE)])
    assert said in str(refused.value)


def test_a_table_of_the_view_s_name_is_refused_and_kept(clickhouse_server: ClickHouseStore) -> None:
    clickhouse_server.execute("CREATE TABLE metric_current (a Int64) ENGINE = Memory", "INSERT INTO metric_current VALUES (5)")
    with pytest.raises(ConfigurationError, match=r"metric_current in ClickHouse database .* is no view"):
        clickhouse_server.sink().open([schema("metric")])
    assert clickhouse_server.read("SELECT * FROM metric_current") == [{"a": 5}]


def test_two_metrics_whose_names_would_meet_are_refused(clickhouse_server: ClickHouseStore) -> None:
    with pytest.raises(ConfigurationError, match="metric metric_current has the name of a table or view that ClickHouse has for metric"):
        clickhouse_server.sink().open([schema("metric"), schema("metric_current")])


def test_more_than_500_columns_are_refused_and_500_are_not(clickhouse_server: ClickHouseStore) -> None:
    # Four of them are the key's and the window's end.
    wide = {f"column_{place}": Kind.DOUBLE for place in range(497)}
    with pytest.raises(ConfigurationError, match="table metric would have 501 columns, and 500 is the most"):
        clickhouse_server.sink().open([schema("metric", **wide)])
    assert clickhouse_server.read("SHOW TABLES") == []
    wide.pop("column_0")
    full = {**KEY_ROW, **dict.fromkeys(wide, 1 / 3)}
    table = schema("metric", **wide)
    with clickhouse_server.opened(table) as sink:
        sink.write(numbered(0, {table: [full]}))
    assert stored(clickhouse_server.rows(table)) == stored([full])


def test_the_days_that_rows_stay_are_those_of_the_setting(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    def expiry() -> str:
        (found,) = clickhouse.read(f"SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = '{table.name}'")  # noqa: S608
        return str(found["engine_full"]).partition(" TTL ")[2].partition(" SETTINGS")[0]

    with clickhouse.opened(table) as sink:
        sink.write(numbered(0, {table: [row(price=1.0)]}))
    assert expiry() == ""
    for days, said in ((7, "toIntervalDay(7)"), (30, "toIntervalDay(30)"), (0, "")):
        sink = clickhouse.sink(ttl_days=days)
        sink.open([table])
        sink.close()
        assert expiry() == (f"greatest(toDateTime(window_start), _written) + {said}" if said else "")


def test_a_row_of_an_old_day_stays_when_it_was_written_lately_and_goes_when_it_was_not(clickhouse: ClickHouseStore, table: TableSchema) -> None:
    sink = clickhouse.sink(ttl_days=7)
    sink.open([table])
    sink.write(numbered(0, {table: [row(price=1.0)]}))
    sink.close()
    clickhouse.execute(f"OPTIMIZE TABLE {table.name} FINAL")
    assert stored(clickhouse.rows(table)) == stored([row(price=1.0)])
    clickhouse.execute(
        f"INSERT INTO {table.name} (source, symbol, window_start, _generation, _batch, _written) "
        "SELECT 'live', 'OLD', '2020-01-01 00:00:00', 1, 1, '2020-01-01 00:00:00'",
        f"OPTIMIZE TABLE {table.name} FINAL",
    )
    assert [found["symbol"] for found in clickhouse.rows(table)] == ["BTC"]


def test_units_are_in_the_columns_comments(clickhouse: ClickHouseStore) -> None:
    described = replace(schema("metric"), description="Prices.\n\nprice: of the venue's last trade, USD; records: how many.")
    with clickhouse.opened(described):
        pass
    found = clickhouse.read("SELECT name, comment FROM system.columns WHERE database = currentDatabase() AND table = 'metric'")
    comments = {one["name"]: one["comment"] for one in found}
    assert comments["price"] == "of the venue's last trade, USD"
    assert comments["records"] == "how many"
    assert clickhouse.value("SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = 'metric'") == described.description


def test_jobs_that_start_together_share_a_table(clickhouse_server: ClickHouseStore) -> None:
    made(clickhouse_server, price=Kind.DOUBLE)
    tables = [schema("metric", price=Kind.DOUBLE, added=Kind.DOUBLE), *(schema(f"shared_{place}") for place in range(3))]
    sinks = [clickhouse_server.sink() for _ in range(4)]
    with ThreadPoolExecutor(len(sinks)) as threads:
        for opened in [threads.submit(sink.open, tables) for sink in sinks]:
            opened.result()
    for sink in sinks:
        sink.write(numbered(1, {tables[1]: [row(price=1.0)]}))
        sink.close()
    assert stored(clickhouse_server.rows(tables[1])) == stored([row(price=1.0)])
