"""Several at once: sessions, long statements beside short ones, two clients that write; and clickhouse-connect by all its ways."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.clickhouse.asking import ask, rows


def test_a_session_keeps_settings_and_temporary_tables_and_serves_one_at_a_time(url: str) -> None:
    assert ask(url, "SET max_threads = 5", session_id="one").status == 200
    assert ask(url, "CREATE TEMPORARY TABLE own AS SELECT 7 AS a", session_id="one").status == 200
    assert ask(url, "SELECT a, getSetting('max_threads') FROM own", session_id="one").body == b"7\t5\n"
    # A setting of the URL is for its request alone.
    assert ask(url, "SELECT getSetting('max_threads')", session_id="one", max_threads=2).body == b"2\n"
    assert ask(url, "SELECT getSetting('max_threads')", session_id="one").body == b"5\n"
    assert ask(url, "SELECT a FROM own", session_id="two").code == "60"
    assert ask(url, "SELECT a FROM own").code == "60"
    missing = ask(url, "SELECT 1", session_id="three", session_check=1)
    assert (missing.status, missing.code) == (404, "372")
    with slow(url, session_id="one"):
        assert ask(url, "SELECT 1", session_id="one").code == "373"
    assert ask(url, "SELECT 1", session_id="one").body == b"1\n"


def test_who_has_an_answer_may_use_the_session_again_at_once(url: str) -> None:
    large = "SELECT number FROM numbers(1000000)"
    asked = [ask(url, statement, session_id="busy").status for statement in ["SELECT 1", large] * 50]
    assert asked == [200] * 100


class slow:  # noqa: N801  (it reads as a block)
    """A query that runs for the length of the block, and a little longer."""

    def __init__(self, url: str, statement: str = "SELECT sleep(3), '{mark}'", **parameters: Any) -> None:
        self._url, self._parameters = url, parameters
        self._mark = f"mark{id(self)}"
        self._statement = statement.replace("{mark}", self._mark)
        self._thread = threading.Thread(target=lambda: ask(self._url, self._statement, **self._parameters))

    def __enter__(self) -> None:
        self._thread.start()
        running = f"SELECT count() FROM system.processes WHERE query LIKE '%{self._mark}%' AND query NOT LIKE '%processes%'"  # noqa: S608
        while ask(self._url, running).body == b"0\n":
            assert self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def test_nobody_waits_for_a_long_query(url: str, numbers: str) -> None:
    with slow(url):
        assert ask(url, method="GET", path="/ping").body == b"Ok.\n"
        assert ask(url, "SELECT 1").body == b"1\n"
        assert ask(url, f"INSERT INTO {numbers} VALUES (1, 'x')").status == 200  # noqa: S608
        assert ask(url, "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleep(3)%'").body == b"1\n"


def test_a_long_insert_lets_others_read(url: str, numbers: str) -> None:
    with slow(url, f"INSERT INTO {numbers} SELECT sleepEachRow(3), '{{mark}}'"):
        assert ask(url, method="GET", path="/ping").body == b"Ok.\n"
        assert rows(url, numbers) == ""
    assert rows(url, numbers).startswith("0\tmark")


def test_two_clients_at_once_write_and_read_all_of_their_rows(url: str, numbers: str) -> None:
    def write(client_number: int) -> int:
        client = clickhouse_connect.get_client(dsn=url)
        seen = 0
        for batch in range(10):
            client.insert_arrow(numbers, pa.table({"a": pa.array([batch] * 100), "b": [f"{client_number}-{batch}-{row}" for row in range(100)]}))
            seen = client.command(f"SELECT count() FROM {numbers} WHERE startsWith(b, '{client_number}-')")  # noqa: S608
        client.close()
        return seen

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(write, range(2))) == [1000, 1000]
    assert ask(url, f"SELECT count(), uniqExact(b) FROM {numbers}").body == b"2000\t2000\n"  # noqa: S608


def test_clickhouse_connect_reads_and_writes_by_all_its_ways(client: Client, numbers: str) -> None:
    assert client.insert(numbers, [[1, "x"], [2, "비트"]], column_names=["a", "b"]).written_rows == 2
    assert client.insert_arrow(numbers, pa.table({"a": [3], "b": ["z"]})).written_rows == 1
    assert client.raw_insert(numbers, ["a"], b"4\n", fmt="CSV").written_rows == 1
    assert client.query(f"SELECT * FROM {numbers} ORDER BY a").result_rows == [(1, "x"), (2, "비트"), (3, "z"), (4, "none")]  # noqa: S608
    assert client.query_arrow(f"SELECT sum(a) AS total FROM {numbers}").to_pylist() == [{"total": 10}]  # noqa: S608
    assert client.query("SELECT {t:DateTime64(3, 'UTC')}", parameters={"t": "2026-09-21 23:59:59.999"}).row_count == 1
    # So long a list goes as a form.
    assert client.query(f"SELECT count() FROM {numbers} WHERE a IN {{l:Array(Int64)}}", parameters={"l": list(range(5_000))}).result_rows == [(4,)]  # noqa: S608
    with client.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
        assert sum(len(block) for block in blocks) == 300_000
    assert client.query(f"SELECT a, b FROM {numbers} WHERE a > 50").column_names == ("a", "b")  # noqa: S608
    assert client.query("SELECT 1 AS one LIMIT 0").column_names == ("one",)
    assert client.ping()
    with pytest.raises(DatabaseError) as caught:
        client.command("SELECT * FROM nowhere")
    assert (caught.value.code, caught.value.name) == (60, "UNKNOWN_TABLE")
