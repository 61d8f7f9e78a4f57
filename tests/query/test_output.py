"""An answer as a table, as CSV and as JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from src.errors import ConfigurationError
from src.query.output import as_csv, as_json, as_table
from src.query.result import Heading, Result

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
RESULT = Result(
    (Heading("window_start", "UTC"), Heading("market"), Heading("close", "KRW"), Heading("trades"), Heading("complete")),
    [(NINE, "upbit", 123_456_789.25, 12, "gap"), (NINE, "okx, inc", None, 1_200, None)],
    more=True,
)


def _shown(width: int, *first: str) -> tuple[str, list[str]]:
    table, out = as_table(RESULT, width, first)
    text = io.StringIO()
    Console(file=text, width=width).print(table)
    return text.getvalue(), out


def test_csv_has_units_all_digits_and_nothing_for_null() -> None:
    assert as_csv(RESULT) == (
        "window_start (UTC),market,close (KRW),trades,complete\n"
        "2026-01-31T09:00:00.000Z,upbit,123456789.25,12,gap\n"
        '2026-01-31T09:00:00.000Z,"okx, inc",,1200,\n'
    )


def test_json_has_units_beside_the_rows_and_times_in_ms() -> None:
    found = json.loads(as_json(RESULT))
    assert found["columns"][0] == {"name": "window_start", "unit": "ms since 1970 UTC"}
    assert found["columns"][2:4] == [{"name": "close", "unit": "KRW"}, {"name": "trades", "unit": None}]
    assert found["rows"][0] == {"window_start": 1_769_850_000_000, "market": "upbit", "close": 123_456_789.25, "trades": 12, "complete": "gap"}
    assert found["more"] is True


def test_a_number_that_is_none_is_null_in_json() -> None:
    assert json.loads(as_json(Result((Heading("a"),), [(float("nan"),)])))["rows"] == [{"a": None}]


def test_two_columns_of_one_name_are_not_made_one() -> None:
    twice = Result((Heading("close"), Heading("close")), [(1, 2)])
    with pytest.raises(ConfigurationError, match="two columns of the answer are called close"):
        as_json(twice)
    assert as_csv(twice) == "close,close\n1,2\n"


def test_a_table_has_what_fits_and_says_what_does_not() -> None:
    text, out = _shown(120)
    assert out == []
    assert "123,456,789.25" in text
    assert "KRW" in text
    text, out = _shown(44)
    assert out == ["close", "trades", "complete"]
    assert "close" not in text


def test_a_terminal_is_told_nothing_by_a_text() -> None:
    """Texts of exchanges are in the ledger."""
    table, _ = as_table(Result((Heading("detail"),), [("\x1b[2Jgone\r\x9b1m",)]), 120)
    assert [str(cell) for cell in table.columns[0].cells] == ["?[2Jgone??1m"]


def test_the_columns_that_matter_come_first() -> None:
    text, out = _shown(120, "window_start", "trades")
    assert out == ["market", "close", "complete"]
    assert text.index("window_start") < text.index("trades")


def test_no_rows_are_a_heading() -> None:
    table, out = as_table(Result(RESULT.headings, []), 120)
    assert (table.row_count, out) == (0, [])
