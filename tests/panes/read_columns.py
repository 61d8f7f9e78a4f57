"""Columns of records as plain values, for tests to look at."""

from __future__ import annotations

from typing import Any

from src.panes.columns import Records


def column_of(records: Records, name: str) -> list[Any]:
    """The values in order; None for null."""
    codes, known = records.coded(name)
    return [known[code] for code in codes]
