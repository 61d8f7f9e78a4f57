"""A metric's tables in ClickHouse as statements: the rows, the view that hides those replaced, and the form for a cluster.

A row is inserted again whenever it changes. `ReplacingMergeTree` keeps the one with the largest version, (generation, batch id), when it merges;
until then both are there, and the view, which reads with FINAL, shows the one that stays. FINAL, not argMax of each column: argMax passes
over nulls, so a value that became null would show the number before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.schema.tables import TableSchema
from src.storage.column_comments import column_comments

GENERATION, BATCH, VERSION, WRITTEN = "_generation", "_batch", "_version", "_written"
"""Columns besides the metric's own, whose names begin with a letter."""
CURRENT = "_current"
"""What a view's name has behind its table's."""
LOCAL = "_local"
"""What the name of a shard's own table has behind that of the distributed one."""
TYPES = {
    Kind.DOUBLE: "Float64",
    Kind.LONG: "Int64",
    Kind.BOOLEAN: "Bool",
    Kind.STRING: "String",
    Kind.TIMESTAMP: "DateTime64(3, 'UTC')",
    Kind.DOUBLES: "Array(Float64)",
}
_INTERNAL = {
    GENERATION: "UInt64 COMMENT 'of the checkpoint that the row is from'",
    BATCH: "UInt64 COMMENT 'id of the batch that the row is from'",
    VERSION: f"UInt128 MATERIALIZED bitShiftLeft(toUInt128({GENERATION}), 64) + {BATCH} COMMENT 'of equal keys the row with the largest stays'",
    WRITTEN: "DateTime('UTC') DEFAULT now() COMMENT 'when the row was written'",
}
_CLUSTER_NAME = re.compile(r"[A-Za-z0-9_.{}-]+")


@dataclass(frozen=True)
class Layout:
    """How tables are laid out on the server."""

    database: str
    ttl_days: int = 7
    """Days that a row stays after its window, or after it was written, whichever is later; 0: for ever."""
    cluster: str | None = None
    """Of this name in the server's configuration: a table on each shard, and one over them all."""
    replicated: bool = False
    """Each shard's table is kept by its replicas, through Keeper; only in a cluster."""

    def __post_init__(self) -> None:
        if self.replicated and self.cluster is None:
            raise ConfigurationError("COINSPARK_CLICKHOUSE_REPLICATED needs the name of a cluster: set COINSPARK_CLICKHOUSE_CLUSTER")
        if self.cluster is not None and not _CLUSTER_NAME.fullmatch(self.cluster):
            raise ConfigurationError("COINSPARK_CLICKHOUSE_CLUSTER is no cluster's name: letters, digits and _ . - are")

    @property
    def on_cluster(self) -> str:
        """What every statement that makes or changes a table has behind the table's name."""
        return f" ON CLUSTER {identifier(self.cluster)}" if self.cluster is not None else ""

    def stored(self, table: str) -> str:
        """The table that holds the rows (of one shard), where `table` is what rows are written to."""
        return table + LOCAL if self.cluster is not None else table

    def full(self, name: str) -> str:
        """A name with its database, quoted."""
        return f"{identifier(self.database)}.{identifier(name)}"


def create_statements(schema: TableSchema, layout: Layout) -> list[str]:
    """Statements that make what rows are written to; they change nothing that is there."""
    columns = ",\n    ".join([*(f"{identifier(column.name)} {_definition(schema, column.name)}" for column in schema.columns), *_internal()])
    stored = layout.full(layout.stored(schema.name))
    comment = f"COMMENT {literal(schema.description)}"
    statements = [f"CREATE TABLE IF NOT EXISTS {stored}{layout.on_cluster}\n(\n    {columns}\n)\n{_engine(schema, layout)}\n{comment}"]
    if layout.cluster is not None:
        place = f"{literal(layout.cluster)}, {literal(layout.database)}, {literal(layout.stored(schema.name))}"
        statements.append(
            f"CREATE TABLE IF NOT EXISTS {layout.full(schema.name)}{layout.on_cluster} AS {stored}\nENGINE = Distributed({place}, {sharding(schema)})"
        )
    return statements


