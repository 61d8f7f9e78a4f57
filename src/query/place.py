"""Where questions go: ClickHouse where the settings name one, else the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from src.collect.ledger import LEDGER_TABLE
from src.config.settings import Settings
from src.dashboard.stores import ClickHouseStore, SqlStore, Store


@contextmanager
def opened_store(settings: Settings, seconds: int, table: str | None = None) -> Iterator[Store]:
    """The store that has a table (the collectors' ledger is in the database alone), for one who only reads.

    The embedded ClickHouse is started where it does not run. Raises as `clickhouse`.
    """
    if settings.clickhouse_url is None or table == LEDGER_TABLE.name:
        with closing(SqlStore(settings.database_address, seconds)) as database:
            yield database
        return
    # The client takes a third of a second to load, and few have a ClickHouse.
    from src.clickhouse.place import clickhouse  # noqa: PLC0415

    with clickhouse(settings, "query") as place:
        assert place is not None  # noqa: S101  for the type checker: the address was asked for above
        with closing(ClickHouseStore(place.url.get_secret_value(), seconds)) as store:
            yield store
