"""The ledger of batches: what it holds after each batch, and that it says so in the batch's own transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from src.errors import ConfigurationError
from src.storage.sql import SqlSink
from src.storage.sql_batches import NAME
from tests.storage.rows import batch, row, schema, stored
from tests.storage.stores import SqlStore, connected

TABLE, OTHER = schema("prices"), schema("spreads")


def ledger(database: SqlStore) -> list[tuple[str, str, int]]:
    with connected(database.url) as connection:
        found = connection.execute(sa.text(f"SELECT query, checkpoint, batch_id FROM {NAME} ORDER BY query, checkpoint")).all()  # noqa: S608
    return [tuple(line) for line in found]


def test_it_holds_the_last_batch_of_each_query_and_checkpoint(database: SqlStore) -> None:
    with database.opened(TABLE) as sink:
        for number in (3, 4, 4, 2):
            sink.write(batch(number, {TABLE: [row(records=number)]}))
        sink.write(batch(0, {}, generation=2))
    assert ledger(database) == [("tests", "tests.1", 4), ("tests", "tests.2", 0)]
    assert stored(database.rows(TABLE)) == stored([row(records=4)])
    with connected(database.url) as connection:
        [age] = connection.execute(sa.text(f"SELECT COUNT(*) FROM {NAME} WHERE written_at < '2020-01-01' OR written_at IS NULL")).scalars()  # noqa: S608
    assert age == 0


def test_a_batch_that_fails_is_not_noted(database: SqlStore) -> None:
    with database.opened(TABLE, OTHER) as sink:
        sink.write(batch(0, {TABLE: [row(records=0)], OTHER: [row(records=0)]}))
        database.drop(OTHER)
        with pytest.raises(ConfigurationError, match="is gone: start the same command again, and what is missing is made"):
            sink.write(batch(1, {TABLE: [row(records=1)], OTHER: [row(records=1)]}))
    assert ledger(database) == [("tests", "tests.1", 0)]
    assert stored(database.rows(TABLE)) == stored([row(records=0)])


def test_of_two_writers_of_one_batch_one_writes_it(database: SqlStore) -> None:
    """A job that was thought dead and its successor: which of them wins is open, and nothing is there twice or half."""
    sinks = [SqlSink(database.url) for _ in range(2)]
    for sink in sinks:
        sink.open([TABLE])
    sinks[0].write(batch(0, {TABLE: [row("FIRST")]}))

    def write(place: int) -> None:
        for number in range(1, 20):
            sinks[place].write(batch(number, {TABLE: [row(f"S{number}", records=number), row("LAST", records=number)]}))

    with ThreadPoolExecutor(2) as threads:
        for writing in [threads.submit(write, place) for place in range(2)]:
            writing.result()
    for sink in sinks:
        sink.close()
    expected = [row("FIRST"), row("LAST", records=19), *(row(f"S{number}", records=number) for number in range(1, 20))]
    assert stored(database.rows(TABLE)) == stored(expected)
    assert ledger(database) == [("tests", "tests.1", 19)]


def test_a_ledger_that_was_dropped_is_made_at_the_next_start_and_begins_anew(database: SqlStore) -> None:
    with database.opened(TABLE) as sink:
        sink.write(batch(5, {TABLE: [row(records=5)]}))
    with connected(database.url) as connection:
        connection.exec_driver_sql(f"DROP TABLE {NAME}")
    with database.opened(TABLE) as sink:
        sink.write(batch(6, {TABLE: [row(records=6)]}))
    assert ledger(database) == [("tests", "tests.1", 6)]
    assert stored(database.rows(TABLE)) == stored([row(records=6)])


def test_a_metric_cannot_take_its_name(database: SqlStore) -> None:
    with pytest.raises(ConfigurationError, match=f"a metric cannot be named {NAME}"):
        SqlSink(database.url).open([schema(NAME)])
