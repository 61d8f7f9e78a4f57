"""Every table of every view, as CSV and as Excel."""

from __future__ import annotations

import csv
import io
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from src.dashboard.choice import Choice
from src.dashboard.palette import LIGHT
from src.dashboard.texts import texts
from src.dashboard.view import Loaded, Page, views
from tests.dashboard.markets import SETTINGS
from tests.dashboard.served import CLIENT, Served

SHEETS = {
    "overview": ["symbols"],
    "candles": ["gaps", "candles"],
    "arbitrage": ["markets", "spreads"],
    "orderbook": ["books", "regions", "executable"],
    "whales": ["tape"],
    # Its rows are of this moment: tests/dashboard/test_health_view.py.
    "health": ["jobs", "feeds", "collectors", "events", "questions"],
}


def test_these_are_all_tables() -> None:
    found = {}
    for name, view in views().items():
        page = Page(Choice(name), texts("en"), ZoneInfo("UTC"), LIGHT, 0, SETTINGS)
        found[name] = [sheet.name for sheet in view.sheets(Loaded(()), page)]
    assert found == SHEETS


@pytest.mark.parametrize(("view", "sheet"), [(view, sheet) for view, names in SHEETS.items() if view != "health" for sheet in names])
def test_every_table_is_there_as_csv_and_as_excel(api: Served, view: str, sheet: str) -> None:
    address = f"{api.address}/export/{view}/{sheet}"
    text = CLIENT.get(f"{address}.csv?symbol=BTC")
    workbook = CLIENT.get(f"{address}.xlsx?symbol=BTC")
    assert (text.status_code, workbook.status_code) == (200, 200)
    lines = list(csv.reader(io.StringIO(text.content.decode("utf-8-sig"))))
    cells = [list(line) for line in load_workbook(io.BytesIO(workbook.content)).active.iter_rows(values_only=True)]
    assert len(lines) == len(cells) > 1
    assert lines[0] == cells[0]
    assert {len(line) for line in (*lines, *cells)} == {len(lines[0])}
