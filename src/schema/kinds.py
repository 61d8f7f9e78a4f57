"""The types of columns, of which Arrow, Spark, JSON and SQL types are derived."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The type of a column."""

    DOUBLE = "double"
    LONG = "long"
    BOOLEAN = "boolean"
    STRING = "string"
    TIMESTAMP = "timestamp"