def view_statement(schema: TableSchema, columns: list[str], layout: Layout) -> str:
    """The statement that makes the view of these columns, or makes it anew."""
    names = ", ".join(map(identifier, columns))
    # A row's partition is of its key, so equal keys meet in one partition, and partitions need not be compared.
    settings = " SETTINGS do_not_merge_across_partitions_select_final = 1" if time_column(schema) else ""
    name = layout.full(schema.name + CURRENT)
    rows = f"SELECT {names} FROM {layout.full(schema.name)} FINAL{settings}"  # noqa: S608  (quoted)
    return f"CREATE OR REPLACE VIEW {name}{layout.on_cluster} AS {rows}"


def add_statements(schema: TableSchema, columns: list[str], layout: Layout) -> list[str]:
    """Statements that give a table that is there these columns of the metric."""
    names = [schema.name] if layout.cluster is None else [layout.stored(schema.name), schema.name]
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {identifier(name)} {_definition(schema, name)}" for name in columns)
    return [f"ALTER TABLE {layout.full(name)}{layout.on_cluster} {added}" for name in names]


def ttl_statement(schema: TableSchema, layout: Layout) -> str:
    """The statement that makes a table's TTL the layout's."""
    change = f"MODIFY {ttl}" if (ttl := _ttl(schema, layout)) else "REMOVE TTL"
    return f"ALTER TABLE {layout.full(layout.stored(schema.name))}{layout.on_cluster} {change}"


def column_type(schema: TableSchema, name: str) -> str:
    """The type of a metric's column, as ClickHouse writes it. It has no arrays that may be null."""
    kind = next(column.kind for column in schema.columns if column.name == name)
    return TYPES[kind] if name in schema.key or kind is Kind.DOUBLES else f"Nullable({TYPES[kind]})"


def time_column(schema: TableSchema) -> str | None:
    """The time in the key that says the row's day. Of the key: a row that changes must stay in the partition of the one that it replaces."""
    return next((column.name for column in schema.columns if column.kind is Kind.TIMESTAMP and column.name in schema.key), None)


def sorting_key(schema: TableSchema) -> tuple[str, ...]:
    """The columns that rows are sorted by, which are those that identify one."""
    return schema.key


def sharding(schema: TableSchema) -> str:
    """What decides the shard of a row: always something of its key, so that all versions of a row are on one shard."""
    names = ["symbol"] if "symbol" in schema.key else [name for name in schema.key if column_type(schema, name) == TYPES[Kind.STRING]]
    return f"xxHash64({', '.join(map(identifier, names or schema.key))})"


def identifier(name: str) -> str:
    """A name, quoted."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(text: str) -> str:
    """A text, quoted."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _definition(schema: TableSchema, name: str) -> str:
    comment = column_comments(schema).get(name)
    return column_type(schema, name) + (f" COMMENT {literal(comment)}" if comment else "")


def _internal() -> list[str]:
    return [f"{name} {definition}" for name, definition in _INTERNAL.items()]


def _engine(schema: TableSchema, layout: Layout) -> str:
    engine = f"ReplacingMergeTree({VERSION})"
    # Parts go as a whole once all of their rows are too old: that costs nothing, where leaving out single rows writes parts anew.
    settings = ["ttl_only_drop_parts = 1"]
    if layout.replicated:
        engine = f"ReplicatedReplacingMergeTree('/clickhouse/tables/{{uuid}}/{{shard}}', '{{replica}}', {VERSION})"
    else:
        # A token of an insert is only looked at with a window; and where there is one copy, a batch is on the disk before its checkpoint says so.
        settings += ["non_replicated_deduplication_window = 1000", "fsync_after_insert = 1", "fsync_part_directory = 1"]
    time = time_column(schema)
    return "\n".join(
        [
            f"ENGINE = {engine}",
            *([f"PARTITION BY toYYYYMMDD({identifier(time)})"] if time else []),
            f"ORDER BY ({', '.join(map(identifier, sorting_key(schema)))})",
            *([ttl] if (ttl := _ttl(schema, layout)) else []),
            f"SETTINGS {', '.join(settings)}",
        ]
    )


def _ttl(schema: TableSchema, layout: Layout) -> str:
    if not layout.ttl_days:
        return ""
    time = time_column(schema)
    # Also counted from the writing: a recording of old days that is replayed would be gone as soon as it is merged.
    since = f"greatest(toDateTime({identifier(time)}), {WRITTEN})" if time else WRITTEN
    return f"TTL {since} + INTERVAL {layout.ttl_days} DAY"
