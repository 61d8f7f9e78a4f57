"""The order-book metrics on hand-made books, with the arithmetic; and what holds of any."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.config.fees import TAKER_FEES
from src.config.settings import Settings
from src.preprocess.oracle import batch_rows
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.schema.records import Instrument
from tests.equality import plain_rows
from tests.generated_books import book_kinds, books
from tests.preprocess.books_by_hand import MINUTE, book, row_of, rows_of

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


@settings(max_examples=40)
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
