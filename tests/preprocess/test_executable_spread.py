"""What remains of a premium when the books are walked, with the arithmetic; its fees and notionals."""

from __future__ import annotations

from typing import Any

import pytest

from src.config.fees import TAKER_FEES, taker_fee_percents
from src.config.settings import load_settings
from src.errors import ConfigurationError
from src.preprocess.oracle import batch_rows
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.schema.records import OrderBook
from tests.equality import plain_rows
from tests.generated_books import books
from tests.preprocess.books_by_hand import MINUTE, SETTINGS, book, metric_named, rows_of

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
