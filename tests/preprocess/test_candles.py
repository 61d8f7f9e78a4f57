"""Candles out of trades: the worked example, the windows, the order of equal times, and what is known to be missing."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.collect.aggregate_trade import aggregate_trade
from src.config.settings import Settings
from src.preprocess.oracle import batch_rows
from src.preprocess.trade import TradeQueryOrganization
from src.schema.records import Instrument, RawMessage, Region, Side, Source, Trade
from tests.generated_trades import gap_mark, trade_rows, trades

ORGANIZATION = TradeQueryOrganization(Settings())
METRICS = {metric.name: metric for metric in ORGANIZATION.metrics()}
MINUTE = 60_000


def utc(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc]  # year to second


START = utc(2026, 2, 15, 10, 15)


def candles(records: list[Trade], interval: str = "1m") -> list[dict[str, Any]]:
    """The candles of one length, oldest first."""
    rows = batch_rows(METRICS["candles"], trade_rows(records, ORGANIZATION)).values()
    return sorted((row for row in rows if row["interval"] == interval), key=lambda row: row["window_start"])


def traded(number: int, second: float, price: float | None = 100.0, size: float | None = 1.0, market: str = "binance", **fields: Any) -> Trade:
    """Trade of that number so many seconds after START, received 50 ms later."""
    time = START + round(second * 1000)
    given = {"trade_id": str(number), "side": Side.BUY, "received_time": time + 50, "source": Source.LIVE, "symbol": "BTC"} | fields
    return Trade(
        region=Region.NORTH_AMERICA_EUROPE, market=market, quote="USDT", event_time=time, price=price, size=size, usd_rate=1.0, **given
    )  # fmt: skip


def parts_of(thousandths: int, count: int, rng: random.Random) -> list[int]:
    """`count` whole numbers above zero that add up to `thousandths`."""
    cuts = sorted(rng.sample(range(1, thousandths), count - 1))
    return [high - low for low, high in zip([0, *cuts], [*cuts, thousandths], strict=True)]


def worked_example(times: list[int]) -> list[Trade]:
    """154 payloads of BTCUSDT of one minute, in the order of their ids, and one of each minute beside it."""
    rng = random.Random(154)
    prices = [70296.6, 70304.3, 70293.7, *(round(rng.uniform(70293.8, 70304.2), 1) for _ in range(150)), 70299.4]
    sides = [True] * 100 + [False] * 54
    rng.shuffle(sides)
    bought, sold = iter(parts_of(19_534, 100, rng)), iter(parts_of(4_829, 54, rng))
    sizes = [next(bought if is_buy else sold) / 1000 for is_buy in sides]
    said = [(START - 1, 71_000.0, 5.0, True), *zip(times, prices, sizes, sides, strict=True), (START + MINUTE, 69_000.0, 5.0, True)]
    found = []
    for number, (time, price, size, is_buy) in enumerate(said):
        payload = {"e": "aggTrade", "E": time + 5, "s": "BTCUSDT", "a": 3_000_000_000 + number, "p": f"{price}", "q": f"{size:.3f}", "T": time}
        raw = RawMessage(
            symbol="BTCUSDT",
            stream="btcusdt@aggTrade",
            data=msgspec.Raw(msgspec.json.encode(payload | {"m": not is_buy})),
            ts=time + 40,
            market="binance_futures",
            source=Source.REPLAY,
        )
        trade = aggregate_trade(raw)
        assert trade is not None
        found.append(trade)
    return found


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(sorted(START + random.Random(1).randrange(MINUTE) for _ in range(154)), id="any times"),
        pytest.param([START + number // 40 * 19_999 for number in range(154)], id="forty at once"),
        pytest.param([START] * 154, id="all at once"),
    ],
)
@pytest.mark.parametrize("shuffle", [None, 1, 2])
def test_the_worked_example(times: list[int], shuffle: int | None) -> None:
    records = worked_example(times)
    if shuffle is not None:
        random.Random(shuffle).shuffle(records)
    _, candle, _ = candles(records)
    assert (candle["window_start"], candle["window_end"]) == (START, START + MINUTE)
    assert (candle["market"], candle["symbol"], candle["quote"], candle["instrument"]) == ("binance_futures", "BTC", "USDT", "perpetual")
    assert [candle[name] for name in ("open", "high", "low", "close", "trades")] == [70296.6, 70304.3, 70293.7, 70299.4, 154]
    assert (candle["first_trade_id"], candle["last_trade_id"], candle["complete"]) == ("3000000001", "3000000154", "no_known_gap")
    for name, value in {"volume": 24.363, "buy_volume": 19.534, "sell_volume": 4.829}.items():
        assert candle[name] == pytest.approx(value, rel=1e-12)
    inside = [trade for trade in records if START <= trade.event_time < START + MINUTE]
    quote_volume = sum((trade.price or 0) * (trade.size or 0) for trade in inside)
    assert candle["quote_volume"] == pytest.approx(quote_volume, rel=1e-12)
    assert candle["vwap"] == pytest.approx(quote_volume / 24.363, rel=1e-12)


@pytest.mark.parametrize(
    ("interval", "begin", "end"),
    [
        ("1m", utc(2026, 2, 15, 23, 59), utc(2026, 2, 16)),
        ("5m", utc(2026, 2, 15, 23, 55), utc(2026, 2, 16)),
        ("15m", utc(2026, 2, 15, 23, 45), utc(2026, 2, 16)),
        ("1h", utc(2026, 2, 15, 23), utc(2026, 2, 16)),
        ("1d", utc(2026, 2, 15), utc(2026, 2, 16)),
        # In Korea it is Monday, 8:59.
        ("1d_kst", utc(2026, 2, 15, 15), utc(2026, 2, 16, 15)),
        # 15 February 2026 is a Sunday.
        ("1w", utc(2026, 2, 9), utc(2026, 2, 16)),
        ("1w_kst", utc(2026, 2, 15, 15), utc(2026, 2, 22, 15)),
    ],
)
def test_where_windows_begin(interval: str, begin: int, end: int) -> None:
    late_sunday = utc(2026, 2, 15, 23, 59, 59)
    record = msgspec.structs.replace(traded(1, 0), event_time=late_sunday, received_time=late_sunday)
    (candle,) = candles([record], interval)
    assert (candle["window_start"], candle["window_end"]) == (begin, end)


def test_ids_order_equal_times_whatever_their_length_and_only_where_they_rise() -> None:
    """At Upbit ids only tell trades apart: of equal times there the price decides."""
    ids = [99_999_999_999_999_999, 100_000_000_000_000_001, 100_000_000_000_000_002]
    for market, expected in {"okx": (7.0, 6.0), "upbit": (5.0, 7.0)}.items():
        records = [traded(number, 1, price, market=market) for number, price in zip(ids[1:], [7.0, 5.0], strict=True)]
        records.append(traded(ids[2] + 1, 1, 6.0, market=market))
        for arrival in (records, records[::-1]):
            (candle,) = candles(arrival)
            assert (candle["open"], candle["close"]) == expected


def test_reception_orders_equal_times_before_ids_do() -> None:
    records = [traded(2, 1, 5.0), traded(1, 1, 7.0, received_time=START + 2_000)]
    (candle,) = candles(records)
    assert (candle["open"], candle["close"], candle["first_trade_id"]) == (5.0, 7.0, "2")


@pytest.mark.parametrize(
    ("market", "numbers", "complete"),
    [
        ("binance", (5, 6, 7), "proven"),
        ("binance", (5,), "proven"),
        ("binance", (5, 7, 8), "gap"),
        ("okx", (5, 7, 8), "no_known_gap"),
        ("okx", (5, 6, 7), "no_known_gap"),
        ("upbit", (5, 6, 7), "no_known_gap"),
        ("some_exchange", (5, 6, 7), "no_known_gap"),
    ],
)
def test_consecutive_ids_prove_a_candle_or_its_gap(market: str, numbers: tuple[int, ...], complete: str) -> None:
    (candle,) = candles([traded(number, number, market=market) for number in numbers])
    assert candle["complete"] == complete


def test_a_mark_touches_every_window_that_it_overlaps_and_makes_none() -> None:
    """Trades in minutes 0, 1, 3 and 5; what was traded from 59.5 s of minute 0 to the first moment of minute 3 may be missing."""
    records = [traded(number, 60 * minute) for number, minute in enumerate([0, 1, 3, 5], start=1)]
    records.append(gap_mark(traded(9, 180), START + 59_500))
    assert [(candle["window_start"] - START) // MINUTE for candle in candles(records)] == [0, 1, 3, 5]
    assert [candle["complete"] for candle in candles(records)] == ["gap", "gap", "gap", "proven"]
    assert [candle["trades"] for candle in candles(records)] == [1] * 4
    assert [candle["complete"] for candle in candles(records, "5m")] == ["gap", "proven"]


@pytest.mark.parametrize("fields", [{"market": "okx"}, {"symbol": "ETH"}, {"source": Source.REPLAY}, {"instrument": Instrument.PERPETUAL}])
def test_a_mark_is_about_its_own_price(fields: dict[str, Any]) -> None:
    (candle,) = candles([traded(1, 0), gap_mark(traded(9, 1, **fields), START)])
    assert candle["complete"] == "proven"


def test_a_late_trade_is_left_out_and_leaves_a_gap() -> None:
    late = traded(2, 1, 500.0, received_time=START + 61_001)
    (candle,) = candles([traded(1, 0), late])
    assert (candle["high"], candle["trades"], candle["complete"]) == (100.0, 1, "gap")
    (corrected,) = candles([traded(1, 0), msgspec.structs.replace(late, backfilled=True)])
    assert (corrected["high"], corrected["trades"], corrected["complete"]) == (500.0, 2, "proven")


def test_trades_that_say_less_count_as_far_as_they_say_it() -> None:
    sideless = traded(2, 1, 110.0, 2.0, market="okx", side=None)
    priceless = [traded(3, 2, None, market="okx"), traded(4, 2, 900.0, None, market="okx")]
    (candle,) = candles([traded(1, 0, market="okx"), sideless, *priceless])
    assert (candle["high"], candle["volume"], candle["trades"]) == (110.0, 3.0, 2)
    assert (candle["buy_volume"], candle["sell_volume"]) == (1.0, 0.0)
    (unknown,) = candles([sideless])
    assert (unknown["buy_volume"], unknown["sell_volume"], unknown["volume"]) == (None, None, 2.0)
    (nameless,) = candles([traded(1, 0, market="okx", trade_id=None)])
    assert (nameless["first_trade_id"], nameless["trades"], nameless["complete"]) == (None, 1, "no_known_gap")
    (unproven,) = candles([traded(5, 0), traded(0, 1, trade_id=None), traded(7, 2)])
    assert (unproven["trades"], unproven["complete"]) == (3, "no_known_gap")
    (empty,) = candles([traded(1, 0, size=0.0)])
    assert (empty["volume"], empty["vwap"]) == (0.0, None)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_candles_hold_together(seed: int) -> None:
    records = trades(seed, 120)
    plain = trade_rows(records, ORGANIZATION)
    rows = batch_rows(METRICS["candles"], plain)
    by_interval: dict[str, float] = {}
    for row in rows.values():
        by_interval[row["interval"]] = by_interval.get(row["interval"], 0.0) + row["trades"]
        assert row["trades"] > 0
        assert row["low"] <= min(row["open"], row["close"]) <= max(row["open"], row["close"]) <= row["high"]
        assert row["low"] * (1 - 1e-12) <= row["vwap"] <= row["high"] * (1 + 1e-12)
        assert (row["buy_volume"] or 0) + (row["sell_volume"] or 0) <= row["volume"] * (1 + 1e-12)
        if row["complete"] == "proven":
            same = [each for each in plain if all(each[name] == row[name] for name in ("source", "market", "symbol", "quote", "instrument"))]
            inside = [each for each in same if row["window_start"] <= each["event_time"] < row["window_end"]]
            ids = sorted(int(each["trade_id"]) for each in inside if each["counted"])
            assert ids == list(range(ids[0], ids[0] + row["trades"]))
    # Each trade is in one window of each length.
    assert len(set(by_interval.values())) == 1
    assert set(by_interval) == {"1m", "5m", "15m", "1h", "1d", "1d_kst", "1w", "1w_kst"}
