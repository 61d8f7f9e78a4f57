"""Runs of trades that are a whale's: one taker side, one venue, within a second."""

from __future__ import annotations

from typing import Any

import pytest

from src.config.settings import Settings
from src.schema.records import Side, Trade
from tests.preprocess.whale_rows import MINUTE, START, rows_of, small_trades, traded, whales

HOUR = 60 * MINUTE


def runs(records: list[Trade], settings: Settings | None = None) -> list[tuple[Any, ...]]:
    """Side, id of the first trade, trades, notional and when it began, of each run, oldest first."""
    found = [row for row in whales(records, settings) if row["kind"] == "run"]
    return [(row["side"], row["trade_id"], row["trades"], round(row["notional_usd"], 6), row["event_time"] - START) for row in found]


def test_a_run_of_one_side_within_a_second() -> None:
    records = [traded(1, 60_000.0, 10, price=2_000.0), traded(2, 30_000.0, 500, price=2_001.0), traded(3, 20_000.0, 999, price=2_002.0)]
    (run,) = whales(records)
    assert (run["kind"], run["reason"], run["side"], run["trade_id"], run["trades"]) == ("run", "notional", "buy", "1", 3)
    assert (run["first_price"], run["last_price"], run["event_time"], run["last_event_time"]) == (2_000.0, 2_002.0, START + 10, START + 999)
    assert (run["window_start"], run["window_end"], run["percentile_usd"], run["hour_trades"]) == (START, START + MINUTE, None, 0)
    assert run["notional_usd"] == pytest.approx(110_000.0, rel=1e-12)
    assert run["size"] == pytest.approx(30.0 + 30_000.0 / 2_001.0 + 20_000.0 / 2_002.0, rel=1e-12)
    assert run["price"] == pytest.approx(110_000.0 / run["size"], rel=1e-12)


def test_the_price_is_in_the_quote_currency_and_the_notional_in_usd() -> None:
    records = [traded(number, 60_000.0, number, usd_rate=1 / 1_024, quote="KRW", price=4_096.0) for number in (1, 2)]
    (run,) = whales(records)
    assert (run["price"], run["notional_usd"], run["size"]) == (4_096.0, 120_000.0, 30_000.0)


@pytest.mark.parametrize(
    ("times", "found"),
    [
        pytest.param((900, 1_100), [("buy", "1", 2, 110_000.0, 900)], id="over the turn of a second"),
        pytest.param((600, 1_099), [("buy", "1", 2, 110_000.0, 600)], id="half a second"),
        pytest.param((0, 999), [("buy", "1", 2, 110_000.0, 0)], id="a full second"),
        pytest.param((500, 1_499), [("buy", "1", 2, 110_000.0, 500)], id="a half second's second"),
        pytest.param((250, 1_100), [], id="longer than half a second, cut"),
        pytest.param((0, 1_000), [], id="a second apart"),
        pytest.param((59_900, 60_100), [("buy", "1", 2, 110_000.0, 59_900)], id="over the turn of a minute"),
        pytest.param((59_499, 60_000), [], id="longer than half a second, cut by the minute"),
        pytest.param((59_900, 120_100), [], id="a minute apart"),
    ],
)
def test_what_is_within_a_second(times: tuple[int, int], found: list[Any]) -> None:
    assert runs([traded(1, 60_000.0, times[0]), traded(2, 50_000.0, times[1])]) == found


@pytest.mark.parametrize(
    ("others", "found"),
    [
        pytest.param([traded(2, 90_000.0, 100, Side.SELL)], [], id="the other side"),
        pytest.param([traded(2, 90_000.0, 100, market="bybit")], [], id="another venue"),
        pytest.param([traded(2, 90_000.0, 100, quote="USDC")], [], id="another quote"),
        pytest.param([traded(2, 90_000.0, 100, None)], [], id="no side"),
        pytest.param([traded(2, 90_000.0, 100, usd_rate=None)], [], id="no rate"),
        pytest.param([traded(2, 90_000.0, 100, trade_id=None)], [], id="no id"),
        pytest.param([traded(2, 40_000.0, 100)], [], id="not above"),
        pytest.param([], [], id="one trade"),
        pytest.param([traded(2, 0.0, 100)], [], id="one that has no size"),
        pytest.param([traded(2, 40_001.0, 100)], [("buy", "1", 2, 100_001.0, 0)], id="above"),
    ],
)
def test_what_is_one_takers(others: list[Trade], found: list[Any]) -> None:
    assert runs([traded(1, 60_000.0), *others]) == found


def test_both_sides_at_once_are_two_runs() -> None:
    records = [traded(number, 30_000.0 + number, number * 80 + 300, Side.BUY if number % 2 else Side.SELL) for number in range(8)]
    assert runs(records) == [("sell", "0", 4, 120_012.0, 300), ("buy", "1", 4, 120_016.0, 380)]


def test_small_trades_count_unless_the_settings_say_otherwise() -> None:
    records = [traded(number, 400.0, 800 + number) for number in range(300)]
    assert runs(records) == [("buy", "0", 300, 120_000.0, 800)]
    assert runs(records, Settings(whale_run_trade_usd=400.01)) == []
    assert runs([*records, traded(300, 399.0, 850)], Settings(whale_run_trade_usd=400.0)) == [("buy", "0", 300, 120_000.0, 800)]


def test_a_whales_single_trade_with_others_is_both() -> None:
    single, run = sorted(whales([traded(1, 300_000.0), traded(2, 5.0, 1)]), key=lambda row: row["trades"])
    assert (single["kind"], single["notional_usd"], run["kind"], run["notional_usd"]) == ("single", 300_000.0, "run", 300_005.0)


