"""What a user can get wrong about a database: one clear line at the start of the job, and never the password."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from src.errors import ConfigurationError, MissingPartError
from src.storage.sql import SqlSink
from tests.servers import LOOPBACK, ROOT, DatabaseServer, free_port
from tests.storage.rows import batch, row, schema
from tests.storage.stores import SqlStore

PASSWORD = "hunter2SECRET"  # noqa: S105
TABLE = schema("metric")


def refused(url: str) -> ConfigurationError:
    """The error of a job that starts with this DATABASE_URL, after everything that is promised of all of them was looked at."""
    with pytest.raises(ConfigurationError) as caught:
        SqlStore(url).opened(TABLE).__enter__()
    assert_one_clear_line(caught.value)
    return caught.value


def assert_one_clear_line(error: BaseException) -> None:
    """One line; no password in it, nor in anything that hangs on it and that a traceback, a log or a debugger may print."""
    assert "\n" not in str(error)
    assert PASSWORD not in "".join(traceback.format_exception(error))
    seen: BaseException | None = error
    while seen is not None:
        assert PASSWORD not in f"{seen} {seen!r} {seen.__dict__}"
        seen = seen.__cause__ or seen.__context__


@pytest.fixture
def account(mysql: DatabaseServer, mysql_url: str) -> Callable[..., str]:
    """Give the user `tester` these rights on the test's database alone; returns its DATABASE_URL."""

    def make(*rights: str, password: str = PASSWORD) -> str:
        database = sa.make_url(mysql_url).database
        mysql.execute("DROP USER IF EXISTS tester", f"CREATE USER tester IDENTIFIED BY '{password}'".replace(":", "\\:"))
        for right in rights:
            mysql.execute(f"GRANT {right} ON `{database}`.* TO tester")
        return sa.make_url(mysql_url).set(username="tester", password=password).render_as_string(hide_password=False)

    return make


@pytest.mark.mysql
def test_a_wrong_password(account: Callable[..., str]) -> None:
    url = account("ALL").replace(PASSWORD, f"{PASSWORD}wrong")
    assert "as user 'tester': the user name or the password is wrong" in str(refused(url))


@pytest.mark.mysql
def test_an_unknown_user(mysql: DatabaseServer, mysql_url: str) -> None:
    del mysql
    url = sa.make_url(mysql_url).set(username="nobody", password=PASSWORD).render_as_string(hide_password=False)
    assert "the user name or the password is wrong" in str(refused(url))


@pytest.mark.mysql
def test_a_missing_database(mysql_url: str) -> None:
    url = sa.make_url(mysql_url).set(database="nowhere").render_as_string(hide_password=False)
    assert "mysql database 'nowhere'" in str(refused(url))
    assert "does not exist: create it first" in str(refused(url))


@pytest.mark.mysql
def test_a_database_of_somebody_else(account: Callable[..., str]) -> None:
    url = sa.make_url(account()).set(database="mysql").render_as_string(hide_password=False)
    assert "does not exist, or the user may not use it" in str(refused(url))


@pytest.mark.mysql
def test_a_user_who_may_only_read(account: Callable[..., str], mysql_url: str) -> None:
    assert "may not create, read or write these tables" in str(refused(account("SELECT")))
    with SqlStore(mysql_url).opened(TABLE):
        pass
    # The table is there now, so nothing need be made: it must still be found before the first batch.
    for rights in ("SELECT", "SELECT, INSERT", "SELECT, UPDATE"):
        assert "may not create, read or write these tables" in str(refused(account(rights)))
    with SqlStore(account("SELECT, INSERT, UPDATE")).opened(TABLE) as sink:
        sink.write(batch(0, {TABLE: [row()]}))


@pytest.mark.mysql
@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+pymysql", "MySQL"])
def test_a_password_of_any_characters_and_a_url_without_a_driver(account: Callable[..., str], scheme: str) -> None:
    url = sa.make_url(account("ALL", password="p@s:s/w%41?#é비")).render_as_string(hide_password=False)
    with SqlStore(url.replace("mysql+pymysql", scheme)).opened(TABLE) as sink:
        sink.write(batch(0, {TABLE: [row()]}))


def test_an_unknown_host() -> None:
    error = refused(f"mysql://coin:{PASSWORD}@database.invalid/coin")
    assert isinstance(error, MissingPartError)
    assert "on database.invalid:default port cannot be reached" in str(error)


