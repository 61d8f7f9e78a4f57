"""What PostgreSQL says when it will not, in our words: who must act, and what passes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from src.errors import ConfigurationError, MissingPartError, TransientError
from src.storage import sql_engine
from tests.servers import LOOPBACK, free_port
from tests.storage.databases import PASSWORD, PostgreSqlStore
from tests.storage.postgres import PostgreSql
from tests.storage.rows import batch, row, schema, stored
from tests.storage.stores import SqlStore, connected

ONE, OTHER = schema("one"), schema("other")


@pytest.fixture
def store(request: pytest.FixtureRequest) -> PostgreSqlStore:
    return PostgreSqlStore(request)


def refusal(address: sa.URL) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused, SqlStore(address.render_as_string(hide_password=False)).opened(ONE):
        pass
    assert PASSWORD not in str(refused.value)
    assert "\n" not in str(refused.value)
    return refused.value


def test_what_a_user_can_get_wrong(postgresql: PostgreSql) -> None:
    address = postgresql.address.set(password=PASSWORD)
    assert "the database does not exist: create it first" in str(refusal(address.set(database="nowhere")))
    assert "the user does not exist, or may not log in" in str(refusal(address.set(username="nobody")))
    nobody_listens = refusal(address.set(host=LOOPBACK, port=free_port()))
    assert isinstance(nobody_listens, MissingPartError)
    assert "cannot be reached" in str(nobody_listens)


def test_a_lock_of_somebody_else_passes(store: PostgreSqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_engine, "_LOCK_SECONDS", 1)
    with store.opened(ONE) as sink:
        with connected(store.url) as blocker:
            blocker.exec_driver_sql("LOCK TABLE one")
            with pytest.raises(TransientError, match="lock timeout"):
                sink.write(batch(0, {ONE: [row()]}))
        sink.write(batch(0, {ONE: [row()]}))
    assert stored(store.rows(ONE)) == stored([row()])


def test_a_deadlock_passes(store: PostgreSqlStore) -> None:
    with store.opened(ONE, OTHER) as sink:
        sink.write(batch(0, {ONE: [row()], OTHER: [row()]}))
        later = batch(1, {ONE: [row(price=1.0)], OTHER: [row(price=1.0)]})
        with ThreadPoolExecutor(1) as thread, connected(store.url) as rival:
            # The rival looks for deadlocks so late that the batch finds it first, and ends.
            rival.exec_driver_sql("SET deadlock_timeout = '1h'")
            rival.exec_driver_sql("UPDATE other SET price = 9")
            writing = thread.submit(sink.write, later)
            with connected(store.url) as watcher:
                found = None
                while found is None:
                    found = watcher.exec_driver_sql("SELECT pid FROM pg_locks WHERE NOT granted").scalar_one_or_none()
            rival.exec_driver_sql("UPDATE one SET price = 9")
            with pytest.raises(TransientError, match=r"deadlock detected|lock timeout"):
                writing.result()
            rival.rollback()
        sink.write(later)
    assert stored(store.rows(ONE)) == stored(store.rows(OTHER)) == stored([row(price=1.0)])


def test_a_time_with_a_zone_is_another_type(store: PostgreSqlStore) -> None:
    with store.opened(ONE):
        pass
    with connected(store.url) as connection:
        connection.exec_driver_sql("ALTER TABLE one ALTER COLUMN window_end TYPE timestamptz")
    with pytest.raises(ConfigurationError, match="column window_end is TIMESTAMP"), store.opened(ONE):
        pass
