"""What a user can get wrong about ClickHouse: one clear line at the start of the job, and never the password."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from src.errors import ConfigurationError, MissingPartError
from src.storage.clickhouse import ClickHouseSink
from tests.servers import LOOPBACK, ROOT, free_port
from tests.storage.clickhouse_store import ClickHouseStore
from tests.storage.rows import row, schema
from tests.storage.test_clickhouse_rows import numbered

PASSWORD = "hunter2SECRET"  # noqa: S105
TABLE = schema("metric")


def refused(sink: ClickHouseSink) -> ConfigurationError:
    """The error of a job that starts with this sink, after everything that is promised of all of them was looked at."""
    try:
        with pytest.raises(ConfigurationError) as caught:
            sink.open([TABLE])
    finally:
        sink.close()
    assert_one_clear_line(caught.value)
    return caught.value


def assert_one_clear_line(error: BaseException, secret: str = PASSWORD) -> None:
    """One line; no password in it, nor in anything that hangs on it and that a traceback, a log or a debugger may print."""
    assert "\n" not in str(error)
    assert secret not in "".join(traceback.format_exception(error))
    seen: BaseException | None = error
    while seen is not None:
        assert secret not in f"{seen} {seen!r} {seen.__dict__}"
        seen = seen.__cause__ or seen.__context__


def with_password(store: ClickHouseStore, password: str, user: str = "coinspark") -> str:
    host, database = store.url.rpartition("@")[2].split("/")
    return f"http://{user}:{password}@{host}/{database}"


def test_a_wrong_password(clickhouse_server: ClickHouseStore) -> None:
    error = refused(ClickHouseSink(with_password(clickhouse_server, PASSWORD)))
    assert "as user 'coinspark': the user name or the password is wrong" in str(error)


def test_an_unknown_user(clickhouse_server: ClickHouseStore) -> None:
    assert "the user name or the password is wrong" in str(refused(ClickHouseSink(with_password(clickhouse_server, PASSWORD, "nobody"))))


def test_a_missing_database(clickhouse_server: ClickHouseStore) -> None:
    error = refused(ClickHouseSink(f"{clickhouse_server.url.rpartition('/')[0]}/nowhere"))
    assert "/nowhere as user 'coinspark': the database does not exist: create it first" in str(error)


def test_a_user_who_may_only_read(clickhouse_server: ClickHouseStore) -> None:
    with clickhouse_server.opened(TABLE) as sink:
        sink.write(numbered(0, {TABLE: [row(price=1.0)]}))
    # The table is there, so nothing need be made: it must still be found before the first batch.
    with clickhouse_server.read_only() as reading:
        error = refused(reading.sink())
        assert [found["price"] for found in reading.rows(TABLE)] == [1.0]
    assert "as user 'reader': the user may not create, read or write these tables: grant SELECT, INSERT" in str(error)


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(clickhouse_server: ClickHouseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{LOOPBACK}:{free_port()}")
    with clickhouse_server.opened(TABLE) as sink:
        sink.write(numbered(0, {TABLE: [row(price=1.0)]}))
    assert [found["price"] for found in clickhouse_server.rows(TABLE)] == [1.0]


def test_an_unknown_host() -> None:
    error = refused(ClickHouseSink(f"http://coin:{PASSWORD}@clickhouse.invalid/coin"))
    assert isinstance(error, MissingPartError)
    assert "ClickHouse at http://clickhouse.invalid:8123/coin cannot be reached" in str(error)


@pytest.mark.parametrize("scheme", ["http", "https", "clickhouse"])
def test_a_port_that_nothing_listens_on(scheme: str) -> None:
    port = free_port()
    error = refused(ClickHouseSink(f"{scheme}://coin:{PASSWORD}@{LOOPBACK}:{port}/coin"))
    assert isinstance(error, MissingPartError)
    assert f"{LOOPBACK}:{port}/coin cannot be reached" in str(error)
    assert "start it, or correct COINSPARK_CLICKHOUSE_URL" in str(error)


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A port where everything gets this answer."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1000)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe\x00\x01",
    ],
)
def test_a_port_where_something_else_answers(answer: bytes) -> None:
    with answering(answer) as port:
        refused(ClickHouseSink(f"http://coin:{PASSWORD}@{LOOPBACK}:{port}/coin"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (PASSWORD, "is not an address of ClickHouse"),
        (f"http:{PASSWORD}", "is not an address of ClickHouse"),
        (f"http://coin:{PASSWORD}@host:81z3/coin", "is not an address"),
        (f"http://coin:p@{PASSWORD}@host/coin", "more than one @"),
        (f"http://coin:{PASSWORD}@host/coin-{PASSWORD}", "a database of other characters"),
        (f"mysql://coin:{PASSWORD}@host/coin", "is not an address of ClickHouse"),
        (f"https://coin:{PASSWORD}@host/coin?{PASSWORD}=1", "a parameter that is not known; those that are: ca_cert, client_cert"),
        ("chdb://memory", "names no folder"),
        ("chdb:///", "names no folder"),
    ],
)
def test_an_address_that_cannot_be_used(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ClickHouseSink(url)
    assert_one_clear_line(caught.value)
    assert said in str(caught.value)


def test_a_password_of_any_characters_is_read_out_of_the_url() -> None:
    sink = ClickHouseSink("https://c%40in:p%40s%3As%2Fw%2541%3F%23%C3%A9%EB%B9%84@host/coin?verify=false&ca_cert=/certificates/own.pem")
    address = sink._address
    assert (address.user, address.password.get_secret_value()) == ("c@in", "p@s:s/w%41?#é비")
    assert (address.port, address.tls) == (8443, {"verify": "false", "ca_cert": "/certificates/own.pem"})
    assert "p@s" not in f"{sink!r} {address!r} {address} {address.shown}"


def test_the_engine_without_its_package() -> None:
    # In a process of its own, where the package cannot be found even if this machine has it.
    program = (
        "import sys; sys.modules['chdb'] = None\n"
        "from src.errors import MissingPartError\nfrom src.storage.clickhouse import ClickHouseSink\n"
        "try:\n    ClickHouseSink(sys.argv[1]).open([])\nexcept MissingPartError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program, "chdb:////tmp"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "the ClickHouse engine needs the Python package chdb, which is an extra: `poetry install --extras clickhouse`, or pip install chdb"
    )


def test_a_folder_that_another_process_has(clickhouse_engine: ClickHouseStore) -> None:
    program = "import sys, chdb\nconnection = chdb.connect(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()"
    folder = clickhouse_engine.url.removeprefix("chdb://")
    with subprocess.Popen([sys.executable, "-c", program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "open\n"
        error = refused(clickhouse_engine.sink())
        other.kill()
    assert f"ClickHouse at chdb://{folder} cannot be opened: another process has the folder (one alone may)" in str(error)


def test_a_table_that_is_gone_stops_the_job_and_the_next_start_makes_it_anew(clickhouse: ClickHouseStore) -> None:
    with clickhouse.opened(TABLE) as sink:
        sink.write(numbered(0, {TABLE: [row(price=1.0)]}))
        clickhouse.drop(TABLE)
        with pytest.raises(ConfigurationError, match="a table is gone: start the same command again, it is made anew") as caught:
            sink.write(numbered(1, {TABLE: [row(price=2.0)]}))
        assert_one_clear_line(caught.value)
    with clickhouse.opened(TABLE) as sink:
        sink.write(numbered(1, {TABLE: [row(price=2.0)]}))
    assert [found["price"] for found in clickhouse.rows(TABLE)] == [2.0]


def test_rows_that_the_table_cannot_hold_stop_the_job(clickhouse: ClickHouseStore) -> None:
    with clickhouse.opened(TABLE) as sink:
        statement = "ALTER TABLE metric ADD CONSTRAINT dear CHECK ifNull(price, 0) < 100"
        sink._client.command(statement)  # type: ignore[union-attr, attr-defined]
        with pytest.raises(ConfigurationError, match=r"ClickHouse at .* refused the rows: .*dear"):
            sink.write(numbered(1, {TABLE: [row(price=200.0)]}))
    assert clickhouse.rows(TABLE) == []
