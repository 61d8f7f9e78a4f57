"""Rows as the text of a MySQL statement, made column by column in Arrow: the driver, which writes value by value, takes four times as long for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from src.storage.sql_types import upsert

_STATEMENT_BYTES = 1_000_000
"""Of rows in one statement: a server takes at least a little more in one packet, whatever its version and settings."""
_ESCAPES = (("\\", "\\\\"), ("'", "\\'"), ("\0", "\\0"), ("\n", "\\n"), ("\r", "\\r"), ("\x1a", "\\Z"))
_SPECIAL = r"[\\'\x00\n\r\x1a]"


@dataclass(frozen=True)
class SqlText:
    """A piece of a statement that is not to be quoted; a parameter of its own type, so that no error shows it."""

    text: str


def written(value: SqlText, mapping: object = None) -> str:
    """The driver's encoder for it, beside those for numbers and texts."""
    del mapping
    return value.text


def upsert_text(table: sa.Table, names: list[str], dialect: sa.Dialect) -> str:
    """The upsert of rows with these columns; its one parameter is a `SqlText` of rows."""
    words = str(upsert(table, dialect.name).compile(dialect=dialect, column_keys=names))
    # What follows the values; MySQL, unlike MariaDB, is first given a name for the new rows: ` AS new`.
    update = words[words.rindex(")", 0, words.index(" ON DUPLICATE KEY UPDATE ")) + 1 :]
    columns = ", ".join(map(dialect.identifier_preparer.quote_identifier, names))
    return f"{words.partition(' (')[0]} ({columns}) VALUES %s{update}"


def row_texts(rows: pa.Table) -> Iterator[SqlText]:
    """The rows as `(1e0,'a'),(NULL,'b')`, as many in each text as one statement takes.

    Numbers are the shortest text that reads back as the same double. Raises pyarrow's errors for a type that no metric has.
    """
    if not rows.num_rows:
        return
    columns = [_literals(column.combine_chunks()) for column in rows.columns]
    texts = pc.binary_join_element_wise("(", pc.binary_join_element_wise(*columns, ","), ")", "")
    ends = pc.cumulative_sum(pc.add(pc.binary_length(texts).cast(pa.int64()), 1)).to_numpy()
    begin = 0
    while begin < len(texts):
        before = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(ends.searchsorted(before + _STATEMENT_BYTES, side="right")))
        yield SqlText(",".join(texts.slice(begin, end - begin).to_pylist()))
        begin = end


def _literals(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_floating(kind):
        text = column.cast(pa.string())
        # Without an exponent a number is a DECIMAL to the server, which is not what it is.
        text = pc.if_else(pc.match_substring(text, "e"), text, pc.binary_join_element_wise(text, "e0", ""))
    elif pa.types.is_timestamp(kind):
        text = _quoted(column.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.timestamp("us")).cast(pa.string()))
    elif pa.types.is_integer(kind):
        text = column.cast(pa.string())
    elif pa.types.is_boolean(kind):
        text = pc.if_else(column, "1", "0")
    else:
        text = _quoted(_escaped(column.cast(pa.string())))
    return pc.fill_null(text, "NULL")


def _escaped(text: pa.Array) -> pa.Array:
    """With the escapes that hold in the SQL mode of our connections."""
    if pc.any(pc.match_substring_regex(text, _SPECIAL)).as_py():
        for character, escape in _ESCAPES:
            text = pc.replace_substring(text, character, escape)
    return text


def _quoted(text: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise("'", text, "'", "")
