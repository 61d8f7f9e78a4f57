"""A sheet as CSV and as an Excel workbook, with full precision and times in UTC."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from src.dashboard.texts import Texts
from src.dashboard.view import Sheet, heading

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_UNITS = {"time": " (UTC)", "seconds": " (s)"}


def csv_bytes(sheet: Sheet, texts: Texts) -> bytes:
    """UTF-8 with the mark that Excel knows it by."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(_lines(sheet, texts, times_as_text=True))
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def excel_bytes(sheet: Sheet, texts: Texts) -> bytes:
    """A workbook of one sheet; its times are UTC, as Excel's have no zone."""
    workbook = Workbook()
    page = workbook.active
    page.title = texts(f"sheet.{sheet.name}")[:31]
    for line in _lines(sheet, texts, times_as_text=False):
        # An exchange's own words may have characters that no workbook can.
        page.append([ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value for value in line])
    page.freeze_panes = "A2"
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def _lines(sheet: Sheet, texts: Texts, *, times_as_text: bool) -> Iterator[list[Any]]:
    yield [heading(column, texts) + _UNITS.get(column.kind, "") for column in sheet.columns]
    for row in sheet.rows:
        yield [_value(value, column.kind, times_as_text=times_as_text) for value, column in zip(row, sheet.columns, strict=True)]


def _value(value: Any, kind: str, *, times_as_text: bool) -> Any:
    if kind == "time" and value is not None:
        moment = datetime.fromtimestamp(value / 1000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if times_as_text else moment.replace(tzinfo=None)
    # A name from outside must not be run as a formula by whoever opens the file.
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
