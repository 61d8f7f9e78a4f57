"""The database server that other tests lean on: it keeps its data, and refuses as a real one does."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.servers import MariaDb

pytestmark = pytest.mark.mysql


def read(url: str) -> list[int]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return list(connection.execute(text("SELECT number FROM kept")).scalars())
    finally:
        engine.dispose()


def test_a_new_database_is_empty(mysql_url: str) -> None:
    with pytest.raises(Exception, match="doesn't exist"):
        read(mysql_url)


def test_a_killed_server_starts_again_with_its_data(stoppable_mysql: MariaDb) -> None:
    url = stoppable_mysql.url("outage")
    stoppable_mysql.execute("CREATE TABLE outage.kept (number INT)", "INSERT INTO outage.kept VALUES (7)")
    stoppable_mysql.kill()
    with pytest.raises(OperationalError):
        read(url)
    stoppable_mysql.start()
    assert read(url) == [7]

    stoppable_mysql.execute("CREATE USER reader IDENTIFIED BY 'secret'", "GRANT SELECT ON outage.* TO reader")
    assert read(stoppable_mysql.url("outage", "reader", "secret")) == [7]
    with pytest.raises(OperationalError, match="Access denied"):
        read(stoppable_mysql.url("outage", "reader", "wrong"))
