"""The newest rows, as the live view reads them."""

from __future__ import annotations

from src.storage.memory import MemorySink
from tests.storage.rows import batch, row, schema

TABLE = schema()


def test_the_row_written_last_is_the_last_and_the_oldest_go() -> None:
    sink = MemorySink(rows_per_table=3)
    sink.write(batch(0, {TABLE: [row("A"), row("B"), row("C")]}))
    sink.write(batch(1, {TABLE: [row("A", price=1.0), row("D")]}))
    assert [(found["symbol"], found["price"]) for found in sink.rows(TABLE.name)] == [("C", None), ("A", 1.0), ("D", None)]


def test_a_table_without_rows_has_none() -> None:
    assert MemorySink().rows("nothing") == []


def test_what_was_read_does_not_change_under_the_reader() -> None:
    sink = MemorySink()
    sink.write(batch(0, {TABLE: [row(price=1.0)]}))
    seen = sink.rows(TABLE.name)
    sink.write(batch(1, {TABLE: [row(price=2.0), row("ETH")]}))
    assert [found["price"] for found in seen] == [1.0]
