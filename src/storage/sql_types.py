"""What the databases need said in words of their own: times, and the upsert."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

MILLISECONDS = 3


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime, kept as UTC to the millisecond: DATETIME(3) in MySQL, which no time zone of server or session changes."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(mysql.DATETIME(fsp=MILLISECONDS) if dialect.name == "mysql" else sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        del dialect
        return None if value is None else value.replace(tzinfo=UTC)


def upsert(table: sa.Table, dialect: str) -> sa.sql.dml.Insert:
    """INSERT that updates the row of the same key, in the words of the dialect. Run it with a list of parameters, not `.values()`: far faster."""
    others = [column.name for column in table.columns if not column.primary_key]
    if dialect == "mysql":
        statement = mysql.insert(table)
        return statement.on_duplicate_key_update({name: statement.inserted[name] for name in others})
    insert: Callable[..., Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect]
    statement = insert(table)
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=[column.name for column in table.primary_key.columns],
        set_={name: statement.excluded[name] for name in others},
    )
