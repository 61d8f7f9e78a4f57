"""Large trades: single ones, runs of one taker side, and outliers of their own symbol's hour."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.config.settings import Settings
from src.preprocess.oracle import batch_rows
from src.preprocess.series import series_rows
from src.preprocess.trade import TradeQueryOrganization
from src.preprocess.trade_columns import size_bin
from src.preprocess.whales import Outliers, percentile_bin
from src.schema.records import Region, Side, Source, Trade
from tests.generated_trades import trade_rows

MINUTE = 60_000
START = 1_790_000_040_000


def traded(number: int, notional_usd: float, milliseconds: int = 0, side: Side | None = Side.BUY, **fields: Any) -> Trade:
    """A trade of so many USD at a price of 2,000, so long after START."""
    given = {"usd_rate": 1.0, "trade_id": str(number), "price": 2_000.0, "market": "okx", "quote": "USDT"} | fields
    price, rate = given.pop("price"), given["usd_rate"] or 1.0
    time = START + milliseconds
    return Trade(
        region=Region.ASIA,
        symbol="ETH",
        source=Source.LIVE,
        event_time=time,
        received_time=time + 20,
        side=side,
        price=price,
        size=notional_usd / rate / price,
        **given,
    )


def rows_of(name: str, records: list[Trade], settings: Settings | None = None) -> list[dict[str, Any]]:
    """The rows of a metric by window and first key."""
    organization = TradeQueryOrganization(settings or Settings())
    metrics = {metric.name: metric for metric in organization.metrics()}
    plain = trade_rows(records, organization)
    series = {each.name: each for each in organization.series()}
    if name in series:
        found = series_rows(series[name], {each: batch_rows(metrics[each], plain).values() for each in series[name].of})
    else:
        found = batch_rows(metrics[name], plain)
    return [found[key] for key in sorted(found, key=str)]


def test_single_trades_above_the_notional() -> None:
    records = [traded(1, 100_000.0), traded(2, 100_002.0, 59_999, Side.SELL), traded(3, 500_000.0, usd_rate=None), traded(4, 99_000.0)]
    records += [traded(5, 200_000.0, trade_id=None), traded(6, 200_000.0, 0, None), traded(7, 200_000.0, usd_rate=1 / 1_024, quote="KRW")]
    big, krw = sorted(rows_of("whale_trades", records), key=lambda row: row["trade_id"])
    assert (big["trade_id"], big["side"], big["price"], big["size"], big["notional_usd"]) == ("2", "sell", 2_000.0, 50.001, 100_002.0)
    assert (big["event_time"], big["window_start"], big["window_end"]) == (START + 59_999, START, START + MINUTE)
    assert (krw["trade_id"], krw["quote"], krw["notional_usd"]) == ("7", "KRW", 200_000.0)


def test_the_notional_is_in_the_settings() -> None:
    settings = Settings(whale_notional_usd=500.0)
    assert [row["trade_id"] for row in rows_of("whale_trades", [traded(1, 600.0), traded(2, 400.0)], settings)] == ["1"]


def test_a_trade_that_comes_twice_is_one_row() -> None:
    assert len(rows_of("whale_trades", [traded(1, 200_000.0)] * 2)) == 1


def test_a_run_of_one_side_within_a_second() -> None:
    records = [
        traded(1, 60_000.0, 10, price=2_000.0),
        traded(2, 30_000.0, 500, price=2_001.0),
        traded(3, 20_000.0, 999, price=2_002.0),
        traded(4, 999.0, 999, price=9_000.0),
        traded(5, 90_000.0, 500, Side.SELL),
        traded(6, 90_000.0, 500, market="bybit"),
        traded(7, 90_000.0, 1_000),
    ]
    (run,) = rows_of("whale_runs", records)
    assert (run["market"], run["side"], run["trades"], run["first_price"], run["last_price"]) == ("okx", "buy", 3, 2_000.0, 2_002.0)
    assert (run["window_start"], run["window_end"]) == (START, START + 1_000)
    assert run["notional_usd"] == pytest.approx(110_000.0, rel=1e-12)
    assert run["vwap"] == pytest.approx(110_000.0 / run["size"], rel=1e-12)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([traded(1, 300_000.0)], id="one trade"),
        pytest.param([traded(1, 300_000.0), traded(2, 999.0, 1)], id="one that counts"),
        pytest.param([traded(1, 50_000.0), traded(2, 50_000.0, 1)], id="not above"),
        pytest.param([traded(1, 60_000.0, 0, None), traded(2, 60_000.0, 1, None)], id="no side"),
    ],
)
def test_no_run(records: list[Trade]) -> None:
    assert rows_of("whale_runs", records) == []


def test_outliers_are_above_the_percentile_of_the_hour_before() -> None:
    """999 trades of 1,000 USD and one of 40,000 in the hour: the 99.9th percentile is 1,000, whose bin ends at 2**10 = 1,024."""
    hour = [traded(number, 1_000.0, number * 3_000) for number in range(999)] + [traded(999, 40_000.0, 5_000)]
    minute = [traded(2_001, 10_001.0, 60 * MINUTE), traded(2_002, 10_000.0, 60 * MINUTE), traded(2_003, 12_000.0, 61 * MINUTE)]
    (outlier,) = rows_of("whale_outliers", [*hour, *minute])
    assert (outlier["trade_id"], outlier["side"], outlier["price"], outlier["notional_usd"]) == ("2001", "buy", 2_000.0, 10_001.0)
    assert (outlier["percentile_usd"], outlier["hour_trades"]) == (1_024.0, 1_000)
    assert (outlier["window_start"], outlier["event_time"]) == (START + 60 * MINUTE, START + 60 * MINUTE)


def test_a_trade_does_not_count_to_the_hour_it_is_judged_by() -> None:
    """2,000 trades of 1,000 USD before; in one minute 10 of 20,000, which would raise the percentile if they counted."""
    hour = [traded(number, 1_000.0, number * 1_500) for number in range(2_000)]
    minute = [traded(5_000 + number, 20_000.0, 55 * MINUTE + number) for number in range(10)]
    assert len(rows_of("whale_outliers", [*hour, *minute])) == 10
    after = [traded(6_000, 20_500.0, 56 * MINUTE)]
    assert len(rows_of("whale_outliers", [*hour, *minute, *after])) == 10


def test_each_price_has_a_percentile_of_its_own() -> None:
    hour = [traded(number, 1_000.0, number * 3_000) for number in range(1_000)]
    others = [msgspec.structs.replace(trade, market="bybit", size=(trade.size or 0) * 50) for trade in hour]
    last = [traded(2_000, 20_000.0, 59 * MINUTE), traded(2_000, 20_000.0, 59 * MINUTE, market="bybit")]
    assert [row["market"] for row in rows_of("whale_outliers", [*hour, *others, *last])] == ["okx"]


@pytest.mark.parametrize(
    ("bins", "found"),
    [
        ({}, None),
        ({5.0: 999}, None),
        ({5.0: 1_000}, 5.0),
        ({5.0: 998, 6.0: 1, 7.0: 1}, 6.0),
        ({7.0: 1, 5.0: 999}, 5.0),
        ({-3.0: 1_998, 9.0: 2}, -3.0),
    ],
)
def test_the_bin_of_the_percentile(bins: dict[float, int], found: float | None) -> None:
    assert percentile_bin(bins, 99.9) == found


@given(st.lists(st.floats(1.0, 1e6), min_size=20, max_size=200), st.sampled_from([50.0, 75.0, 90.0]))
def test_it_is_the_bin_of_the_nearest_rank(notionals: list[float], percentile: float) -> None:
    bins: dict[float, int] = {}
    for notional in notionals:
        number = size_bin(notional)
        assert number is not None
        bins[number] = bins.get(number, 0) + 1
    rank = math.ceil(len(notionals) * percentile / 100)
    assert percentile_bin(bins, percentile) == size_bin(sorted(notionals)[rank - 1])


@pytest.mark.parametrize("odd", [{"trades": None}, {"size_bin": None}])
def test_sizes_without_numbers_get_not_into_the_hour(odd: dict[str, Any]) -> None:
    row = {"window_start": 0, "size_bin": 80.0, "trades": 5, **odd}
    with pytest.raises(TypeError):
        Outliers(99.9).step(None, {"trade_sizes": [row], "large_trades": []})


def test_the_state_holds_an_hour_and_is_not_changed() -> None:
    series = Outliers(99.9)
    state: Any = None
    for minute in range(200):
        written = msgspec.msgpack.encode(state)
        row = {"window_start": START + minute * MINUTE, "size_bin": 80.0, "trades": 10}
        following, _ = series.step(state, {"trade_sizes": [row], "large_trades": []})
        assert msgspec.msgpack.encode(state) == written
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(following))
    assert len(state) == 61
    assert state[-1] == [START + 199 * MINUTE, [[80.0, 10]]]
