"""An answer as lines and candles, and drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from src.errors import ConfigurationError
from src.query.plot import Candle, candles_of, lines_of, plotted, ticks
from src.query.result import Heading, Result

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)
TIMES = [NINE + timedelta(minutes=number) for number in range(30)]
CANDLES = Result(
    (Heading("window_start", "UTC"), *(Heading(name, "KRW") for name in ("open", "high", "low", "close"))),
    [(time, 100.0 + place, 103.0 + place, 99.0 + place, 102.0 + place) for place, time in reversed([*enumerate(TIMES)])],
)
TWO = Result(
    (Heading("window_start", "UTC"), Heading("market"), Heading("vwap", "KRW")),
    [(time, market, 5.0 if market == "upbit" else 7.0) for time in TIMES for market in ("upbit", "okx")],
)


def test_candles_come_in_the_order_of_time() -> None:
    found = candles_of(CANDLES)
    assert found is not None
    assert found[0] == Candle(NINE.timestamp(), 100.0, 102.0, 103.0, 99.0)
    assert [candle.time for candle in found] == [time.timestamp() for time in TIMES]


def test_candles_of_several_prices_are_refused() -> None:
    twice = Result((*CANDLES.headings, Heading("market")), [(*row, market) for row in CANDLES.rows for market in ("okx", "upbit")])
    with pytest.raises(ConfigurationError, match=r"several prices are in the answer \(market okx, upbit\)"):
        candles_of(twice)


def test_rows_of_several_keys_are_a_line_each() -> None:
    lines = lines_of(TWO)
    assert [line.name for line in lines] == ["upbit vwap (KRW)", "okx vwap (KRW)"]
    assert lines[1].points[0] == (NINE.timestamp(), 7.0)
    assert candles_of(TWO) is None


def test_columns_of_one_key_are_a_line_each() -> None:
    assert [line.name for line in lines_of(CANDLES, ["low"])] == ["low (KRW)"]
    assert [line.name for line in lines_of(CANDLES)] == ["open (KRW)", "high (KRW)", "low (KRW)", "close (KRW)"]


@pytest.mark.parametrize(
    "result",
    [
        Result((Heading("a"),), [(1,)]),
        Result((Heading("t"),), [(NINE,)]),
        Result((Heading("t"), Heading("a")), []),
        Result((Heading("t"), Heading("a")), [(NINE, float("nan"))]),
    ],
)
def test_what_has_no_times_or_numbers_cannot_be_drawn(result: Result) -> None:
    with pytest.raises(ConfigurationError, match="cannot be drawn"):
        plotted(result, [], 80, 20, color=False)


def test_lines_that_find_no_room_are_said() -> None:
    many = Result(TWO.headings, [(time, f"market_{number}", 5.0 + number) for time in TIMES for number in range(8)])
    assert len(lines_of(many)) == 8
    assert "6 of 8 lines" in plotted(many, [], 80, 20, color=False)
    assert "lines" not in plotted(TWO, [], 80, 20, color=False)


def test_the_axis_of_time_is_utc() -> None:
    begin = NINE.timestamp()
    assert [text for _, text in ticks(begin, begin + 3_000)] == ["09:00", "09:10", "09:20", "09:30", "09:40", "09:50"]
    assert ticks(begin, begin) == [(begin, "09:00:00")]
    assert ticks(begin, begin + 5 * 86_400)[1][1] == "02-01 09:00"


def test_a_drawing_fits_the_terminal_and_says_units_and_times() -> None:
    for result in (CANDLES, TWO):
        text = plotted(result, [], 80, 20, color=False)
        lines = text.splitlines()
        assert "KRW" in text
        assert "09:00" in text
        assert len(lines) <= 20
        assert max(map(len, lines)) <= 80
        assert "\x1b" not in text
    assert "\x1b" in plotted(CANDLES, [], 80, 20, color=True)
