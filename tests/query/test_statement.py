"""A statement that may write never leaves: it is refused with the word that does it."""

from __future__ import annotations

import pytest

from src.errors import ConfigurationError
from src.query.statement import is_statement, reading_statement


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "SELECT * FROM candles WHERE market = 'upbit' AND complete <> 'gap' ORDER BY window_start DESC LIMIT 5",
        "with recent as (select * from candles) select count(*) from recent",
        "(select 1) union (select 2)",
        "select replace(symbol, 'B', 'b'), truncate(close, 2), insert('abc', 1, 1, 'x') from candles",
        "select 'insert into x; delete from y' as said, \"update\" from candles",
        "select note from logs where note like 'it''s 100% -- done' or note = 'a /* b */'",
        "show tables",
        "show create table candles",
        "explain select * from candles",
        "explain analyze select * from candles",
        "describe candles",
        "select * from system.tables",
        "select close - -open from candles",
        "select '$$' as said, close from candles where market = 'a$b$c'",
    ],
)
def test_what_only_reads_goes_as_it_is(text: str) -> None:
    assert reading_statement(f"  {text} ; ") == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("delete from candles", "DELETE is refused"),
        ("drop table candles", "DROP is refused"),
        ("  Insert into candles select * from candles", "INSERT is refused"),
        ("set session transaction read write", "SET is refused"),
        ("pragma query_only = off", "PRAGMA is refused"),
        ("with gone as (delete from candles returning *) select * from gone", "DELETE is refused"),
        ("explain analyze delete from candles", "DELETE is refused"),
        ("select * from candles into outfile '/tmp/x'", "INTO is refused"),
        ("select * into other from candles", "INTO is refused"),
        ("select * from candles for update", "UPDATE is refused"),
        ("select * from candles for share", "FOR SHARE is refused"),
        ("select * from candles lock in share mode", "LOCK is refused"),
        ("select 1 settings readonly = 0", "SETTINGS is refused"),
        ("select 1; delete from candles", "one statement at a time"),
        ("select 1;;", "one statement at a time"),
        # What one database takes for the end of the text, another does not.
        ("select '\\'; delete from candles where 'a' <> '", "one statement at a time"),
        ("select /*! 1 */ 2", "without comments"),
        ("select 1 -- 2", "without comments"),
        ("select 1 # 2", "without comments"),
        # To PostgreSQL the quotes are within texts between dollars, and the delete is not.
        ("select $$ ' $$; delete from candles where $$ ' $$ = ''", r"\$\$ is refused"),
        ("select $a1$ ' $a1$; delete from candles where $a1$ ' $a1$ = ''", r"\$a1\$ is refused"),
        # To Python this is a space, to PostgreSQL a letter.
        ("select $\u00a0$ ' $\u00a0$; delete from candles where $\u00a0$ ' $\u00a0$ = ''", "is refused"),
        ("", "no statement that reads"),
        (";", "no statement that reads"),
        ("1 select", "no statement that reads"),
        ("'a'", "no statement that reads"),
    ],
)
def test_what_may_write_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        reading_statement(text)


def test_a_name_of_a_table_is_no_statement() -> None:
    assert [is_statement(text) for text in ("candles", "select 1", "delete", "select;", "candels")] == [False, True, True, True, False]
