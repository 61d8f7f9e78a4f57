"""The form for a cluster. No cluster runs here: the engine parses every statement, and what the statements say is compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.schema.tables import TableSchema
from src.storage.clickhouse import ClickHouseSink
from src.storage.clickhouse_tables import Layout, add_statements, create_statements, sharding, ttl_statement, view_statement
from tests.storage.clickhouse_store import ClickHouseStore
from tests.storage.rows import schema

TABLE = replace(schema("candles", open=Kind.DOUBLE, trades=Kind.LONG), description="Candles: it's open.\n\nopen: quote currency.")
SHARDED = Layout("coin", 7, "two_shards")
REPLICATED = Layout("coin", 7, "two_shards", replicated=True)


def statements(table: TableSchema, layout: Layout) -> list[str]:
    columns = [column.name for column in table.columns]
    return [
        *create_statements(table, layout),
        view_statement(table, columns, layout),
        *add_statements(table, ["open", "trades"], layout),
        ttl_statement(table, layout),
        ttl_statement(table, replace(layout, ttl_days=0)),
    ]


@pytest.mark.parametrize("layout", [Layout("coin"), SHARDED, REPLICATED, Layout("coin", 0, "{cluster}", replicated=True)])
def test_the_engine_can_read_every_statement(clickhouse_engine: ClickHouseStore, layout: Layout) -> None:
    given = statements(TABLE, layout)
    trees = [clickhouse_engine.read(f"EXPLAIN AST {statement}") for statement in given]
    heads = [str(tree[0]["explain"]).split(" ")[0] for tree in trees]
    assert heads == [
        "CreateQuery",
        *(["CreateQuery"] if layout.cluster else []),
        "CreateQuery",
        *["AlterQuery"] * (len(given) - 2 - bool(layout.cluster)),
    ]


def test_a_shard_has_a_table_and_one_is_over_them_all() -> None:
    own, over_all = create_statements(TABLE, SHARDED)
    assert own.startswith("CREATE TABLE IF NOT EXISTS `coin`.`candles_local` ON CLUSTER `two_shards`\n(\n    `source` String")
    assert "ENGINE = ReplacingMergeTree(_version)\nPARTITION BY toYYYYMMDD(`window_start`)\nORDER BY (`source`, `symbol`, `window_start`)\nTTL" in own
    assert over_all == (
        "CREATE TABLE IF NOT EXISTS `coin`.`candles` ON CLUSTER `two_shards` AS `coin`.`candles_local`\n"
        "ENGINE = Distributed('two_shards', 'coin', 'candles_local', xxHash64(`symbol`))"
    )


def test_replicas_keep_the_tokens_themselves() -> None:
    own, _ = create_statements(TABLE, REPLICATED)
    assert "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', _version)\n" in own
    assert "non_replicated_deduplication_window" not in own
    assert "non_replicated_deduplication_window = 1000" in create_statements(TABLE, SHARDED)[0]


def test_every_change_is_made_on_the_whole_cluster_and_only_shards_expire() -> None:
    assert all(" ON CLUSTER `two_shards`" in statement for statement in statements(TABLE, SHARDED))
    assert not any("ON CLUSTER" in statement for statement in statements(TABLE, Layout("coin")))
    assert [statement.split(" ")[2] for statement in add_statements(TABLE, ["open"], SHARDED)] == ["`coin`.`candles_local`", "`coin`.`candles`"]
    assert ttl_statement(TABLE, SHARDED).startswith("ALTER TABLE `coin`.`candles_local` ON CLUSTER `two_shards` MODIFY TTL ")


def test_all_rows_of_a_key_are_on_one_shard() -> None:
    """Whatever decides the shard is part of the key, and no time, which would spread one market over all shards."""
    assert sharding(TABLE) == "xxHash64(`symbol`)"
    quality = replace(TABLE, key=("source", "window_start"))
    assert sharding(quality) == "xxHash64(`source`)"
    assert sharding(replace(TABLE, key=("window_start",))) == "xxHash64(`window_start`)"


def test_what_makes_no_cluster_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="COINSPARK_CLICKHOUSE_REPLICATED needs the name of a cluster"):
        ClickHouseSink("http://host/coin", replicated=True)
    with pytest.raises(ConfigurationError, match="COINSPARK_CLICKHOUSE_CLUSTER is no cluster's name"):
        ClickHouseSink("http://host/coin", cluster="two`; DROP")


def test_a_cluster_that_the_server_does_not_know_is_named(clickhouse: ClickHouseStore) -> None:
    with pytest.raises(ConfigurationError, match=r"ClickHouse at .*(COINSPARK_CLICKHOUSE_CLUSTER|needs the macros shard and replica|Keeper)"):
        clickhouse.sink(cluster="nowhere").open([TABLE])
