"""Databases that the project's own sinks have filled with some minutes of trades."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from src.dashboard.stores import SqlStore
from tests.dashboard.markets import MINUTE, Filled, trades
from tests.storage.conftest import postgresql, postgresql_url  # noqa: F401  (fixtures of the stores' suite)

MINUTES = 8


@pytest.fixture(scope="session")
def began() -> int:
    """The first minute of the rows, ms since 1970 UTC; the last ones are of this hour."""
    return (round(time.time() * 1000) // MINUTE - MINUTES) * MINUTE


def fill(url: str, began: int) -> str:
    """Candles and mean prices of BTC on upbit and binance, of eight minutes."""
    with closing(Filled(url)) as filled:
        filled.trades(trades(began, began + MINUTES * MINUTE), ("candles", "average_price"))
    return url


@pytest.fixture(scope="session")
def sqlite_filled(tmp_path_factory: pytest.TempPathFactory, began: int) -> str:
    return fill(f"sqlite:///{tmp_path_factory.mktemp('query')}/coin.db", began)


@pytest.fixture(params=["sqlite", pytest.param("mysql", marks=pytest.mark.mysql), pytest.param("postgresql", marks=pytest.mark.mysql)])
def store(request: pytest.FixtureRequest, began: int) -> Iterator[SqlStore]:
    """Each SQL database in turn, filled."""
    is_file = request.param == "sqlite"
    url = request.getfixturevalue("sqlite_filled") if is_file else fill(request.getfixturevalue(f"{request.param}_url"), began)
    with closing(SqlStore(url, 5)) as found:
        yield found


@pytest.fixture
def empty(tmp_path: Path) -> SqlStore:
    """A database that nobody has made."""
    return SqlStore(f"sqlite:///{tmp_path / 'coin.db'}")
