"""Where the rows of an INSERT begin, whatever stands in its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.clickhouse.native import empty_block
from src.clickhouse.statement import Insert, answer_format, insert_with_data, only_reads, waits_for_writers, without_format


@pytest.mark.parametrize(
    ("text", "words", "settings", "format_", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\x00\x01", b"INSERT INTO t ", b"", "Native", b"\x00\x01"),
        (b"INSERT INTO t (a, b) FORMAT CSV \t\r\n1,2", b"INSERT INTO t (a, b) ", b"", "CSV", b"1,2"),
        (b"INSERT INTO t FORMAT CSV\n\n1", b"INSERT INTO t ", b"", "CSV", b"\n1"),
        (b"INSERT INTO t VALUES (1)", b"INSERT INTO t ", b"", "Values", b" (1)"),
        (b"insert into t(a)values(1)", b"insert into t(a)", b"", "Values", b"(1)"),
        (b"INSERT INTO t SETTINGS a = 'FORMAT X', b=2 FORMAT TSV\n1", b"INSERT INTO t ", b"SETTINGS a = 'FORMAT X', b=2 ", "TSV", b"1"),
        (b'INSERT INTO `FORMAT` (`VALUES`, "SELECT") FORMAT TSV\n', b'INSERT INTO `FORMAT` (`VALUES`, "SELECT") ', b"", "TSV", b""),
        (b"INSERT INTO format (values, select) FORMAT TSV\n", b"INSERT INTO format (values, select) ", b"", "TSV", b""),
        (b"INSERT INTO d.values FORMAT TSV\n1", b"INSERT INTO d.values ", b"", "TSV", b"1"),
        (
            b"-- INSERT\n /* FORMAT Y */ INSERT INTO t -- SELECT\n FORMAT TSV\n1",
            b"-- INSERT\n /* FORMAT Y */ INSERT INTO t -- SELECT\n ",
            b"",
            "TSV",
            b"1",
        ),
        (b"INSERT INTO t (a);", b"INSERT INTO t (a)", b"", None, b""),
    ],
)
def test_an_insert_with_rows(text: bytes, words: bytes, settings: bytes, format_: str | None, data: bytes) -> None:
    insert = insert_with_data(text)
    assert insert == Insert(words, settings, format_, len(text) - len(data))


@pytest.mark.parametrize(
    "text", [b"INSERT INTO t SELECT 1 FORMAT Null", b"INSERT INTO t WITH 1 AS a SELECT a", b"SELECT 'INSERT INTO t VALUES (1)'", b"", b"INSERTS"]
)
def test_all_else(text: bytes) -> None:
    assert insert_with_data(text) is None


@given(st.binary())
def test_rows_are_never_looked_into(data: bytes) -> None:
    insert = insert_with_data(b"INSERT INTO t (a) FORMAT RowBinary\n" + data)
    assert insert is not None
    assert (insert.format, insert.data_offset) == ("RowBinary", len(b"INSERT INTO t (a) FORMAT RowBinary\n"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(text: bytes) -> None:
    for statement in (text, b"INSERT INTO " + text, b"SELECT " + text):
        insert_with_data(statement)
        only_reads(statement)
        answer_format(statement)


@pytest.mark.parametrize(
    "text", [b"SELECT 1", b" ( (select 1))", b"/* x */WITH 1 AS a SELECT a", b"SHOW TABLES", b"EXPLAIN AST SELECT 1", b"#! note\nSELECT 1"]
)
def test_what_only_reads(text: bytes) -> None:
    assert only_reads(text)
    assert not waits_for_writers(text)


@pytest.mark.parametrize(
    "text", [b"INSERT INTO t VALUES", b"DROP TABLE t", b"ALTER TABLE t", b"/* SELECT */ CREATE TABLE t", b"SYSTEM STOP MERGES", b""]
)
def test_what_may_write(text: bytes) -> None:
    assert not only_reads(text)
    assert waits_for_writers(text)


def test_a_statement_names_its_answer_s_format() -> None:
    assert answer_format(b"SELECT 1\n FORMAT Native") == "Native"
    assert answer_format(b"SELECT 1 FORMAT JSON SETTINGS max_threads = 1;\n") == "JSON"
    assert answer_format(b"SELECT 'x FORMAT JSON'") is None
    assert without_format(b"SELECT 1 ;\n FORMAT Native;") == b"SELECT 1 "


def test_a_block_without_rows_names_its_columns() -> None:
    assert empty_block([("a", "Int32"), ("비", "String")]) == b"\x02\x00\x01a\x05Int32\x03\xeb\xb9\x84\x06String"
    assert empty_block([("x" * 200, "Bool")]).startswith(b"\x01\x00\xc8\x01xxx")
