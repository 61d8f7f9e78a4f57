"""TLS to a MySQL-protocol server, asked for by parameters of DATABASE_URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from src.errors import ConfigurationError, MissingPartError
from tests.certificates import make_certificates
from tests.servers import MariaDb, database_server_program, missing
from tests.storage.databases import PASSWORD
from tests.storage.rows import batch, row, schema
from tests.storage.stores import SqlStore, connected

pytestmark = pytest.mark.mysql
TABLE = schema("prices")


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with an authority, a server's certificate that it signed, and an authority that signed nothing."""
    return make_certificates(tmp_path)


@pytest.fixture
def secured(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A server with TLS, and the account `safe` that must use it."""
    program = database_server_program()
    if program is None:
        raise missing("no mariadbd or mysqld on this machine")
    options = [f"--ssl-{what}={certificates / name}" for what, name in (("ca", "authority.pem"), ("cert", "server.pem"), ("key", "server.key"))]
    server = MariaDb(tmp_path_factory.mktemp("mysql-tls"), program, options)
    server.start()
    server.execute("CREATE DATABASE coin", f"CREATE USER safe IDENTIFIED BY '{PASSWORD}' REQUIRE SSL", "GRANT ALL ON coin.* TO safe")
    yield server
    server.stop()


def url(server: MariaDb, **parameters: str) -> str:
    address = sa.make_url(server.url("coin", "safe", PASSWORD)).update_query_dict(parameters)
    return address.render_as_string(hide_password=False)


def test_the_parameters_of_the_url_make_a_checked_connection(secured: MariaDb, certificates: Path) -> None:
    store = SqlStore(url(secured, ssl_ca=str(certificates / "authority.pem")))
    with store.opened(TABLE) as sink:
        sink.write(batch(0, {TABLE: [row(price=1.0)]}))
    with connected(store.url) as connection:
        [cipher] = [value for name, value in connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Ssl_cipher'") if name == "Ssl_cipher"]
    assert cipher
    assert len(store.rows(TABLE)) == 1


def test_a_server_that_another_authority_vouches_for_is_refused(secured: MariaDb, certificates: Path) -> None:
    with (
        pytest.raises(MissingPartError, match="CERTIFICATE_VERIFY_FAILED") as refused,
        SqlStore(url(secured, ssl_ca=str(certificates / "stranger.pem"))).opened(TABLE),
    ):
        pass
    assert PASSWORD not in str(refused.value)


def test_an_account_that_must_use_tls_is_refused_without_it_and_told_how(secured: MariaDb) -> None:
    with pytest.raises(ConfigurationError, match=r"ssl_ca=/folder/ca\.pem") as refused, SqlStore(url(secured, ssl_disabled="true")).opened(TABLE):
        pass
    assert PASSWORD not in str(refused.value)
