"""ClickHouse's HTTP interface as the owner serves it to plain HTTP, which is what curl sends: who may ask, what is answered, how rows come."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import zlib
from typing import Any
from urllib.parse import urlencode, urlsplit

import lz4.frame
import pytest

from src.clickhouse.embedded import ClickHouseLease
from tests.clickhouse.asking import ask, basic, rows


def test_ping_needs_no_password_and_nothing_else_goes_without(url: str) -> None:
    nobody = {"Authorization": ""}
    assert ask(url, method="GET", path="/ping", headers=nobody).body == b"Ok.\n"
    for headers in (nobody, {"Authorization": "Basic !"}, {**nobody, "X-ClickHouse-User": "coinspark", "X-ClickHouse-Key": "wrong"}):
        answer = ask(url, "SELECT 1", headers=headers)
        assert (answer.status, answer.code) == (403, "516")
        assert b"Authentication failed" in answer.body
    assert ask(url, "SELECT 1", headers={**nobody, "X-ClickHouse-User": "reader' OR 1=1", "X-ClickHouse-Key": ""}).status == 403


def test_all_three_ways_to_say_who_one_is(url: str) -> None:
    parts = urlsplit(url)
    assert ask(url, "SELECT 1").body == b"1\n"
    nobody = {"Authorization": ""}
    assert ask(url, "SELECT 1", headers={**nobody, "X-ClickHouse-User": "default", "X-ClickHouse-Key": str(parts.password)}).body == b"1\n"
    assert ask(url, "SELECT 1", headers=nobody, user=parts.username, password=parts.password).body == b"1\n"


def test_an_answer_says_its_format_and_what_was_read(url: str) -> None:
    answer = ask(url, "SELECT number FROM numbers(3) FORMAT JSON", query_id="mine", wait_end_of_query=1)
    assert [row["number"] for row in json.loads(answer.body)["data"]] in ([0, 1, 2], ["0", "1", "2"])
    assert answer.headers["X-ClickHouse-Format"] == "JSON"
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["read_rows"] == "3"
    assert ask(url, "SELECT 1, 'a,b'", default_format="CSV").body == b'1,"a,b"\n'
    assert ask(url, "SELECT 1, 'a,b'", headers={"X-ClickHouse-Format": "JSONCompactEachRow"}).body.strip() == b'[1, "a,b"]'


@pytest.mark.parametrize(
    ("statement", "status", "code"),
    [
        ("SELECT FROM WHERE", 400, "62"),
        ("SELECT * FROM nowhere", 404, "60"),
        ("SELECT nothing", 404, "47"),
        ("SELECT 1 FORMAT Nonsense", 404, "73"),
        ("USE nowhere", 404, "81"),
        ("SELECT 1 SETTINGS nonsense = 1", 404, "115"),
        ("SELECT throwIf(1)", 500, "395"),
        ("INSERT INTO nowhere FORMAT CSV\n1,2\n", 404, "60"),
    ],
)
def test_an_error_has_clickhouse_s_own_code_and_a_status(url: str, statement: str, status: int, code: str) -> None:
    for parameters in ({}, {"wait_end_of_query": 1}, {"session_id": f"errors {statement}"}):
        answer = ask(url, statement, **parameters)
        assert (answer.status, answer.code) == (status, code)
        assert answer.body.startswith(f"Code: {code}. DB::Exception: ".encode())
        assert answer.body.count(b"\n") == 1


def test_parameters_settings_and_the_database_are_in_the_url(url: str) -> None:
    assert ask(url, "SELECT {n:Int32} + 1, {t:String}", param_n="41", param_t="비트 'x'").body.decode() == "42\t비트 \\'x\\'\n"
    assert ask(url, "SELECT getSetting('max_threads')", max_threads=3).body == b"3\n"
    assert ask(url, "SELECT currentDatabase()").body == b"coinspark\n"
    assert ask(url, "SELECT currentDatabase()", database="system").body == b"system\n"
    assert ask(url, "FROM numbers(5)", query="SELECT count()").body == b"5\n"
    refused = ask(url, "SELECT 1", **{"a; DROP": "1"})
    assert (refused.status, refused.code) == (400, "36")


@pytest.mark.parametrize(
    "statement", ["SHOW TABLES", "DESCRIBE system.one", "EXPLAIN AST SELECT 1", "EXISTS system.one", "(SELECT 1) UNION ALL (SELECT 1)"]
)
def test_every_statement_that_reads_answers_the_same_whole_and_in_a_stream(url: str, numbers: str, statement: str) -> None:
    del numbers
    whole, streamed = ask(url, statement, wait_end_of_query=1), ask(url, statement)
    assert (whole.status, streamed.status) == (200, 200)
    assert whole.body == streamed.body != b""


def test_get_only_reads(url: str, numbers: str) -> None:
    assert ask(url, method="GET", query="SELECT 1").body == b"1\n"
    assert ask(url, method="GET").body == b"Ok.\n"
    for statement in (f"INSERT INTO {numbers} (a) VALUES (1)", f"DROP TABLE {numbers}", "SET max_threads = 1"):  # noqa: S608
        assert ask(url, method="GET", query=statement).code == "164"
    assert rows(url, numbers) == ""


def test_the_reader_reads_and_does_nothing_else(url: str, served: ClickHouseLease, numbers: str) -> None:
    ask(url, f"INSERT INTO {numbers} VALUES (1, 'x')")  # noqa: S608
    assert rows(served.reader_url, numbers) == "1\tx\n"
    writing = f"INSERT INTO {numbers} VALUES (2, 'y')"  # noqa: S608
    for statement in (writing, f"DROP TABLE {numbers}", "SELECT * FROM file('/etc/hostname', 'LineAsString')"):
        assert ask(served.reader_url, statement, readonly=0).code == "164"
        assert ask(served.reader_url, statement, session_id="reader").code == "164"
    assert rows(url, numbers) == "1\tx\n"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", b"INSERT INTO {table} (a, b) FORMAT CSV\n1,x\n2,y\n"),
        ("INSERT INTO {table} (a, b) FORMAT CSV", b"1,x\n2,y\n"),
        ("INSERT INTO {table} (a, b) SETTINGS async_insert = 0 FORMAT TSV\n1\tx", b"2\ty\n"),
        ("INSERT INTO {table} FORMAT JSONEachRow", b'{"a": 1, "b": "x"} {"a": 2, "b": "y"}'),
        ("INSERT INTO {table} VALUES", b"(1, 'x'), (1 + 1, 'y')"),
        ("", b"/* FORMAT CSV */ insert into `{table}` (`a`, b) values (1, 'x'), (2, 'y')"),
        ("", b"INSERT INTO {table} SELECT number + 1, ['x', 'y'][number + 1] FROM numbers(2)"),
    ],
)
def test_rows_come_in_any_form(url: str, numbers: str, query: str, body: bytes) -> None:
    parameters = {"query": query.replace("{table}", numbers)} if query else {}
    answer = ask(url, body.replace(b"{table}", numbers.encode()), **parameters)
    assert answer.status == 200
    assert rows(url, numbers) == "1\tx\n2\ty\n"
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("lz4", lz4.frame.compress)])
def test_bodies_may_be_packed_both_ways(url: str, numbers: str, encoding: str, pack: Any) -> None:
    body = b"INSERT INTO %b FORMAT CSV\n" % numbers.encode() + b"7,x\n" * 50_000
    assert ask(url, iter([pack(body)]), headers={"Content-Encoding": encoding}).status == 200
    answer = ask(url, f"SELECT a FROM {numbers}", headers={"Accept-Encoding": f"br, {encoding}"}, enable_http_compression=1)  # noqa: S608
    assert answer.headers["Content-Encoding"] == encoding
    unpack: dict[str, Any] = {"gzip": gzip.decompress, "deflate": zlib.decompress, "lz4": lz4.frame.decompress}
    assert unpack[encoding](answer.body) == b"7\n" * 50_000
    assert "Content-Encoding" not in ask(url, "SELECT 1", headers={"Accept-Encoding": encoding}).headers


def test_what_is_not_served_is_said(url: str) -> None:
    assert (ask(url, "SELECT 1", compress=1).status, ask(url, "SELECT 1", decompress=1).code) == (501, "48")
    assert (ask(url, b"x", headers={"Content-Encoding": "br"}).status, ask(url, b"x", headers={"Content-Encoding": "gzip"}).code) == (400, "89")
    assert ask(url, method="GET", path="/dashboard").status == 404
    # Half of a packed body is no body.
    assert ask(url, gzip.compress(b"SELECT 1")[:-4], headers={"Content-Encoding": "gzip"}).code == "89"


def test_an_insert_that_fails_anywhere_says_so_and_writes_nothing(url: str, numbers: str) -> None:
    """Also where the rows can be read and the table does not take them."""
    refused = [ask(url, data, query=f"INSERT INTO {numbers} (a) FORMAT CSV").code for data in (b"1\n200\n", b"1\nx\n")]
    assert refused == ["469", "117"]
    assert rows(url, numbers) == ""


def test_a_client_that_breaks_off_within_its_rows_has_written_none(url: str, numbers: str) -> None:
    parts = urlsplit(url)
    for length in (b"Content-Length: 100", b"Transfer-Encoding: chunked"):
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            target = urlencode({"query": f"INSERT INTO {numbers} (a) FORMAT CSV"}).encode()
            authorization = basic(url)["Authorization"].encode()
            connection.sendall(b"POST /?%b HTTP/1.1\r\nAuthorization: %b\r\n%b\r\n\r\n4\r\n1\n2\n" % (target, authorization, length))
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1000) == b""
    assert rows(url, numbers) == ""


def test_a_client_that_goes_away_within_an_answer_ends_its_query_alone(url: str) -> None:
    parts = urlsplit(url)
    query = b"SELECT number, toString(number), 'gone away' FROM numbers(10000000000)"
    for _ in range(5):
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            head = f"POST / HTTP/1.1\r\nAuthorization: {basic(url)['Authorization']}\r\nContent-Length: {len(query)}\r\n\r\n"
            connection.sendall(head.encode() + query)
            assert connection.recv(10_000).startswith(b"HTTP/1.1 200 OK")
        assert ask(url, "SELECT 1").body == b"1\n"
    left = "SELECT count() FROM system.processes WHERE query LIKE '%gone away%' AND query NOT LIKE '%processes%'"
    while ask(url, left).body != b"0\n":
        pass


def test_an_answer_that_breaks_off_is_seen_to(url: str) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(url, "SELECT throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_block_size = 10000, max_threads = 1")
    # Whoever waits for the end is told what it was.
    answer = ask(url, "SELECT throwIf(number = 3000000) FROM numbers(5000000) SETTINGS max_block_size = 10000", wait_end_of_query=1)
    assert (answer.status, answer.code) == (500, "395")
