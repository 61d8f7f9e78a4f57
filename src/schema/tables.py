"""The shape of a table's rows, defined once: Arrow, SQL, JSON and the schema cards are derived from it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from src.errors import ConfigurationError
from src.schema.kinds import Kind

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")
ARROW_TYPES = {
    Kind.DOUBLE: pa.float64(),
    Kind.LONG: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.STRING: pa.string(),
    Kind.TIMESTAMP: pa.timestamp("ms", tz="UTC"),
    Kind.DOUBLES: pa.list_(pa.float64()),
}


@dataclass(frozen=True)
class TableColumn:
    """One column of a metric's table and topic."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class TableSchema:
    """A metric's table (`name`) and topic, with the columns in order and those that identify a row. A table of raw records has no topic."""

    name: str
    topic: str
    columns: tuple[TableColumn, ...]
    key: tuple[str, ...]
    description: str = ""
    headline: tuple[str, ...] = ()
    """Columns that a view with little room shows first."""

    def arrow(self) -> pa.Schema:
        """The Arrow schema of a batch of rows."""
        return pa.schema([pa.field(column.name, ARROW_TYPES[column.kind], nullable=column.name not in self.key) for column in self.columns])


def check_identifier(name: str, what: str) -> str:
    """`name`, when it is safe as a SQL identifier and a topic name; raises ConfigurationError that says what it names."""
    if not IDENTIFIER.fullmatch(name):
        raise ConfigurationError(f"{what} {name!r} must be lower case letters, digits and _, begin with a letter and have at most 63 characters")
    return name