def test_a_port_that_nothing_listens_on() -> None:
    port = free_port()
    error = refused(f"mysql://coin:{PASSWORD}@{LOOPBACK}:{port}/coin")
    assert isinstance(error, MissingPartError)
    assert f"on {LOOPBACK}:{port} cannot be reached" in str(error)


@pytest.mark.parametrize(
    "greeting",
    [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9, b"\x01\x00\x00\x00\x0a", b"J\x00\x00\x00" + b"x" * 74],
)
def test_a_port_where_something_else_answers(greeting: bytes) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(greeting)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1000)

        threading.Thread(target=answer, daemon=True).start()
        refused(f"mysql://coin:{PASSWORD}@{LOOPBACK}:{server.getsockname()[1]}/coin")
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"{PASSWORD}", "is not a database address"),
        (f"mysql:{PASSWORD}", "is not a database address"),
        (f"mysql://coin:{PASSWORD}@host:33o6/coin", "is not a database address"),
        (f"mysql://coin:p@{PASSWORD}@host/coin", "more than one @"),
        (f"mysql://coin:p@{PASSWORD}/@host/coin", "more than one @"),
        (f"mysql://coin:p@{PASSWORD}:w@host:3306/coin", "is not a database address"),
        (f"mysql://coin:p@x?{PASSWORD}@host/coin", "more than one @"),
        (f"mysql://coin:{PASSWORD}@host", "names no database"),
        (f"mysql://coin:{PASSWORD}@host/", "names no database"),
        (f"oracle://coin:{PASSWORD}@host/coin", "names the database 'oracle'"),
        (f"postgres://coin:{PASSWORD}@host/coin", "names the database 'postgres'"),
        (f"mysql+mysqldb://coin:{PASSWORD}@host/coin", "names the driver 'mysqldb'"),
        ("sqlite://", "names no SQLite file"),
        ("sqlite:///:memory:", "names no SQLite file"),
    ],
)
def test_an_address_that_cannot_be_used(url: str, said: str) -> None:
    message = str(refused(url))
    assert said in message
    if "address" in said or "@" in said:
        assert "@ : / % ? # are written %40 %3A %2F %25 %3F %23" in message


@pytest.mark.mysql
@pytest.mark.parametrize("parameter", ["useSSL=false", "port=many", "ssl_ca=nowhere.pem"])
def test_a_parameter_that_the_driver_does_not_know(mysql_url: str, parameter: str) -> None:
    url = sa.make_url(mysql_url).set(password=PASSWORD)
    assert "or its address has a wrong parameter" in str(refused(f"{url.render_as_string(hide_password=False)}?{parameter}"))


def test_a_driver_that_is_not_installed() -> None:
    # In a process of its own, where the package cannot be found even if this machine has it.
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from src.errors import MissingPartError\nfrom src.storage.sql import SqlSink\n"
        f"try:\n    SqlSink('postgresql://coin:{PASSWORD}@{LOOPBACK}/coin')\nexcept MissingPartError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "DATABASE_URL needs the Python package psycopg, which is not installed: pip install psycopg"
    assert PASSWORD not in said.stderr


def test_a_sqlite_file_where_none_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no database at all, but a text of some length, as somebody may have put there" * 30)
    (tmp_path / "folder").mkdir()
    assert "the file is not a SQLite database" in str(refused(f"sqlite:///{tmp_path}/file"))
    assert "the file cannot be opened or made here" in str(refused(f"sqlite:///{tmp_path}/folder"))
    assert "cannot be made: Not a directory; choose another" in str(refused(f"sqlite:///{tmp_path}/file/below/coin.db"))


def test_a_sqlite_file_that_may_only_be_read(sqlite_url: str) -> None:
    with SqlStore(sqlite_url).opened(TABLE):
        pass
    path = sqlite_url.removeprefix("sqlite:///")
    # A right that even root lacks: opened so that writing is refused.
    assert "may not be written" in str(refused(f"sqlite:///file:{path}?mode=ro&uri=true"))


def test_nothing_shows_the_password(mysql_url: str) -> None:
    sink = SqlSink(sa.make_url(mysql_url).set(password=PASSWORD).render_as_string(hide_password=False))
    assert PASSWORD not in f"{sink!r} {sink._engine!r} {sink._engine.url!r} {sink._engine.url}"
