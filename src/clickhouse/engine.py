"""The ClickHouse engine of this process (chdb) on one folder: statements from any thread, one that writes at a time."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from src.clickhouse.failure import Failure, engine_failure
from src.clickhouse.names import CHDB_MISSING, EMBEDDED_DATABASE
from src.clickhouse.native import empty_block
from src.clickhouse.statement import Insert, answer_format, only_reads, waits_for_writers, without_format
from src.errors import ConfigurationError, MissingPartError
from src.storage.clickhouse_tables import identifier, literal

_STREAMED = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"})
"""Formats whose blocks may be sent one after the other; others have a head or a foot, so they are made whole."""
_NO_STREAM = "Streaming query is not supported"
DEFAULT_FORMAT = "TabSeparated"


@dataclass(frozen=True)
class Statement:
    """A statement with what goes with it; the settings hold for it alone."""

    text: bytes
    database: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    default_format: str = DEFAULT_FORMAT
    may_write: bool = True


@dataclass(frozen=True)
class Answer:
    """What a statement gave."""

    chunks: Iterator[bytes]
    format: str | None = None
    """None for a statement that answers nothing."""
    summary: Mapping[str, int] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None
    """Call it before the handle is closed, also when not all chunks were read: the engine does not survive a handle that goes in mid-query."""


class Engine:
    """Opens the folder, which no other process may have open. Raises ConfigurationError when one has, MissingPartError without chdb."""

    def __init__(self, folder: Path) -> None:
        try:
            # An extra, so it is looked for only here.
            self._connect: Callable[[str], Any] = importlib.import_module("chdb").connect
        except ImportError:
            raise MissingPartError(CHDB_MISSING) from None
        self._path = str(folder)
        self._writing = threading.Lock()
        try:
            # Held open: with its last handle the engine ends.
            self._root = self._connect(self._path)
        except RuntimeError as error:
            raise ConfigurationError(
                f"{folder} cannot be opened by the ClickHouse engine: another process has it, or its files are damaged"
            ) from error
        self._root.query(f"CREATE DATABASE IF NOT EXISTS {identifier(EMBEDDED_DATABASE)} ENGINE = Atomic")
        self.version = str(self._root.query("SELECT version()", "TabSeparated")).strip()
        self.timezone = str(self._root.query("SELECT timezone()", "TabSeparated")).strip()

    def close(self) -> None:
        """End the engine, once what runs has ended."""
        with self._writing:
            self._root.close()

    def handle(self) -> Any:
        """A connection of its own: settings and temporary tables of one are not seen by another."""
        handle = self._connect(self._path)
        handle.query(f"USE {identifier(EMBEDDED_DATABASE)}")
        return handle

    def run(self, handle: Any, statement: Statement, *, whole: bool, kept: bool = False) -> Answer:
        """Run a statement; `whole`: only return once it is done. `kept`: the handle is used again, so the settings are taken back. Raises Failure.

        The chunks of an answer that is not whole are computed as they are read, so `handle` must live, and be left alone, until then.
        """
        whole = whole or kept
        with self._set(handle, statement, restore=kept):
            if waits_for_writers(statement.text):
                with self._writing:
                    return _answer(handle, statement)
            format_ = answer_format(statement.text) or statement.default_format
            if not whole and format_ in _STREAMED and only_reads(statement.text):
                try:
                    return _streamed(handle, statement, format_)
                except Failure as failure:
                    # SHOW and its like have no stream of rows.
                    if _NO_STREAM not in failure.text:
                        raise
            return _answer(handle, statement)

    def insert(self, handle: Any, statement: Statement, insert: Insert, data: Path, *, kept: bool = False) -> Answer:
        """Insert the rows that are in a file. Raises Failure.

        By a file, not by the engine's own stream of rows (`send_insert` of chdb 4.4): that one loses errors which come after parsing, such as
        a constraint or a full disk, and says that the rows were written.
        """
        format_ = insert.format or statement.default_format
        words = (insert.words, f" FROM INFILE {literal(str(data))} COMPRESSION 'none' ".encode(), insert.settings, f" FORMAT {format_}".encode())
        with self._set(handle, statement, restore=kept), self._writing:
            return _answer(handle, replace(statement, text=b"".join(words)))

    @contextmanager
    def _set(self, handle: Any, statement: Statement, *, restore: bool) -> Iterator[None]:
        """Give the handle the statement's settings, and after the block take them back, if it is used again."""
        with _failing():
            if statement.database:
                handle.query(f"USE {identifier(statement.database)}")
            before = _changed(handle, statement.settings) if restore and statement.settings else {}
            try:
                if statement.settings:
                    assigned = ", ".join(f"{identifier(name)} = {literal(value)}" for name, value in statement.settings.items())
                    handle.query(f"SET {assigned}")
                if not statement.may_write:
                    handle.query("SET readonly = 1")
                yield
            finally:
                if restore:
                    for name in statement.settings:
                        with suppress(Exception):
                            handle.query(f"SET {identifier(name)} = {literal(before[name]) if name in before else 'DEFAULT'}")


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise engine_failure(error) from None
    except Exception as error:
        if type(error).__name__ != "ChdbError":
            raise
        raise engine_failure(error) from None


def _changed(handle: Any, settings: Mapping[str, str]) -> dict[str, str]:
    """Those of the settings that the handle has been given already."""
    names = ", ".join(map(literal, settings))
    found = handle.query(f"SELECT name, value FROM system.settings WHERE changed AND name IN ({names})", "JSONEachRow")  # noqa: S608  (quoted)
    rows = [json.loads(line) for line in found.bytes().splitlines()]
    return {row["name"]: row["value"] for row in rows}


def _answer(handle: Any, statement: Statement) -> Answer:
    found = handle.query(statement.text.decode(), statement.default_format, params=dict(statement.parameters))
    body = found.bytes() or b""
    format_ = answer_format(statement.text) or statement.default_format
    if not body and format_ == "Native" and only_reads(statement.text):
        body = _empty_native(handle, statement)
    summary = {
        "read_rows": found.storage_rows_read(),
        "read_bytes": found.storage_bytes_read(),
        "written_rows": found.rows_written(),
        "written_bytes": found.bytes_written(),
        "result_rows": found.rows_read(),
    }
    return Answer(iter((body,)) if body else iter(()), format_ if only_reads(statement.text) else None, summary)


def _streamed(handle: Any, statement: Statement, format_: str) -> Answer:
    with _failing():
        stream = handle.send_query(statement.text.decode(), statement.default_format, params=dict(statement.parameters))
    chunks = _chunks(stream)
    try:
        # What is wrong with a query shows with its first rows, while an error can still be a status of its own.
        first = next(chunks, None)
    except BaseException:
        stream.close()
        raise
    if first is None:
        stream.close()
        return Answer(iter((_empty_native(handle, statement),)) if format_ == "Native" else iter(()), format_)
    return Answer(chain((first,), chunks), format_, close=stream.close)


def _chunks(stream: Any) -> Iterator[bytes]:
    with _failing():
        for chunk in stream:
            if block := chunk.bytes():
                yield block


def _empty_native(handle: Any, statement: Statement) -> bytes:
    """The engine gives no block at all for no rows; a server gives one that names the columns."""
    try:
        described = handle.query(f"DESCRIBE ({without_format(statement.text).decode()})", "JSONEachRow", params=dict(statement.parameters))
    except Exception:  # noqa: BLE001  (SHOW and its like cannot be described)
        return b""
    return empty_block([(row["name"], row["type"]) for row in map(json.loads, described.bytes().splitlines())])
