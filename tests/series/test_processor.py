"""The series of a job in their buckets: what is forgotten, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from src.preprocess.series import series_rows
from src.series.fold import CORRECTABLE, KEPT_MS
from src.setting.series import SeriesPlan
from src.setting.series_in_memory import SeriesInMemory
from tests.setting.series_made import BARS, EMA, MINUTE, START, TABLES, Update, bar

WEEK = KEPT_MS // MINUTE + CORRECTABLE
"""Minutes of silence after the end of its last window for which a series of minutes is kept."""


class Kept:
    """The series of a job, with all that they have given."""

    def __init__(self) -> None:
        self.plan = SeriesPlan([EMA], TABLES)
        self.series = SeriesInMemory(self.plan)
        self.too_old = 0

    def take(self, *bars: Update, until: int) -> list[tuple[str, int, Any]]:
        """Symbol, minute and mean of each row that came out of bars, when windows are closed up to that minute after START."""
        rows = [{**each.row, **{name: _time(each.row[name]) for name in ("window_start", "window_end")}} for each in bars]
        found = self.series.take({BARS: pa.Table.from_pylist(rows, BARS.arrow())}, {"live": START + until * MINUTE})
        self.too_old += self.plan.left_out(found)["bar_ema"]
        made = [row for table in self.plan.rows(found).values() for row in table.to_pylist()]
        return sorted((row["symbol"], (round(row["window_start"].timestamp() * 1000) - START) // MINUTE, row["ema"]) for row in made)

    @property
    def held(self) -> int:
        """Closed windows that are kept, of all series."""
        return sum(len(processor._closed._values) for processor in self.series._processors.values())  # type: ignore[attr-defined]


def _time(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC)


def begun() -> Kept:
    """Five minutes of BTC, all closed."""
    kept = Kept()
    kept.take(*(bar("BTC", minute, 10.0) for minute in range(5)), until=5)
    assert kept.held == 5
    return kept


def test_a_series_that_is_silent_for_long_is_forgotten_and_begins_anew() -> None:
    kept = begun()
    # Only another series says how late it is.
    kept.take(bar("ETH", WEEK + 4), until=5 + WEEK)
    assert kept.held == 1
    assert kept.take(*(bar("BTC", 6 + WEEK + minute, 20.0) for minute in range(4)), until=10 + WEEK) == [
        ("BTC", 6 + WEEK, None),
        ("BTC", 7 + WEEK, None),
        ("BTC", 8 + WEEK, None),
        ("BTC", 9 + WEEK, 20.0),
    ]
    assert kept.held == 1 + 4


def test_one_that_is_silent_for_a_moment_less_goes_on() -> None:
    kept = begun()
    kept.take(bar("ETH", WEEK + 3), until=4 + WEEK)
    assert kept.held == 6
    assert kept.take(bar("BTC", 6 + WEEK, 20.0), until=7 + WEEK) == [("BTC", 6 + WEEK, pytest.approx(12.0))]


def test_a_window_of_a_forgotten_series_is_too_old_and_writes_nothing_over_what_was_said() -> None:
    kept = begun()
    kept.take(bar("ETH", WEEK + 4), until=5 + WEEK)
    assert kept.take(bar("BTC", 4, 99.0), until=5 + WEEK) == []
    assert kept.too_old == 1
    # Nor when it comes together with, or after, those with which the series begins anew.
    assert kept.take(bar("BTC", 5 + WEEK, 99.0), bar("BTC", 3, 99.0), until=5 + WEEK) == []
    assert kept.take(bar("BTC", 2, 99.0), until=6 + WEEK) == [("BTC", 5 + WEEK, None)]
    assert kept.take(bar("BTC", 4, 98.0), until=6 + WEEK) == []
    assert kept.too_old == 4


def test_a_first_batch_of_many_weeks_gives_all_rows_and_keeps_what_is_not_silent() -> None:
    kept = Kept()
    bars = [bar("BTC", 0), *(bar("ETH", minute, float(minute)) for minute in (0, WEEK, 2 * WEEK, 3 * WEEK, 4 * WEEK))]
    found = kept.take(*bars, until=5 * WEEK)
    expected = series_rows(EMA, {"bars": [each.row for each in bars]}).values()
    assert found == sorted((row["symbol"], (row["window_start"] - START) // MINUTE, row["ema"]) for row in expected)
    assert (kept.held, kept.too_old) == (5, 0)


def test_an_open_window_keeps_its_series() -> None:
    kept = begun()
    long = Update(BARS, {**bar("BTC", 5).row, "window_end": START + 3 * WEEK * MINUTE})
    kept.take(long, bar("ETH", 2 * WEEK), until=2 * WEEK + 1)
    assert kept.held == 6
