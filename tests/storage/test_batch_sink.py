"""A sink of somebody's own: `write` of one table, and nothing else."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from src.errors import TransientError
from src.storage import BatchSink, Guarantee, as_sink
from src.storage.memory import MemorySink
from tests.storage.rows import batch, row, schema

ONE, OTHER = schema("one"), schema("other")


class MySink(BatchSink):
    """All that an author writes."""

    guarantee = Guarantee.EXACTLY_ONCE

    def __init__(self) -> None:
        self.rows: dict[Any, dict[str, Any]] = {}
        self.seen: list[Any] = []
        self.fails_at: str | None = None

    def write(self, batch: pa.Table, batch_id: int) -> None:
        table = self.table_of(batch)
        self.seen.append((table.name, batch_id, self.lineage_of(batch)))
        if table.name == self.fails_at:
            raise TransientError("gone")
        for found in batch.to_pylist():
            self.rows[table.name, *(found[name] for name in table.key)] = found


def test_each_table_with_rows_is_written_and_known() -> None:
    mine = MySink()
    sink = as_sink(mine)
    sink.open([ONE, OTHER])
    sink.write(batch(3, {ONE: [row(price=1.0)], schema("empty"): [], OTHER: [row(price=2.0)]}, generation=9))
    sink.close()
    assert mine.seen == [("one", 3, ("tests", "tests.9", 9)), ("other", 3, ("tests", "tests.9", 9))]
    assert [found["price"] for found in mine.rows.values()] == [1.0, 2.0]


def test_what_is_no_number_comes_as_null() -> None:
    mine = MySink()
    as_sink(mine).write(batch(0, {ONE: [row("A", price=float("nan")), row("B", price=float("-inf")), row("C", price=0.0)]}))
    assert [found["price"] for found in mine.rows.values()] == [None, None, 0.0]


def test_the_table_is_told_whole() -> None:
    tables = []

    class Keeping(MySink):
        def write(self, batch: pa.Table, batch_id: int) -> None:
            del batch_id
            tables.append(self.table_of(batch))

    as_sink(Keeping()).write(batch(0, {ONE: [row()], OTHER: [row()]}))
    assert tables == [ONE, OTHER]


def test_a_batch_of_which_one_table_fails_is_written_again_whole() -> None:
    mine = MySink()
    sink = as_sink(mine)
    mine.fails_at = "other"
    with pytest.raises(TransientError):
        sink.write(batch(0, {ONE: [row(price=1.0)], OTHER: [row(price=2.0)]}))
    mine.fails_at = None
    sink.write(batch(0, {ONE: [row(price=1.0)], OTHER: [row(price=2.0)]}))
    assert [found["price"] for found in mine.rows.values()] == [1.0, 2.0]


def test_name_and_guarantee_are_the_authors_and_have_a_default() -> None:
    class Plain(MySink):
        """One that says nothing."""

        name = "my store"

    class Default(BatchSink):
        def write(self, batch: pa.Table, batch_id: int) -> None:
            """Nothing."""

    assert (as_sink(MySink()).name, as_sink(MySink()).guarantee) == ("MySink", Guarantee.EXACTLY_ONCE)
    assert as_sink(Plain()).name == "my store"
    assert (as_sink(Default()).name, as_sink(Default()).guarantee) == ("Default", Guarantee.AT_LEAST_ONCE)


def test_a_sink_of_all_tables_stays_itself() -> None:
    memory = MemorySink()
    assert as_sink(memory) is memory
