"""Texts, numbers, addresses and exports."""

from __future__ import annotations

import csv
import io
import string
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from src.dashboard.choice import Choice, choice_of
from src.dashboard.export import csv_bytes, excel_bytes
from src.dashboard.format import age, clock, number, percent, ratio, zone_named
from src.dashboard.texts import LANGUAGES, texts
from src.dashboard.view import Column, Sheet, views
from src.errors import ConfigurationError

TIME = 1_790_000_040_000  # 2026-09-21T14:14:00Z
SHEET = Sheet(
    "symbols",
    (Column("symbol"), Column("price_usd", "price"), Column("time", "time")),
    [["=1+1", 84_018.123456789, TIME], ["ETH", None, None]],
)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things() -> None:
    assert LANGUAGES == ("en", "ko")
    english, korean = (texts(language).known for language in LANGUAGES)
    assert set(english) == set(korean)
    for key, text in english.items():
        assert placeholders(text) == placeholders(korean[key]), key
    with pytest.raises(ConfigurationError, match="there are en, ko"):
        texts("fr")


@pytest.mark.parametrize("name", list(views()))
def test_every_view_has_its_title_and_what_it_says_when_empty(name: str) -> None:
    assert texts("en")(f"{name}.title")
    assert texts("en")(f"{name}.empty")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(84_018.04, "84,018.0"), (125_542_438.4, "125,542,438"), (0.5234119, "0.523412"), (0.0000123456, "0.0000123456"), (-2.1043, "-2.10430"),
     (0, "0"), (None, "–"), (float("nan"), "–")],
)  # fmt: skip
def test_numbers_have_thousands_separators_and_the_digits_that_count(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_percents_ages_and_times() -> None:
    assert [percent(1.234), percent(-1234.5), percent(-0.004), percent(None)] == ["+1.23 %", "-1,234.50 %", "0.00 %", "–"]
    assert [ratio(0.5777), ratio(-1), ratio(-0.004), ratio(None)] == ["+0.58", "-1.00", "0.00", "–"]
    assert [age(ms, texts("en")) for ms in (-5, 59_999, 60_000, 7_200_000, 999 * 86_400_000)] == ["0 s", "59 s", "1 min", "2 h", "999 d"]
    assert age(59_000, texts("ko")) == "59초"
    seoul = ZoneInfo("Asia/Seoul")
    assert clock(TIME, seoul, TIME + 1000) == "23:14:00"
    assert clock(TIME, seoul, TIME + 3_600_000) == "2026-09-21 23:14:00"
    assert zone_named("No/Where") == zone_named("../etc/passwd") == zone_named(None) == ZoneInfo("UTC")


def test_an_address_says_the_choice_and_nothing_else() -> None:
    given = choice_of("/candles", "?symbol=BTC&market=binance&interval=5m&sort=<b>&other=1", "overview")
    assert given == Choice("candles", "BTC", "binance", "5m")
    assert given.but(symbol="ETH").href == "/candles?symbol=ETH&market=binance&interval=5m"
    assert choice_of("/", None, "overview").href == "/overview"


def test_csv_has_full_precision_utc_and_no_formulas() -> None:
    text = csv_bytes(SHEET, texts("en")).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [
        ["Symbol", "USD", "Time (UTC)"],
        ["'=1+1", "84018.123456789", "2026-09-21T14:14:00.000Z"],
        ["ETH", "", ""],
    ]


def test_excel_leaves_out_what_no_workbook_can_hold() -> None:
    sheet = Sheet("symbols", (Column("detail", "words"),), [["closed\x00 by\x1b the exchange"]])
    page = load_workbook(io.BytesIO(excel_bytes(sheet, texts("en")))).active
    assert [list(line) for line in page.iter_rows(values_only=True)] == [["Detail"], ["closed by the exchange"]]


def test_excel_has_numbers_and_times_as_such() -> None:
    page = load_workbook(io.BytesIO(excel_bytes(SHEET, texts("ko")))).active
    assert page.title == "종목"
    assert [list(line) for line in page.iter_rows(values_only=True)] == [
        ["종목", "USD", "시각 (UTC)"],
        ["'=1+1", 84_018.123456789, datetime(2026, 9, 21, 14, 14)],  # noqa: DTZ001
        ["ETH", None, None],
    ]
