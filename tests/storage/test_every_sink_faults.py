"""What every sink does when its store is against it: no batch half, none lost, and one clear error where a person must act."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from src.errors import CoinSparkError, ConfigurationError, TransientError
from src.schema.kinds import Kind
from src.schema.tables import TableSchema
from tests.storage.databases import PASSWORD
from tests.storage.rows import START, batch, row, schema, stored
from tests.storage.stores import Store


def test_more_than_500_columns_are_refused(store: Store, table: TableSchema) -> None:
    wide = schema(f"{table.name}_wide", **{f"price_{place}": Kind.DOUBLE for place in range(497)})
    with pytest.raises(ConfigurationError) as refused, store.opened(table, wide):
        pass
    assert str(refused.value) == (
        f"table {wide.name} would have 501 columns, and 500 is the most that a table may have: split its metric in two, or configure fewer markets"
    )


def test_500_columns_are_taken(store: Store, table: TableSchema) -> None:
    names = [f"price_{place}" for place in range(496)]
    wide = schema(table.name, **dict.fromkeys(names, Kind.DOUBLE))
    key = {name: value for name, value in row().items() if name in {"source", "symbol", "window_start", "window_end"}}
    rows = [{**key, **{name: float(place) for place, name in enumerate(names)}}]
    if len(wide.columns) >= 100 and type(store).__name__ == "KafkaStore":
        with store.opened(replace(wide, columns=wide.columns[:9])):
            pass
    with store.opened(wide) as sink:
        sink.write(batch(0, {wide: rows}))
    assert stored(store.rows(wide)) == stored(rows)


def test_a_dropped_table_is_made_again_by_the_next_start_which_goes_on_at_the_batch(store: Store, table: TableSchema) -> None:
    later = batch(1, {table: [row(price=2.0)]})
    with store.opened(table) as sink:
        sink.write(batch(0, {table: [row(price=1.0), row("ETH")]}))
        store.drop(table)
        # It may fail, with one of our errors, or make the table by itself.
        with suppress(CoinSparkError):
            sink.write(later)
    with store.opened(table) as sink:
        sink.write(later)
    assert stored(store.rows(table)) == stored([row(price=2.0)])


def test_who_may_only_read_is_told_at_the_start(store: Store, table: TableSchema) -> None:
    if store.outlives_its_sink:
        with store.opened(table):
            pass
    with (
        store.read_only() as readers,
        pytest.raises(ConfigurationError, match=r"may not (be )?(create|written)|cannot be written") as refused,
        readers.opened(table),
    ):
        pass
    assert PASSWORD not in str(refused.value)


def test_a_full_disk_passes_and_leaves_no_half_batch(store: Store, table: TableSchema) -> None:
    other = replace(table, name=f"other_{table.name}", topic=f"Other{table.topic}")
    first = batch(0, {table: [row(price=1.0)], other: [row(price=1.0)]})
    many = [row(f"S{place}", window_start=START + timedelta(seconds=place), price=place / 7, signal=str(place) * 40) for place in range(12_000)]
    second = batch(1, {table: [row(price=2.0)], other: many})
    with store.on_small_disk() as (small, disk):
        with small.opened(table, other) as sink:
            sink.write(first)
            disk.fill()
            with pytest.raises(TransientError):
                sink.write(second)
            disk.free()
            sink.write(second)
        assert stored(small.rows(table)) == stored([row(price=2.0)])
        assert stored(small.rows(other)) == stored([row(price=1.0), *many])


def test_a_connection_that_ends_within_a_batch_leaves_no_half_batch(store: Store, table: TableSchema) -> None:
    other = replace(table, name=f"other_{table.name}", topic=f"Other{table.topic}")
    tables = (table, other)
    later = batch(1, {one: [row(price=2.0), row("ETH")] for one in tables})
    with store.opened(*tables) as sink, ThreadPoolExecutor(1) as thread:
        sink.write(batch(0, {one: [row(price=1.0)] for one in tables}))
        with store.held(other) as cut:
            writing = thread.submit(sink.write, later)
            cut()
            with pytest.raises(TransientError):
                writing.result()
        assert [stored(store.rows(one)) for one in tables] == [stored([row(price=1.0)])] * 2
        sink.write(later)
    assert [stored(store.rows(one)) for one in tables] == [stored([row(price=2.0), row("ETH")])] * 2
