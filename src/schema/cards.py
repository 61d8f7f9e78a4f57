"""The schema cards of docs/tables.md: one for each table and its topic, out of the metrics themselves."""

from __future__ import annotations

from collections.abc import Sequence

from src.schema.tables import TableSchema

_HEAD = """\
# Tables and topics

Each metric has a table and a Kafka topic with the same columns. Times are UTC: `DATETIME(3)` in MySQL, integer milliseconds since 1970 in topics.
`source` (live, replay or simulated) is part of every key, so the three never mix. A window holds times from `window_start` up to, not including,
`window_end`. A value that was not observed is null.

This page is made by `make docs`, for the default markets; another set of markets has its own `<name>_<market>` columns.
"""


def table_cards(tables: Sequence[TableSchema]) -> str:
    """The page's text."""
    return _HEAD + "".join(_card(table) for table in tables)


def _card(table: TableSchema) -> str:
    rows = "".join(f"| `{column.name}` | {column.kind.value} | {'key' if column.name in table.key else ''} |\n" for column in table.columns)
    key = ":".join(table.key)
    place = f"Topic `{table.topic}`, message key `{key}`." if table.topic else "In ClickHouse alone, with `--raw`."
    return f"\n## {table.name}\n\n{place}\n\n{table.description}\n\n| column | type | |\n|---|---|---|\n{rows}"
