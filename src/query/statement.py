"""Whether a statement only reads: asked before it is sent. The database is told to let nothing be written as well."""

from __future__ import annotations

import re

from src.errors import ConfigurationError

_READS = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "VALUES", "TABLE", "EXISTS")
_BEGINS_OTHERS = ("SET", "USE", "PRAGMA", "BEGIN", "START", "COMMIT", "ROLLBACK", "GRANT", "REVOKE", "RENAME", "OPTIMIZE", "SYSTEM", "VACUUM", "KILL")
_WRITES = frozenset(
    {
        *("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "UPSERT", "TRUNCATE", "CREATE", "ALTER", "DROP", "CALL", "EXECUTE", "LOAD", "COPY"),
        *("INTO", "OUTFILE", "DUMPFILE", "LOCK", "ATTACH", "DETACH", "ANALYZE", "SETTINGS"),
    }
)
"""Words that change something, or lift the bounds, wherever they stand. Those that are also functions count only where no bracket follows."""
_MAY_FOLLOW = {("SHOW", "CREATE"), ("EXPLAIN", "ANALYZE")}
_STANDARD = r"'(?:''|[^'])*'|\"(?:\"\"|[^\"])*\"|`(?:``|[^`])*`"
_ESCAPED = r"'(?:\\.|''|[^'\\])*'|\"(?:\\.|\"\"|[^\"\\])*\"|`(?:\\.|``|[^`\\])*`"
# PostgreSQL and ClickHouse quote by $$ and $word$ too, and others do not: within such quotes a statement could hide.
_OTHERS = r"|(?P<comment>--|/\*|\#)|(?P<dollar>\$[^\x00-\x20$'\x22`]*\$)|(?P<end>;)|(?P<word>[^\W\d]\w*)|(?P<other>.)"
# Whether a backslash ends a text early is not the same in all databases: a statement has to be fine either way.
_READINGS = tuple(re.compile(f"(?P<space>\\s+)|(?P<quoted>{quoted}){_OTHERS}", re.DOTALL) for quoted in (_STANDARD, _ESCAPED))


def is_statement(text: str) -> bool:
    """Whether a text is meant as SQL, rather than as the name of a table."""
    return len(text.split()) > 1 or text.rstrip(";").upper() in {*_READS, *_WRITES, *_BEGINS_OTHERS}


def reading_statement(text: str) -> str:
    """The statement, without a `;` behind it.

    Raises ConfigurationError for one that may write, for several, and for one with comments or with texts in dollars.
    """
    for reading in _READINGS:
        _check(text, reading)
    return text.strip().rstrip(";").rstrip()


def _check(text: str, reading: re.Pattern[str]) -> None:
    first, before, has_ended = "", "", False
    for match in reading.finditer(text):
        kind, word = match.lastgroup, match[0].upper()
        if kind == "space":
            continue
        if has_ended:
            raise ConfigurationError("one statement at a time: leave out what is behind the first ;")
        if kind == "comment":
            raise ConfigurationError(f"a statement is sent without comments: leave out {match[0]} and what belongs to it")
        if kind == "dollar":
            raise ConfigurationError(f"{match[0]} is refused: put texts in single quotes")
        has_ended = kind == "end"
        if kind == "word":
            _check_word(word, first, before, followed_by=text[match.end() :].lstrip()[:1])
            first = first or word
            before = word
        elif kind != "other" or match[0] not in "( ":
            first = first or " "
            before = ""
    if not first.strip():
        raise ConfigurationError(f"this is no statement that reads: it begins with {', '.join(_READS[:-1])} or {_READS[-1]}")


def _check_word(word: str, first: str, before: str, followed_by: str) -> None:
    if not first and word not in _READS:
        raise ConfigurationError(f"{word} is refused: `query` only reads, by statements that begin with {', '.join(_READS[:-1])} or {_READS[-1]}")
    if word in _WRITES and followed_by != "(" and (before, word) not in _MAY_FOLLOW:
        raise ConfigurationError(f"{word} is refused: `query` only reads. Where it is a name, put it in quotes")
    if before == "FOR" and word in {"SHARE", "UPDATE"}:
        raise ConfigurationError(f"FOR {word} is refused: `query` only reads, and locks nothing")
