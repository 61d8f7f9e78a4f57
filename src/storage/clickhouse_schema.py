"""Tables in ClickHouse made ready: those that are missing made, those that lack a column grown, and one that is not the metric's refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from src.errors import ConfigurationError
from src.schema.tables import TableSchema
from src.storage.clickhouse_tables import (
    CURRENT,
    GENERATION,
    LOCAL,
    VERSION,
    Layout,
    add_statements,
    column_type,
    create_statements,
    identifier,
    sorting_key,
    time_column,
    ttl_statement,
    view_statement,
)


@dataclass(frozen=True)
class _Column:
    name: str
    kind: str
    has_default: bool


@dataclass(frozen=True)
class _Found:
    """A table as the server describes it."""

    engine: str
    engine_full: str
    sorting_key: str
    partition_key: str
    columns: tuple[_Column, ...]


def prepare(client: Client, schemas: Sequence[TableSchema], layout: Layout) -> None:
    """Make the tables and views, add the columns that a metric has gained, and see that rows can be written.

    Raises ConfigurationError for a table that is not the metric's, and clickhouse-connect's errors, for a missing right among others.
    """
    _check_names(schemas)
    for schema in schemas:
        for statement in create_statements(schema, layout):
            client.command(statement)
        found = _found(client, layout, layout.stored(schema.name))
        problems = _problems(schema, found, layout)
        if problems:
            raise ConfigurationError(
                f"table {layout.stored(schema.name)} in ClickHouse database {layout.database} is not the metric's: {'; '.join(problems)}. "
                "Rename or drop it, and it is made anew"
            )
        _grow(client, schema, found, layout)
        _try_rights(client, schema, layout)


def _check_names(schemas: Sequence[TableSchema]) -> None:
    names = {schema.name for schema in schemas}
    for name in names:
        for ending in (CURRENT, LOCAL):
            if name + ending in names:
                raise ConfigurationError(f"metric {name + ending} has the name of a table or view that ClickHouse has for {name}: give it another")


def _grow(client: Client, schema: TableSchema, found: _Found, layout: Layout) -> None:
    there = [column.name for column in found.columns]
    added = [column.name for column in schema.columns if column.name not in there]
    if added:
        for statement in add_statements(schema, added, layout):
            client.command(statement)
    days = re.search(r"toIntervalDay\((\d+)\)", found.engine_full)
    if (int(days[1]) if days else 0) != layout.ttl_days:
        client.command(ttl_statement(schema, layout))
    # Columns of an earlier form of the metric stay, in the view too, so that two jobs of different settings do not change it in turn.
    shown = [name for name in (*there, *added) if not name.startswith("_")]
    view = _found(client, layout, schema.name + CURRENT)
    if view.engine not in {"", "View"}:
        raise ConfigurationError(
            f"{schema.name + CURRENT} in ClickHouse database {layout.database} is no view, and its name is that of the view over {schema.name}: "
            "rename or drop it"
        )
    if {column.name for column in view.columns} != set(shown):
        client.command(view_statement(schema, shown, layout))


def _try_rights(client: Client, schema: TableSchema, layout: Layout) -> None:
    """Write no row at all: a user who may only read is found before the first batch."""
    names = ", ".join(identifier(column.name) for column in schema.columns)
    table = layout.full(schema.name)
    client.command(f"INSERT INTO {table} ({names}) SELECT {names} FROM {table} WHERE 0")  # noqa: S608  (quoted)


def _problems(schema: TableSchema, found: _Found, layout: Layout) -> list[str]:
    if "ReplacingMergeTree" not in found.engine:
        return [f"its engine is {found.engine}, not ReplacingMergeTree"]
    problems = []
    if f"{VERSION})" not in found.engine_full or GENERATION not in {column.name for column in found.columns}:
        problems.append(f"it has no version column {VERSION}")
    if layout.replicated and "Replicated" not in found.engine and "Shared" not in found.engine:
        problems.append(f"its engine is {found.engine}, and COINSPARK_CLICKHOUSE_REPLICATED asks for a replicated one")
    key = [name.strip(" `") for name in found.sorting_key.split(",")]
    if set(key) != set(sorting_key(schema)):
        problems.append(f"it is sorted by ({', '.join(key)}), the metric's key is ({', '.join(sorting_key(schema))})")
    time = time_column(schema)
    partition = f"toYYYYMMDD({time})" if time else ""
    if found.partition_key.replace("`", "") != partition:
        problems.append(f"its partitions are by {found.partition_key or 'nothing'}, the metric's by {partition or 'nothing'}")
    wanted = {column.name: column_type(schema, column.name) for column in schema.columns}
    for column in found.columns:
        if column.name in wanted:
            if column.kind != wanted[column.name]:
                problems.append(f"column {column.name} is {column.kind}, the metric's is {wanted[column.name]}")
        elif not column.has_default and not column.kind.startswith("Nullable(") and not column.name.startswith("_"):
            problems.append(f"column {column.name}, which the metric has not, does not take NULL")
    return problems


def _found(client: Client, layout: Layout, name: str) -> _Found:
    which = {"database": layout.database, "table": name}
    tables = client.query(
        "SELECT engine, engine_full, sorting_key, partition_key FROM system.tables WHERE database = {database:String} AND name = {table:String}",
        parameters=which,
    ).result_rows
    columns = client.query(
        "SELECT name, type, default_kind != '' FROM system.columns WHERE database = {database:String} AND table = {table:String} ORDER BY position",
        parameters=which,
    ).result_rows
    engine, engine_full, sorting, partition = tables[0] if tables else ("", "", "", "")
    return _Found(engine, engine_full, sorting, partition, tuple(_Column(column, kind, bool(default)) for column, kind, default in columns))
