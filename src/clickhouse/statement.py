"""What a statement is: whether it only reads, in which format it answers, and where the data of an INSERT begins."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD_BYTES = 262_144
"""How much of a request is searched for the end of an INSERT's words; its column list may be long."""
_SPACE = rb"(?:\s+|--[^\n]*(?:\n|$)|#![^\n]*(?:\n|$)|/\*.*?\*/|\()*"
_FIRST_WORD = re.compile(_SPACE + rb"([A-Za-z]+)", re.DOTALL)
_READS = frozenset({b"SELECT", b"WITH", b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"FROM", b"VALUES", b"CHECK"})
_KEEPS = frozenset({b"SET", b"USE"})
_TOKEN = re.compile(
    rb"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<quoted>'(?:\\.|''|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`)|(?P<word>\w+)|(?P<open>[(\[{])"""
    rb"""|(?P<close>[)\]}])|(?P<other>.)""",
    re.DOTALL,
)
_NAME = re.compile(rb"\s+(\w+)[ \t\f]*(?:\r\n|\n|\r)?")
"""A format's name, with what stands between it and the rows."""
_ANSWER_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*(?:SETTINGS\b[^;]*)?;?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Insert:
    """An INSERT whose rows follow its words."""

    words: bytes
    """Up to, not including, SETTINGS, FORMAT or VALUES."""
    settings: bytes
    """From the word SETTINGS on, if it is there."""
    format: str | None
    """Of the rows; None where the words do not say it."""
    data_offset: int
    """Where the rows begin."""


def only_reads(statement: bytes) -> bool:
    """Whether a statement changes neither rows nor tables nor what later statements do."""
    return _first_word(statement) in _READS


def waits_for_writers(statement: bytes) -> bool:
    """Whether a statement may change rows or tables, so that one runs at a time."""
    return _first_word(statement) not in _READS | _KEEPS


def answer_format(statement: bytes) -> str | None:
    """The format that the statement itself names for its answer."""
    found = _ANSWER_FORMAT.search(statement[-2_000:])
    return found[1].decode() if found else None


def without_format(statement: bytes) -> bytes:
    """The statement without the words that name its answer's format."""
    found = _ANSWER_FORMAT.search(statement)
    return (statement[: found.start()] if found else statement).rstrip().rstrip(b";")


def insert_with_data(head: bytes) -> Insert | None:
    """Where the rows of an INSERT begin; `head`: the request's first `HEAD_BYTES`. None for all else, an INSERT of a SELECT among it."""
    if _first_word(head) != b"INSERT":
        return None
    depth, before, place, words = 0, b"", 0, None
    while match := _TOKEN.match(head, place):
        place = match.end()
        if match.lastgroup == "space":
            continue
        token = match[0].upper() if match.lastgroup == "word" else match[0]
        depth += (match.lastgroup == "open") - (match.lastgroup == "close")
        # A table may have such a name.
        if depth == 0 and before not in {b"INTO", b"TABLE", b"FUNCTION", b"."}:
            if token == b"SETTINGS":
                words = match.start()
            elif token == b"FORMAT" and (name := _NAME.match(head, place)):
                return _insert(head, words, match.start(), name[1].decode(), name.end())
            elif token == b"VALUES":
                return _insert(head, words, match.start(), "Values", place)
            elif token in {b"SELECT", b"WITH", b"FROM"}:
                return None
        before = token
    end = len(head.rstrip().rstrip(b";"))
    return _insert(head, words, end, None, len(head))


def _insert(head: bytes, words: int | None, end: int, format_: str | None, data_offset: int) -> Insert:
    return Insert(head[: end if words is None else words], b"" if words is None else head[words:end], format_, data_offset)


def _first_word(statement: bytes) -> bytes:
    found = _FIRST_WORD.match(statement)
    return found[1].upper() if found else b""
