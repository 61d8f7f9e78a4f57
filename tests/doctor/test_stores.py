"""The database against real servers, ClickHouse against what answers at a port."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from src.setting.jobs import SparkStreamingTicker
from src.storage.sql import SqlSink
from tests.certificates import make_certificates
from tests.doctor.conftest import Doctor
from tests.servers import LOOPBACK, DatabaseServer, MariaDb, database_server_program, free_port, missing
from tests.storage.clickhouse_store import require_engine

SECRET = "hunter2"  # noqa: S105  (made up; it must not be shown)


@contextmanager
def http_answering(text: str, certificates: Path | None = None, path: str = "/ping") -> Iterator[int]:
    """An HTTP server, with certificates an HTTPS one, that says so to `path`; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == path and "Authorization" not in self.headers else 403)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    if certificates is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.mysql
def test_a_server_and_its_tables(doctor: Doctor, mysql_url: str, mysql: DatabaseServer) -> None:
    answer = doctor("database", DATABASE_URL=mysql_url)
    assert answer.status == 0
    assert "answers; 0 tables fit, " in answer.output

    sink = SqlSink(mysql_url)
    sink.open(SparkStreamingTicker().tables)
    sink.close()
    answer = doctor("database", DATABASE_URL=mysql_url)
    assert answer.status == 0
    assert "answers; 5 tables fit, " in answer.output

    name = mysql_url.rpartition("/")[2].partition("?")[0]
    mysql.execute(f"ALTER TABLE `{name}`.`arbitrage` MODIFY `symbol` BIGINT NOT NULL")
    answer = doctor("database", DATABASE_URL=mysql_url)
    assert answer.status == 1
    assert "fix  database     table arbitrage in mysql://" in answer.output
    assert "column symbol is BIGINT, the metric's is VARCHAR(64)" in answer.output
    assert "rename or drop it, and the job makes it anew" in answer.output


@pytest.mark.mysql
def test_a_wrong_password(doctor: Doctor, mysql: DatabaseServer) -> None:
    port = mysql.administrator.port
    answer = doctor("database", DATABASE_URL=f"mysql://nobody@{LOOPBACK}:{port}/coins", DATABASE_PASSWORD=SECRET)
    assert answer.status == 1
    assert "the user name or the password is wrong" in answer.output
    assert SECRET not in answer.output


def test_a_server_that_is_not_there(doctor: Doctor) -> None:
    answer = doctor("database", DATABASE_URL=f"mysql://coin:{SECRET}@{LOOPBACK}:{free_port()}/coins")
    assert answer.status == 1
    assert "cannot be reached" in answer.output
    assert SECRET not in answer.output


def test_a_file_that_is_no_database(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "coin.db").write_bytes(os.urandom(4096))
    answer = doctor("database", DATABASE_URL=f"sqlite:///{tmp_path}/coin.db")
    assert answer.status == 1
    assert "the file is not a SQLite database" in answer.output


def test_clickhouse_answers(doctor: Doctor) -> None:
    with http_answering("Ok.\n") as port:
        answer = doctor("clickhouse", COINSPARK_CLICKHOUSE_URL=f"http://coin:{SECRET}@{LOOPBACK}:{port}/coins")
    assert (answer.status, answer.output) == (0, f"ok   clickhouse   http://{LOOPBACK}:{port} answers\n")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("?ca_cert={folder}/authority.pem", "ok   clickhouse   https://{place} answers"),
        ("?verify=false", "ok   clickhouse   https://{place} answers"),
        ("?ca_cert={folder}/authority.pem&server_host_name=127.0.0.1", "ok   clickhouse   https://{place} answers"),
        ("?ca_cert={folder}/stranger.pem", "fix  clickhouse   https://{place} and we do not agree on TLS ("),
        ("?ca_cert={folder}/authority.pem&server_host_name=other.invalid", "fix  clickhouse   https://{place} and we do not agree on TLS ("),
        ("?client_cert={folder}/none.pem", "fix  clickhouse   https://{place} "),
        ("", "fix  clickhouse   https://{place} and we do not agree on TLS ("),
    ],
)
def test_clickhouse_is_asked_by_the_tls_of_its_address(doctor: Doctor, tmp_path: Path, parameters: str, said: str) -> None:
    make_certificates(tmp_path)
    with http_answering("Ok.\n", tmp_path) as port:
        place = f"{LOOPBACK}:{port}"
        answer = doctor("clickhouse", COINSPARK_CLICKHOUSE_URL=f"https://coin:{SECRET}@{place}/coins{parameters.format(folder=tmp_path)}")
    assert answer.output.startswith(said.format(place=place)), answer.output
    assert answer.status == (0 if said.startswith("ok") else 1)
    assert SECRET not in answer.output


