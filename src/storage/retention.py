"""Old rows leave the database: a few at a time, so that nobody who writes waits for long, beside a running job or by `delete_old_rows`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from src.background import in_background
from src.config.settings import Settings
from src.errors import CoinSparkError, TransientError
from src.long_work import long_work
from src.schema.records import Source
from src.schema.tables import TableSchema
from src.storage.sql_batches import ledger_table
from src.storage.sql_engine import create_engine
from src.storage.sql_errors import translated
from src.storage.sql_tables import sql_table, time_column

_ROWS_AT_ONCE = 1_000
_PAUSE_SECONDS = 0.05
"""After each of these transactions, which last milliseconds: whoever waits for a lock gets it now."""
_JOIN_SECONDS = 10.0
_NOTED_DAYS = 30.0
"""How long the ledger of batches keeps the row of a checkpoint that writes no more. One that goes on later has its batches written again once."""


class Retention:
    """Deletes rows whose window ended more than `days` ago.

    Replayed and simulated rows, which may be of any time, age against the newest of their kind in the table.
    """

    def __init__(self, url: str, tables: Sequence[TableSchema], days: float) -> None:
        self._engine = create_engine(url)
        metadata = sa.MetaData()
        wanted = {table.name: table for table in tables}
        # A table without a time has nothing that ages.
        self._tables = [(sql_table(table, metadata), time) for table in wanted.values() if (time := time_column(table)) is not None]
        self._batches = ledger_table(metadata)
        self._age = timedelta(days=days)
        self.deleted = 0
        """Rows deleted so far; counts up while `run_once` works."""
        self.left: int | None = None
        """Rows that `run_once` is going to delete still, as counted when it began; None while it does not work."""
        self.advanced: Callable[[int, int], None] = _nothing
        """Called after each few rows with how many are deleted, and how many are left."""

    def run_once(self, stopping: threading.Event | None = None, now: datetime | None = None) -> int:
        """Delete what is old by now and return how many rows that were; `stopping` ends it early. Raises what writing to the database raises."""
        before, stop, moment = self.deleted, stopping or threading.Event(), now or datetime.now(UTC)
        with translated(self._engine.url):
            there = set(sa.inspect(self._engine).get_table_names())
            present = [(table, table.c[time]) for table, time in self._tables if table.name in there]
            old = [(table, column, self._old(table, column, moment - self._age)) for table, column in present]
            self.left = sum(self._count(table, which) for table, _, which in old)
            try:
                for table, column, which in old:
                    self._delete(table, column, which, stop)
            finally:
                self.left = None
            if self._batches.name in there:
                with self._engine.begin() as connection:
                    connection.execute(
                        self._batches.delete().where(self._batches.c.written_at < moment - max(self._age, timedelta(days=_NOTED_DAYS)))
                    )
        return self.deleted - before

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _count(self, table: sa.Table, old: sa.ColumnElement[bool]) -> int:
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table).where(old)).scalar() or 0

    def _delete(self, table: sa.Table, column: sa.Column[datetime], old: sa.ColumnElement[bool], stopping: threading.Event) -> None:
        nth = sa.select(column).where(old).order_by(column).offset(_ROWS_AT_ONCE - 1).limit(1)
        while not stopping.is_set():
            with self._engine.connect() as connection:
                last = connection.execute(nth).scalar()
            # By the time and not by a number of rows: not every database has DELETE ... LIMIT.
            chunk = old if last is None else old & (column <= last)
            with self._engine.begin() as connection:
                gone = connection.execute(table.delete().where(chunk)).rowcount
            self.deleted += gone
            # Rows may become old meanwhile, as those of a replay do.
            self.left = max(0, (self.left or 0) - gone)
            self.advanced(self.deleted, self.left)
            if last is None:
                return
            stopping.wait(_PAUSE_SECONDS)

    def _old(self, table: sa.Table, column: sa.Column[datetime], limit: datetime) -> sa.ColumnElement[bool]:
        old = column < limit
        if "window_end" in table.c:
            # A window of a week begins long before it is old.
            old &= sa.func.coalesce(table.c.window_end, column) < limit
        if "source" in table.c:
            for source in (Source.REPLAY, Source.SIMULATED):
                mine = table.c.source == source.value
                with self._engine.connect() as connection:
                    newest = connection.execute(sa.select(sa.func.max(column)).where(mine)).scalar()
                if newest is not None:
                    old &= sa.not_(mine) | (column < min(limit, newest - self._age))
        return old


def delete_old_rows(url: str, tables: Sequence[TableSchema], days: float, now: datetime | None = None) -> int:
    """Delete the rows of these tables that are older than `days`, as `Retention` does; returns how many those were."""
    retention = Retention(url, tables, days)
    try:
        with long_work("deleting old rows", "rows") as work:
            retention.advanced = lambda deleted, left: work.reach(deleted, deleted + left)
            return retention.run_once(now=now)
    finally:
        retention.close()


def _nothing(deleted: int, left: int) -> None:
    del deleted, left


@contextmanager
def retained(url: str, tables: Sequence[TableSchema], settings: Settings, tell: Callable[[str], None]) -> Iterator[Retention | None]:
    """Delete old rows every few minutes for the length of the block, in a thread and over a connection of its own.

    A fault that passes is waited out; of another `tell` hears, and the rows stay. None where the settings keep rows for ever.
    """
    if not settings.database_retention_days:
        yield None
        return
    retention = Retention(url, tables, settings.database_retention_days)

    def work(stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                retention.run_once(stopping)
            except TransientError:
                pass
            except CoinSparkError as error:
                return tell(f"old rows stay in the database: {error}")
            except Exception as error:  # noqa: BLE001  (drivers let errors of any type through; rows that stay are no reason to end the job)
                return tell(f"old rows stay in the database: {type(error).__name__}")
            stopping.wait(settings.database_retention_minutes * 60)
        return None

    try:
        with in_background("retention", work, _JOIN_SECONDS):
            yield retention
    finally:
        retention.close()