@pytest.mark.parametrize(
    ("notionals", "found"),
    [
        pytest.param((60_000.0, 60_000.0, 60_000.0), [("buy", "1", 2, 120_000.0, 400)], id="equal: the earlier"),
        pytest.param((60_000.0, 60_000.0, 70_000.0), [("buy", "2", 2, 130_000.0, 600)], id="the larger"),
        pytest.param((600.0, 600.0, 70_000.0), [], id="none"),
    ],
)
def test_of_overlapping_seconds_the_largest_is_kept(notionals: tuple[float, ...], found: list[Any]) -> None:
    """Full second: the first two. From half a second on: the last two."""
    times = (400, 600, 1_100)
    assert runs([traded(number, notional, time) for number, (notional, time) in enumerate(zip(notionals, times, strict=True), 1)]) == found


def test_a_long_burst_is_one_run_a_second() -> None:
    records = [traded(number, 40_000.0, number * 250) for number in range(16)]
    assert [(run[1], run[2]) for run in runs(records)] == [("0", 4), ("4", 4), ("8", 4), ("12", 4)]


def test_over_the_turn_of_a_minute_the_minute_is_that_of_the_end() -> None:
    (run,) = whales([traded(1, 60_000.0, 59_700, price=2_000.0), traded(2, 50_000.0, 60_200, price=2_500.0)])
    assert (run["window_start"], run["event_time"], run["last_event_time"]) == (START + MINUTE, START + 59_700, START + 60_200)
    assert (run["first_price"], run["last_price"], run["size"], run["price"]) == (2_000.0, 2_500.0, 50.0, 2_200.0)


def test_a_run_that_is_a_whales_before_the_turn_of_the_minute_ends_there() -> None:
    before = [traded(1, 60_000.0, 59_700), traded(2, 50_000.0, 59_800)]
    assert runs([*before, traded(3, 90_000.0, 60_100)]) == [("buy", "1", 2, 110_000.0, 59_700)]
    again = [*before, traded(3, 90_000.0, 60_100), traded(4, 20_000.0, 60_700)]
    assert runs(again) == [("buy", "1", 2, 110_000.0, 59_700), ("buy", "3", 2, 110_000.0, 60_100)]
    sells = [traded(5, 90_000.0, 59_900, Side.SELL), traded(6, 20_000.0, 60_050, Side.SELL)]
    assert runs([*again, *sells])[1] == ("sell", "5", 2, 110_000.0, 59_900)


def test_of_the_second_over_the_turn_and_the_one_after_it_the_larger_is_kept() -> None:
    records = [traded(1, 60_000.0, 59_900), traded(2, 50_000.0, 60_100)]
    assert runs([*records, traded(3, 50_000.0, 60_800)]) == [("buy", "1", 2, 110_000.0, 59_900)]
    assert runs([*records, traded(3, 70_000.0, 60_800)]) == [("buy", "2", 2, 120_000.0, 60_100)]


def test_runs_by_the_percentile_of_single_trades() -> None:
    """The second largest of 1,000 trades is 40,000 USD, the bin of which ends at 42,494.8."""
    hour = [*small_trades(998), traded(1, 40_000.0, 5_100), traded(2, 40_000.0, 8_100)]
    late = [traded(number, 21_300.0, HOUR + 700 + number * 100) for number in (3, 4)]
    low = [traded(number, 21_200.0, HOUR + 5_000 + number * 100) for number in (5, 6)]
    high = [traded(number, 60_000.0, HOUR + 10_000 + number * 100) for number in (7, 8)]
    (first, second) = [row for row in whales([*hour, *late, *low, *high]) if row["kind"] == "run"]
    assert (first["reason"], first["notional_usd"], first["percentile_usd"], first["hour_trades"]) == (
        "percentile",
        42_600.0,
        2.0 ** (123 / 8),
        1_000,
    )
    assert (second["reason"], second["notional_usd"], second["trade_id"]) == ("both", 120_000.0, "7")
    assert [row["reason"] for row in whales([*late, *low, *high]) if row["kind"] == "run"] == ["notional"]


def test_a_run_over_the_turn_of_a_minute_is_judged_by_the_hour_before_the_later_one() -> None:
    late = [traded(1, 8_000.0, 59 * MINUTE - 100), traded(2, 8_000.0, 59 * MINUTE + 100)]
    (run,) = whales([*small_trades(1_000), *late])
    assert (run["reason"], run["percentile_usd"], run["hour_trades"], run["window_start"]) == ("percentile", 10_000.0, 1_001, START + 59 * MINUTE)


def test_the_rows_of_full_and_of_half_seconds() -> None:
    records = [traded(1, 9_000.0, 700), traded(2, 9_000.0, 1_300), traded(3, 4.0, 59_600), traded(4, 9_000.0, 3_000), traded(5, 9_000.0, 3_900)]
    (full,) = rows_of("taker_seconds", records)
    assert (full["second"], full["side"], full["trades"], full["notional_usd"], full["notional"]) == (3.0, "buy", 2, 18_000.0, 18_000.0)
    half, turn = rows_of("taker_half_seconds", records)
    assert (half["half_second"], half["trades"], half["first_trade_id"], half["event_time"], half["last_event_time"]) == (
        0.5, 2, "1", START + 700, START + 1_300,
    )  # fmt: skip
    assert (turn["half_second"], turn["trades"], turn["notional_usd"], turn["window_start"]) == (59.5, 1, 4.0, START)
    (turned,) = rows_of("taker_half_seconds", [traded(1, 4.0, 60_499)])
    assert (turned["half_second"], turned["window_start"]) == (-0.5, START + MINUTE)