@pytest.mark.mysql
def test_a_database_is_asked_by_the_tls_of_its_address(doctor: Doctor, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    program = database_server_program()
    if program is None:
        raise missing("no mariadbd or mysqld on this machine")
    make_certificates(tmp_path)
    files = {"ca": "authority.pem", "cert": "server.pem", "key": "server.key"}
    server = MariaDb(tmp_path_factory.mktemp("mysql-tls"), program, [f"--ssl-{what}={tmp_path / name}" for what, name in files.items()])
    server.start()
    try:
        server.execute("CREATE DATABASE coin", f"CREATE USER safe IDENTIFIED BY '{SECRET}' REQUIRE SSL", "GRANT ALL ON coin.* TO safe")
        address = server.url("coin", "safe", SECRET)
        trusted, stranger = (doctor("database", DATABASE_URL=f"{address}?ssl_ca={tmp_path}/{name}.pem") for name in ("authority", "stranger"))
    finally:
        server.stop()
    assert (trusted.status, stranger.status) == (0, 1)
    assert "answers; 0 tables fit" in trusted.output
    assert "CERTIFICATE_VERIFY_FAILED" in stranger.output
    assert SECRET not in trusted.output + stranger.output


def test_what_answers_is_not_clickhouse(doctor: Doctor) -> None:
    with http_answering("hello") as port:
        answer = doctor("clickhouse", COINSPARK_CLICKHOUSE_URL=f"http://coin:{SECRET}@{LOOPBACK}:{port}/coins")
    assert answer.status == 1
    assert answer.output.startswith(f"fix  clickhouse   http://{LOOPBACK}:{port} answers, and not as ClickHouse")


@pytest.mark.parametrize(
    "url", [f"http://coin:{SECRET}@{LOOPBACK}:{{port}}/coins", f"clickhouse://coin:{SECRET}@host", f"http://coin:{SECRET}@host:x/c"]
)
def test_clickhouse_that_is_not_there(doctor: Doctor, url: str) -> None:
    answer = doctor("clickhouse", COINSPARK_CLICKHOUSE_URL=url.format(port=free_port()))
    assert answer.status == 1
    assert "COINSPARK_CLICKHOUSE_URL" in answer.output
    assert SECRET not in answer.output


def test_the_engine_in_the_jobs_process_is_not_asked(doctor: Doctor) -> None:
    answer = doctor("clickhouse", COINSPARK_CLICKHOUSE_URL="chdb:///srv/rows")
    assert (answer.status, answer.output) == (0, "ok   clickhouse   the engine in the job's process, on the folder /srv/rows\n")


@pytest.mark.parametrize("word", ["embedded", "Embedded "])
def test_the_embedded_clickhouse_need_not_run(doctor: Doctor, word: str) -> None:
    require_engine()
    answer = doctor("clickhouse", COINSPARK_CLICKHOUSE_URL=word, COINSPARK_CLICKHOUSE_PORT=str(free_port()))
    assert (answer.status, answer.output) == (0, "ok   clickhouse   the embedded one is started by the first job\n")


@pytest.mark.parametrize(("said", "answer"), [("Ok.\n", "ok   clickhouse   the embedded one answers"), ("hello", "fix  clickhouse   port")])
def test_who_has_the_port_of_the_embedded_clickhouse_is_asked(doctor: Doctor, said: str, answer: str) -> None:
    with http_answering(said) as port:
        assert doctor("clickhouse", COINSPARK_CLICKHOUSE_URL="embedded", COINSPARK_CLICKHOUSE_PORT=str(port)).output.startswith(answer)


def test_no_secret_is_shown_when_nothing_answers(doctor: Doctor) -> None:
    nobody = f"{LOOPBACK}:{free_port()}"
    answer = doctor(
        "",
        "--json",
        DATABASE_URL=f"mysql://coin@{nobody}/coins",
        DATABASE_PASSWORD=SECRET,
        COINSPARK_CLICKHOUSE_URL=f"http://coin@{nobody}/coins",
        COINSPARK_CLICKHOUSE_PASSWORD=SECRET,
        COINSPARK_PROXY=f"http://coin:{SECRET}@{nobody}",
        COINSPARK_REST_URLS='{"upbit":"http://exchange.invalid"}',
        KAFKA_BOOTSTRAP_SERVERS=nobody,
        KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT",
        KAFKA_SASL_USERNAME="coin",
        KAFKA_SASL_PASSWORD=SECRET,
    )
    findings = json.loads(answer.output)["findings"]
    assert {finding["check"] for finding in findings if not finding["ok"]} == {"broker", "topics", "database", "clickhouse"}
    assert all("\n" not in finding["text"] for finding in findings)
    assert SECRET not in answer.output + answer.errors
