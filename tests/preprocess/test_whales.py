"""Single trades that are a whale's: above a notional, or above the percentile of their own price's last hour."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.config.settings import Settings
from src.preprocess.trade import TradeQueryOrganization
from src.preprocess.whales import Whales
from src.schema.records import Side, Trade
from tests.preprocess.whale_rows import MINUTE, START, rows_of, small_trades, traded, whales

HOUR = 60 * MINUTE


def singles(records: list[Trade], settings: Settings | None = None) -> list[tuple[Any, ...]]:
    """Id, reason, percentile and trades of the hour of each single whale."""
    found = [row for row in whales(records, settings) if row["kind"] == "single"]
    return [(row["trade_id"], row["reason"], row["percentile_usd"], row["hour_trades"]) for row in found]


def test_single_trades_above_the_notional() -> None:
    records = [traded(1, 100_000.0), traded(2, 100_002.0, 59_999, Side.SELL), traded(3, 500_000.0, usd_rate=None), traded(4, 99_000.0, 3_000)]
    krw, big = whales([*records, traded(7, 200_000.0, 5_000, usd_rate=1 / 1_024, quote="KRW")])
    assert big == {
        "source": "live",
        "symbol": "ETH",
        "market": "okx",
        "quote": "USDT",
        "instrument": "spot",
        "window_start": START,
        "window_end": START + MINUTE,
        "kind": "single",
        "side": "sell",
        "trade_id": "2",
        "reason": "notional",
        "price": 2_000.0,
        "first_price": 2_000.0,
        "last_price": 2_000.0,
        "size": 50.001,
        "notional_usd": 100_002.0,
        "percentile_usd": None,
        "trades": 1,
        "event_time": START + 59_999,
        "last_event_time": START + 59_999,
        "hour_trades": 0,
    }
    assert (krw["trade_id"], krw["quote"], krw["notional_usd"]) == ("7", "KRW", 200_000.0)


def test_the_notional_is_in_the_settings_also_below_the_floor() -> None:
    settings = Settings(whale_notional_usd=500.0)
    assert singles([traded(1, 600.0), traded(2, 400.0, 5_000)], settings) == [("1", "notional", None, 0)]


def test_a_trade_that_comes_twice_is_one_row_and_counts_once() -> None:
    assert singles([traded(1, 200_000.0)] * 2) == [("1", "notional", None, 0)]
    settings = Settings(whale_percentile=50.0)
    assert singles([*[traded(1, 20_000.0)] * 5, traded(2, 50_000.0, 5_000), traded(3, 60_000.0, MINUTE)], settings)[0][3] == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"trade_id": None},
        {"trade_id": ""},
        {"side": None},
        {"usd_rate": None},
        {"size": None},
        {"size": 0.0},
        {"price": 1e30},
        {"received_time": START + 10 * HOUR},
    ],
)
def test_odd_trades_are_none_of_a_whales_and_do_not_count(odd: dict[str, Any]) -> None:
    settings = Settings(whale_percentile=50.0)
    strange = [msgspec.structs.replace(traded(number, 500_000.0, number * 5_000), **odd) for number in range(1, 4)]
    known = [traded(number, 20_000.0, number * 3_000) for number in range(11, 15)]
    assert [row[0] for row in singles([*strange, *known], settings)] == []
    # A trade of no size is a trade.
    hour_trades = 7 if odd == {"size": 0.0} else 4
    (late,) = singles([*strange, *known, traded(99, 300_000.0, 5 * MINUTE)], settings)
    assert (late[0], late[3]) == ("99", hour_trades)


def test_a_trade_beyond_all_sizes() -> None:
    huge = [traded(number, 1e32, number * 1_500) for number in range(10)]
    (found,) = {row["reason"] for row in whales([*huge, traded(99, 2e32, MINUTE)], Settings(whale_percentile=50.0))} - {"notional"}
    assert found == "both"


def test_whales_by_the_percentile_of_the_hour_before() -> None:
    """998 trades of 1,000 USD and two of 40,000: the second largest, 40,000, is the 99.9th percentile; its bin ends at 2**(123/8) = 42,494.8."""
    hour = [*small_trades(998), traded(1, 40_000.0, 5_100), traded(2, 40_000.0, 8_100)]
    minute = [traded(3, 42_495.0, HOUR), traded(4, 42_494.0, HOUR + 3_000), traded(5, 150_000.0, HOUR + 6_000)]
    edge = 2.0 ** (123 / 8)
    assert singles([*hour, *minute]) == [("3", "percentile", edge, 1_000), ("5", "both", edge, 1_000)]
    assert 42_494.0 < edge < 42_495.0


def test_a_percentile_above_the_notional() -> None:
    hour = [*small_trades(998), traded(1, 400_000.0, 5_100), traded(2, 400_000.0, 8_100)]
    late = singles([*hour, traded(3, 150_000.0, HOUR), traded(4, 500_000.0, HOUR + 3_000)])[2:]
    edge = 2.0 ** (149 / 8)
    assert late == [("3", "notional", edge, 1_000), ("4", "both", edge, 1_000)]


def test_there_is_no_percentile_before_a_trade_could_lie_above_it() -> None:
    """Of 999 trades none lies above their 99.9th percentile; of 1,000 one does."""
    late = [traded(3, 50_000.0, HOUR - 1), traded(4, 150_000.0, HOUR - 3_000)]
    assert singles([*small_trades(999), *late]) == [("4", "notional", None, 999)]
    assert singles([*small_trades(1_000), *late]) == [("4", "both", 10_000.0, 1_000), ("3", "percentile", 10_000.0, 1_000)]


def test_the_floor() -> None:
    late = [traded(3, 10_000.0, HOUR - 1), traded(4, 10_001.0, HOUR - 3_000)]
    assert singles([*small_trades(1_000), *late]) == [("4", "percentile", 10_000.0, 1_000)]
    assert singles([*small_trades(1_000), *late], Settings(whale_floor_usd=20_000.0)) == []


def test_a_trade_does_not_count_to_the_hour_it_is_judged_by() -> None:
    """Ten of 20,000 USD in one minute would raise the percentile if they counted; then they do, and of 1,010 trades the second largest is 20,000."""
    minute = [traded(number, 20_000.0, 55 * MINUTE + number * 3_000) for number in range(10)]
    found = singles([*small_trades(1_000), *minute, traded(60, 20_500.0, 56 * MINUTE), traded(61, 22_000.0, 56 * MINUTE + 3_000)])
    assert [row[0] for row in found] == [str(number) for number in range(10)] + ["61"]
    assert found[-1][2:] == (2.0 ** (115 / 8), 1_010)


def test_the_hour_ends_after_an_hour() -> None:
    trades = [*small_trades(1_000), traded(1, 20_000.0, HOUR), traded(2, 20_000.0, HOUR + MINUTE)]
    assert singles(trades) == [("1", "percentile", 10_000.0, 1_000)]


def test_each_price_has_a_percentile_of_its_own() -> None:
    others = [msgspec.structs.replace(trade, market="bybit", size=(trade.size or 0) * 50) for trade in small_trades(1_000)]
    last = [traded(1, 20_000.0, 59 * MINUTE), traded(1, 20_000.0, 59 * MINUTE, market="bybit")]
    found = whales([*small_trades(1_000), *others, *last])
    assert [(row["market"], row["percentile_usd"]) for row in found] == [("okx", 10_000.0)]


def test_large_trades_and_all_others_in_one_row() -> None:
    others, large = rows_of("large_trades", [traded(1, 9_000.0), traded(2, 10_000.0), traded(3, 11_000.0), traded(4, 1.0, side=None)])
    assert (others["large_trade_id"], others["large_trade_side"], others["trades"], others["price"], others["event_time"]) == ("", "", 2, None, None)
    assert (large["large_trade_id"], large["large_trade_side"], large["trades"], large["price"], large["size"]) == ("3", "buy", 1, 2_000.0, 5.5)
    assert (large["notional_usd"], large["event_time"]) == (11_000.0, START)


@given(st.lists(st.floats(1.0, 1e6), min_size=20, max_size=100), st.sampled_from([50.0, 75.0, 90.0]), st.sampled_from([0.5, 1_000.0]))
def test_what_is_above_the_true_percentile_by_a_tenth_is_found_and_nothing_below_it(notionals: list[float], percentile: float, floor: float) -> None:
    ranked = sorted(notionals)
    true = ranked[math.ceil(len(notionals) * percentile / 100) - 1]
    limits = TradeQueryOrganization(Settings(whale_percentile=percentile, whale_floor_usd=floor)).cal_whale_trades().series
    assert isinstance(limits, Whales)
    hour = [{"window_start": START, "window_end": START + MINUTE, "large_trade_id": "", "trades": sum(each <= floor for each in notionals)}]
    large = [
        {**hour[0], "large_trade_id": str(place), "large_trade_side": "buy", **_priced(each)} for place, each in enumerate(notionals) if each > floor
    ]
    state, _ = limits.step(None, {"large_trades": [*hour, *large], "taker_seconds": (), "taker_half_seconds": ()})
    minute = {"window_start": START + MINUTE, "window_end": START + 2 * MINUTE, "large_trade_side": "buy"}
    tried = [true * 0.999, true, true * 1.1, floor * 0.999, floor * 1.1]
    judged = [{**minute, "large_trade_id": str(place), **_priced(each)} for place, each in enumerate(tried)]
    _, rows = limits.step(state, {"large_trades": judged, "taker_seconds": (), "taker_half_seconds": ()})
    found = {row["notional_usd"] for row in rows if row["reason"] in {"percentile", "both"}}
    assert {each for each in tried if each >= true * 1.1 and each > floor} <= found
    assert all(each > true and each > floor for each in found)


def _priced(notional_usd: float) -> dict[str, Any]:
    return {"trades": 1, "price": 1.0, "size": notional_usd, "notional_usd": notional_usd, "event_time": START}
