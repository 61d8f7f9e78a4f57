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
    DOUBLES = "double[]"
    """A list of doubles, empty rather than null: of tables of raw records alone, and ClickHouse alone takes it."""


def is_of(kind: Kind, value: object) -> bool:
    """Whether a plain value, a time as integer ms, is of that type. A whole number is also a DOUBLE; null is of none."""
    if isinstance(value, bool) or kind is Kind.BOOLEAN:
        return isinstance(value, bool) and kind is Kind.BOOLEAN
    if kind is Kind.DOUBLES:
        return isinstance(value, list | tuple) and all(is_of(Kind.DOUBLE, each) for each in value)
    return isinstance(value, {Kind.DOUBLE: int | float, Kind.STRING: str}.get(kind, int))
