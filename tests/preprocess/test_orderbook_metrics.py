"""The order-book metrics on hand-made books, with the arithmetic; and what holds of any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.config.fees import TAKER_FEES, taker_fee_percents
from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError
from src.preprocess import Metric
from src.preprocess.oracle import batch_rows
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.schema.records import Instrument, OrderBook, Region, Source
from tests.equality import plain_rows
from tests.generated_books import book_kinds, books

MINUTE = 1_790_000_040_000
REGIONS = {"upbit": Region.KOREA, "okx": Region.ASIA, "binance": Region.NORTH_AMERICA_EUROPE, "kraken": Region.NORTH_AMERICA_EUROPE}
SETTINGS = Settings(
    markets=tuple(REGIONS), book_size_levels=1, executable_notionals_usd=(100, 210), taker_fee_percents={"upbit": 50.0, "okx": 25.0, "binance": 0.0}
)


def book(market: str, second: float, bids: Any, asks: Any, **changes: Any) -> OrderBook:
    """A book of BTC in the quote of the market; a won is a thousandth of a dollar. `after`: seconds until it is received."""
    time = MINUTE + round(second * 1000)
    quote = {"upbit": "KRW", "kraken": "USD"}.get(market, "USDT")
    given: dict[str, Any] = {
        "region": REGIONS[market],
        "market": market,
        "symbol": "BTC",
        "quote": quote,
        "source": Source.REPLAY,
        "event_time": time,
        "received_time": time + round(changes.pop("after", 0.05) * 1000),
        "usd_rate": 0.001 if quote == "KRW" else 1.0,
        "bids": tuple(bids),
        "asks": tuple(asks),
    }
    return OrderBook(**given | changes)


def metric_named(name: str, settings: Settings = SETTINGS) -> Metric:
    (found,) = (metric for metric in OrderbookQueryOrganization(settings).metrics() if metric.name == name)
    return found


def rows_of(name: str, records: Iterable[OrderBook], settings: Settings = SETTINGS) -> dict[tuple[Any, ...], dict[str, Any]]:
    organization = OrderbookQueryOrganization(settings)
    return batch_rows(metric_named(name, settings), plain_rows(records, organization))


def row_of(name: str, records: Iterable[OrderBook]) -> Mapping[str, Any]:
    (row,) = rows_of(name, records).values()
    return row


TWO = (book("okx", 1, [(99, 10)], [(101, 10)]), book("okx", 2, [(98, 5)], [(102, 15)]))
"""USD: mid 100 twice; spread 2 and 4, which are 200 and 400 bp; bids worth 990 and 490, asks 1010 and 1530."""
STATE = {
    "records": 2,
    "invalid_share": 0.0,
    "mean_best_bid_usd": 98.5,
    "last_best_bid_usd": 98.0,
    "mean_best_ask_usd": 101.5,
    "last_best_ask_usd": 102.0,
    "mean_mid_usd": 100.0,
    "last_mid_usd": 100.0,
    "mean_spread_usd": 3.0,
    "last_spread_usd": 4.0,
    "mean_spread_bp": 300.0,
    "last_spread_bp": 400.0,
    "mean_bid_size_usd": 740.0,
    "last_bid_size_usd": 490.0,
    "mean_ask_size_usd": 1270.0,
    "last_ask_size_usd": 1530.0,
    # 100 bp of 100 are 1: only the first book's levels are so near.
    "mean_bid_size_within_10bp_usd": 0.0,
    "last_bid_size_within_50bp_usd": 0.0,
    "mean_bid_size_within_100bp_usd": 495.0,
    "last_bid_size_within_100bp_usd": 0.0,
    "mean_ask_size_within_100bp_usd": 505.0,
    "last_ask_size_within_100bp_usd": 0.0,
    "mean_bid_reach_bp": 150.0,
    "mean_ask_reach_bp": 150.0,
    "imbalance": (740 - 1270) / 2010,
    "last_imbalance": (490 - 1530) / 2020,
}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("order_cal_region", ("replay", "BTC", "asia", MINUTE)),
        ("order_cal_all", ("replay", "BTC", MINUTE)),
        ("order_cal_market", ("replay", "BTC", "okx", "asia", MINUTE)),
    ],
)
def test_the_state_of_the_books_by_hand(name: str, key: tuple[Any, ...]) -> None:
    rows = rows_of(name, reversed(TWO))
    assert set(rows) == {key}
    assert {column: rows[key][column] for column in STATE} == STATE


@pytest.mark.parametrize(
    "broken", [{"valid": False}, {"valid": False, "bids": (), "asks": ()}, {"bids": ((101.0, 1.0),), "asks": ((101.0, 1.0),)}], ids=str
)
def test_an_invalid_book_counts_and_ends_what_was_last_but_moves_no_mean(broken: dict[str, Any]) -> None:
    row = row_of("order_cal_region", [*TWO, book("okx", 3, **{"bids": [(99, 1)], "asks": [(101, 1)]} | broken)])
    changed = {"records": 3, "invalid_share": 1 / 3}
    expected = STATE | dict.fromkeys((name for name in STATE if name.startswith("last_")), None) | changed
    assert {column: row[column] for column in STATE} == expected


def test_a_side_that_is_empty_now_has_no_last_value() -> None:
    row = row_of("order_cal_region", [*TWO, book("okx", 3, [(97, 1)], [])])
    assert (row["last_best_bid_usd"], row["last_bid_size_usd"], row["invalid_share"]) == (97.0, 97.0, 0.0)
    assert {row[name] for name in ("last_best_ask_usd", "last_ask_size_usd", "last_mid_usd", "last_spread_bp", "last_imbalance")} == {None}


def test_a_window_of_invalid_books_says_so_and_nothing_else() -> None:
    row = row_of("order_cal_region", [book("okx", 1, [], [], valid=False)])
    assert (row["records"], row["invalid_share"]) == (1, 1.0)
    assert {row[name] for name in STATE if name not in {"records", "invalid_share"}} == {None}


@pytest.mark.parametrize(
    "changes",
    [{"after": 60.001}, {"quote": "USDC"}, {"instrument": Instrument.PERPETUAL}, {"usd_rate": None}],
    ids=["late", "another quote", "perpetual", "no rate"],
)
def test_what_does_not_count_changes_nothing(changes: dict[str, Any]) -> None:
    other = book("okx", 3, [(1, 1)], [(2, 1)], **changes)
    for name in ("order_cal_region", "order_cal_all", "order_cal_market", "executable_spread"):
        assert rows_of(name, [*TWO, other]) == rows_of(name, TWO)
        assert rows_of(name, [other]) == {}


def test_a_backfilled_book_counts_however_late() -> None:
    assert row_of("order_cal_region", [*TWO, book("okx", 1.5, [(1, 1)], [(2, 1)], after=900, backfilled=True)])["records"] == 3


def test_the_best_prices_across_markets_and_where_they_are() -> None:
    """In USD: upbit 101 to 106, okx 101 to 103, binance 99 to 103, kraken (10.001 s old) 200 to 201."""
    records = [
        book("kraken", 9.999, [(200, 1)], [(201, 1)]),
        book("upbit", 10, [(101_000, 1)], [(106_000, 1)]),
        book("okx", 12, [(90, 1)], [(91, 1)]),
        book("okx", 15, [(101, 1)], [(103, 1)]),
        book("binance", 20, [(99, 1)], [(103, 1)]),
    ]
    best = ("best_bid_usd", "best_bid_region", "best_bid_market", "best_ask_usd", "best_ask_region", "best_ask_market")
    row = row_of("order_cal_all", records)
    assert tuple(row[name] for name in best) == (101.0, "korea", "upbit", 103.0, "asia", "okx")
    row = row_of("order_cal_all", [*records, book("upbit", 21, [], [], valid=False), book("kraken", 21, [(100, 1)], [(102, 1)])])
    assert tuple(row[name] for name in best) == (101.0, "asia", "okx", 102.0, "ne", "kraken")
    row = row_of("order_cal_all", [book("okx", 1, [], [])])
    assert tuple(row[name] for name in best) == (None,) * 6


OKX = book("okx", 1, [(90, 1)], [(100, 1), (110, 5)])
"""Buying for 100 USD: 1 coin at 100. For 210: 1 coin for 100 and 1 for 110, 105 each. Its bids are worth 90."""
UPBIT = book("upbit", 11, [(120_000, 1), (90_000, 1)], [(130_000, 1), (140_000, 5)])
"""Selling for 100 USD: at 120 each. For 210: 1 coin for 120 and 1 for 90, 105 each."""
PAIR = ("replay", "BTC", "okx", "upbit", MINUTE)


def test_the_executable_spread_by_hand() -> None:
    """120 over 100 is 20 percent, 105 over 105 is none. Fees are 25 percent of the buying, 50 of the selling: 60 against 125, 52.5 against 131.25.

    The way back has no row, as the bids of okx are worth less than 100 USD.
    """
    rows = rows_of("executable_spread", [UPBIT, OKX])
    assert set(rows) == {PAIR}
    assert rows[PAIR] == {
        "source": "replay",
        "symbol": "BTC",
        "buy_market": "okx",
        "sell_market": "upbit",
        "window_start": MINUTE,
        "window_end": MINUTE + 60_000,
        "buy_price_usd_100": 100.0,
        "sell_price_usd_100": pytest.approx(120.0),
        "premium_percent_100": pytest.approx(20.0),
        "net_premium_percent_100": pytest.approx(-52.0),
        "buy_price_usd_210": 105.0,
        "sell_price_usd_210": pytest.approx(105.0),
        "premium_percent_210": pytest.approx(0.0, abs=1e-9),
        "net_premium_percent_210": pytest.approx(-60.0),
    }


def test_every_pair_of_markets_has_both_directions() -> None:
    records = [book(market, 1, [(99, 9)], [(101, 9)]) for market in ("okx", "binance", "kraken")]
    pairs = {(row["buy_market"], row["sell_market"]) for row in rows_of("executable_spread", records).values()}
    assert pairs == {(one, other) for one in ("okx", "binance", "kraken") for other in ("okx", "binance", "kraken") if one != other}


@pytest.mark.parametrize(
    ("then", "known"),
    [
        (book("binance", 11.0, [], []), {100: True, 210: True}),
        (book("binance", 11.001, [], []), {100: False, 210: False}),
        (book("okx", 2, [], [], valid=False), {100: False, 210: False}),
        (book("okx", 2, [(90, 1)], []), {100: False, 210: False}),
        (book("okx", 2, [(90, 1)], [(100, 2)]), {100: True, 210: False}),
        (book("okx", 2, [(102, 1)], [(101, 9)]), {100: False, 210: False}),
    ],
    ids=["10 s old", "older", "invalid now", "no asks now", "thin now", "crossed now"],
)
def test_only_what_can_be_executed_at_the_end_is_compared(then: OrderBook, known: dict[int, bool]) -> None:
    """The row stays, as one that was written stays in its table too; it says that nothing is known."""
    row = rows_of("executable_spread", [OKX, UPBIT, then])[PAIR]
    for notional, compared in known.items():
        columns = [f"buy_price_usd_{notional}", f"premium_percent_{notional}", f"net_premium_percent_{notional}"]
        assert [row[column] is not None for column in columns] == [compared] * 3


def test_a_row_never_goes_again_as_records_come() -> None:
    organization = OrderbookQueryOrganization(SETTINGS)
    metric, rows = metric_named("executable_spread"), plain_rows(books(3, 120, span_ms=50_000), organization)
    seen: set[tuple[Any, ...]] = set()
    for count in range(0, len(rows) + 1, 10):
        found = set(batch_rows(metric, rows[:count]))
        assert seen <= found
        seen = found
    assert seen


@given(seed=st.integers(0, 10_000))
def test_what_holds_of_any_books(seed: int) -> None:
    organization = OrderbookQueryOrganization(Settings(executable_notionals_usd=(1_000, 10_000, 100_000)))
    # Of books of one market with equal times, each column takes its largest value: they would not be those of one book.
    moments = {(book.source, book.market, book.symbol, book.event_time, book.received_time): book for book in books(seed, 60)}
    rows = plain_rows(moments.values(), organization)
    found = {metric.name: batch_rows(metric, rows) for metric in organization.metrics()}
    assert all(found[name] for name in ("order_cal_region", "order_cal_all", "order_cal_market"))
    for name in ("order_cal_region", "order_cal_all", "order_cal_market"):
        for row in found[name].values():
            assert 0 <= row["invalid_share"] <= 1
            assert row["last_spread_usd"] is None or row["last_spread_usd"] > 0
            assert all(row[column] is None or -1 <= row[column] <= 1 for column in ("imbalance", "last_imbalance"))
            assert row["invalid_share"] < 1 or row["mean_best_bid_usd"] is None
    counted = [row for row in rows if row["convertible"]]
    for name in ("order_cal_region", "order_cal_all", "order_cal_market"):
        assert sum(row["records"] for row in found[name].values()) == len(counted)
    for row in found["executable_spread"].values():
        for notional, more in ((1_000, 10_000), (10_000, 100_000)):
            premium, net = row[f"premium_percent_{notional}"], row[f"net_premium_percent_{notional}"]
            assert (premium is None) == (net is None)
            if premium is not None:
                assert net < premium
                assert row[f"premium_percent_{more}"] is None or row[f"premium_percent_{more}"] <= premium + 1e-9
            else:
                assert row[f"premium_percent_{more}"] is None


def test_the_result_does_not_depend_on_the_order_of_arrival() -> None:
    organization = OrderbookQueryOrganization(Settings())
    rows = plain_rows(books(5, 200), organization)
    for metric in organization.metrics():
        assert batch_rows(metric, rows) == batch_rows(metric, rows[::-1])


def test_every_metric_has_a_table_with_the_names_of_the_issue() -> None:
    organization = OrderbookQueryOrganization(Settings(markets=tuple(TAKER_FEES)))
    tables = [metric.table(book_kinds(organization)) for metric in organization.metrics()]
    assert [table.name for table in tables] == [
        "input_quality",
        "order_cal_region",
        "order_cal_all",
        "order_cal_market",
        "executable_spread",
        "depth_intensity",
    ]
    assert tables[4].key == ("source", "symbol", "buy_market", "sell_market", "window_start")
    assert not [column.name for table in tables for column in table.columns if column.name.startswith("_")]


def test_the_fees_are_those_of_the_table_unless_the_settings_say_other() -> None:
    assert taker_fee_percents({})["kraken"] == 0.4
    assert taker_fee_percents({"kraken": 0.26, "mine": 1.0}) | {} == {name: fee.percent for name, fee in TAKER_FEES.items()} | {
        "kraken": 0.26,
        "mine": 1.0,
    }


@pytest.mark.parametrize(("text", "value"), [("5000", (5_000,)), ("10000, 1000,10000", (1_000, 10_000))])
def test_notionals_are_read_in_order_and_once(monkeypatch: pytest.MonkeyPatch, text: str, value: tuple[int, ...]) -> None:
    monkeypatch.setenv("COINSPARK_EXECUTABLE_NOTIONALS_USD", text)
    assert load_settings().executable_notionals_usd == value


@pytest.mark.parametrize("text", ["", "0", "-5", "1000.5", "many"])
def test_what_is_no_notional_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COINSPARK_EXECUTABLE_NOTIONALS_USD", text)
    with pytest.raises(ConfigurationError, match="COINSPARK_EXECUTABLE_NOTIONALS_USD"):
        load_settings()
