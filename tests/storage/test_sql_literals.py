"""Rows as the text of a MySQL statement: exact words, every double as it was, and statements no longer than a server takes."""

from __future__ import annotations

import math

import pyarrow as pa
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql

from src.storage.sql_literals import row_texts, upsert_text
from src.storage.sql_tables import sql_table
from tests.storage.rows import schema

MOST_BYTES = 1_000_000


def text_of(**columns: pa.Array) -> str:
    (only,) = row_texts(pa.table(columns))
    return only.text


def test_each_type_has_its_literal() -> None:
    columns = {
        "price": pa.array([0.1, -0.0, 1e300, None]),
        "records": pa.array([1, -(2**63), 0, None]),
        "whole": pa.array([True, False, True, None]),
        "time": pa.array([0, -1, 1_790_000_000_123, None], pa.timestamp("ms", tz="UTC")),
    }
    assert text_of(**columns) == (
        "(0.1e0,1,1,'1970-01-01 00:00:00.000000'),(-0e0,-9223372036854775808,0,'1969-12-31 23:59:59.999000'),"
        "(1e+300,0,1,'2026-09-21 14:13:20.123000'),(NULL,NULL,NULL,NULL)"
    )


def test_texts_cannot_end_themselves() -> None:
    texts = ["'", "\\", "\\'", "\0", "a\nb\r\x1a", '"%s', "가격", "", None]
    assert text_of(text=pa.array(texts)) == r"""('\''),('\\'),('\\\''),('\0'),('a\nb\r\Z'),('"%s'),('가격'),(''),(NULL)"""


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_double_reads_back_as_it_was(values: list[float]) -> None:
    words = text_of(price=pa.array(values, pa.float64()))[1:-1].split("),(")
    assert all("e" in word for word in words)
    assert [(float(word), math.copysign(1, float(word))) for word in words] == [(value, math.copysign(1, value)) for value in values]


def test_a_statement_ends_before_a_server_refuses_it() -> None:
    values = ["x" * 999] * 2_500
    pieces = [each.text for each in row_texts(pa.table({"text": values}))]
    assert ",".join(pieces) == ",".join(f"('{value}')" for value in values)
    assert len(pieces) == 3
    assert all(len(piece) <= MOST_BYTES for piece in pieces)


def test_bytes_are_counted_not_characters() -> None:
    pieces = [each.text for each in row_texts(pa.table({"text": ["가" * 1_000] * 500}))]
    assert [len(piece.encode()) <= MOST_BYTES for piece in pieces] == [True, True]


def test_a_row_longer_than_a_statement_is_one_of_its_own() -> None:
    values = ["a", "x" * (MOST_BYTES + 1), "b"]
    assert [each.text for each in row_texts(pa.table({"text": values}))] == [f"('{value}')" for value in values]


def test_no_rows_no_statement() -> None:
    assert list(row_texts(pa.table({"price": pa.array([], pa.float64())}))) == []


def test_the_words_are_those_of_the_server() -> None:
    table, names = sql_table(schema(), sa.MetaData()), ["source", "symbol", "window_start", "price"]
    values = ", ".join(f"`{name}` = {{0}}`{name}`{{1}}" for name in ("window_end", "price", "records", "whole", "signal"))
    head = "INSERT INTO `sink_rows` (`source`, `symbol`, `window_start`, `price`) VALUES %s"
    mariadb = mysql.dialect(is_mariadb=True)
    assert upsert_text(table, names, mariadb) == f"{head} ON DUPLICATE KEY UPDATE {values.format('VALUES(', ')')}"
    newer = mysql.dialect()
    newer._requires_alias_for_on_duplicate_key = True  # what a connection finds out of MySQL 8.0.20 and newer
    assert upsert_text(table, names, newer) == f"{head} AS new ON DUPLICATE KEY UPDATE {values.format('new.', '')}"
