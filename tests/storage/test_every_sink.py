"""What every sink promises, on every store: the last value of each row, once, whatever is written again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from src.schema.tables import TableSchema
from tests.storage.rows import START, awkward, batch, row, stored
from tests.storage.stores import Store


def test_values_come_back_as_they_were_and_what_is_no_number_as_null(store: Store, table: TableSchema) -> None:
    with store.opened(table) as sink:
        sink.write(batch(0, {table: awkward()}))
    assert stored(store.rows(table)) == stored(awkward())


def test_a_batch_written_twice_changes_nothing(store: Store, table: TableSchema) -> None:
    with store.opened(table) as sink:
        sink.write(batch(5, {table: awkward()}))
        sink.write(batch(5, {table: awkward()}))
    assert stored(store.rows(table)) == stored(awkward())


def test_a_row_is_updated_by_its_key_and_a_null_replaces_a_value(store: Store, table: TableSchema) -> None:
    with store.opened(table) as sink:
        sink.write(batch(5, {table: [row(price=1.0, signal="PRICE_ALERT"), row("ETH", price=3.0)]}))
        sink.write(batch(6, {table: [row(price=2.0)]}))
        assert stored(store.rows(table)) == stored([row(price=2.0), row("ETH", price=3.0)])


def test_batch_5_again_after_batch_6(store: Store, table: TableSchema) -> None:
    five = batch(5, {table: [row(price=1.0, signal="PRICE_ALERT"), row("ETH", price=3.0)]})
    six = batch(6, {table: [row(price=2.0)]})
    with store.opened(table) as sink:
        for given in (five, six, five):
            sink.write(given)
    if store.knows_batches:
        assert stored(store.rows(table)) == stored([row(price=2.0), row("ETH", price=3.0)])
    # A sink of another run. Where the older values were taken, they hold until the later batch follows, and no row is there twice.
    with store.opened(table) as sink:
        sink.write(five)
        sink.write(six)
    if store.outlives_its_sink:
        assert stored(store.rows(table)) == stored([row(price=2.0), row("ETH", price=3.0)])


def test_batch_ids_begin_anew_with_another_checkpoint(store: Store, table: TableSchema) -> None:
    with store.opened(table) as sink:
        sink.write(batch(7, {table: [row(price=1.0), row("ETH", price=3.0)]}))
        sink.write(batch(0, {table: [row(price=2.0)]}, generation=2))
    assert stored(store.rows(table)) == stored([row(price=2.0), row("ETH", price=3.0)])


def test_batches_of_no_checkpoint_are_all_written(store: Store, table: TableSchema) -> None:
    with store.opened(table) as sink:
        sink.write(replace(batch(7, {table: [row(price=1.0)]}), checkpoint="", generation=0))
        sink.write(replace(batch(8, {table: [row(price=2.0)]}), checkpoint="", generation=0))
    assert stored(store.rows(table)) == stored([row(price=2.0)])


def test_rows_of_any_part_of_the_key_are_kept_apart(store: Store, table: TableSchema) -> None:
    rows = [row(window_start=START + timedelta(milliseconds=place), price=float(place)) for place in range(3)]
    rows += [{**row(price=9.0), "source": source} for source in ("replay", "simulated")]
    with store.opened(table) as sink:
        sink.write(batch(0, {table: rows}))
    assert stored(store.rows(table)) == stored(rows)


def test_thousands_of_rows_in_one_batch(store: Store, table: TableSchema) -> None:
    rows = [row(f"S{place % 70}", window_start=START + timedelta(seconds=place), price=place / 7, records=place) for place in range(2_500)]
    with store.opened(table) as sink:
        sink.write(batch(0, {table: rows}))
        sink.write(batch(1, {table: [{**found, "records": -1} for found in rows]}))
    assert stored(store.rows(table)) == stored([{**found, "records": -1} for found in rows])


def test_a_batch_of_several_tables_and_one_without_rows(store: Store, table: TableSchema) -> None:
    other, empty = (replace(table, name=f"{name}_{table.name}", topic=f"{name}{table.topic}") for name in ("other", "empty"))
    with store.opened(table, other, empty) as sink:
        sink.write(batch(0, {table: [row(price=1.0)], empty: [], other: [row("ETH", price=2.0)]}))
        sink.write(batch(1, {}))
    assert stored(store.rows(table)) == stored([row(price=1.0)])
    assert stored(store.rows(other)) == stored([row("ETH", price=2.0)])
    assert store.rows(empty) == []


def test_batches_come_from_another_thread_than_open(store: Store, table: TableSchema) -> None:
    with store.opened(table) as sink, ThreadPoolExecutor(1) as thread:
        thread.submit(sink.write, batch(0, {table: [row(price=1.0)]})).result()
    assert stored(store.rows(table)) == stored([row(price=1.0)])


def test_the_next_run_goes_on_with_the_rows_of_the_last(store: Store, table: TableSchema) -> None:
    if not store.outlives_its_sink:
        with store.opened(table) as sink:
            sink.write(batch(0, {table: [row(price=1.0)]}))
        assert stored(store.rows(table)) == stored([row(price=1.0)]), "what was shown last can still be read"
        return
    for number in (1, 2):
        with store.opened(table) as sink:
            sink.write(batch(number, {table: [row(price=float(number)), row(f"RUN{number}", price=float(number))]}))
    assert stored(store.rows(table)) == stored([row(price=2.0), row("RUN1", price=1.0), row("RUN2", price=2.0)])


def test_close_is_safe_at_any_time(store: Store, table: TableSchema) -> None:
    never_opened = store.sink()
    never_opened.close()
    with store.opened(table) as sink:
        sink.write(batch(0, {table: [row()]}))
        sink.close()
        sink.close()
