"""The last step of a record: its times, its rates, its traded volume, and whether it was asked for."""

from __future__ import annotations

from collections import defaultdict

import pytest

from src.collect.bank_rate import BankRate
from src.collect.completion import Completion
from src.collect.exchanges import EXCHANGES
from src.collect.rates import UsdRates
from src.collect.status import MarketStatus
from src.schema.records import OrderBook, Region, Source, Ticker, Trade
from tests.collect.books_made import ASKS, BIDS, trade
from tests.collect.tickers import START, ticker

HOUR = 3_600_000


class Made:
    """A completion, and what it counts."""

    def __init__(self, *symbols: str) -> None:
        self.markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
        self.rates = UsdRates(60)
        self.completion = Completion(EXCHANGES, set(symbols) or None, self.rates, self.markets)

    def complete(self, record: Ticker | Trade | OrderBook, shift: int = 0, received_time: int | None = None) -> Ticker | Trade | OrderBook | None:
        return self.completion.complete(record, shift, record.received_time if received_time is None else received_time)


def book(*, valid: bool = True) -> OrderBook:
    return OrderBook(
        region=Region.KOREA,
        market="upbit",
        symbol="BTC",
        quote="KRW",
        source=Source.LIVE,
        event_time=START,
        received_time=START + 50_000,
        bids=BIDS,
        asks=ASKS,
        valid=valid,
        gap_since=None if valid else START,
    )


def test_every_record_gets_the_markets_rate_and_the_banks() -> None:
    made = Made()
    made.rates.observe_bank(BankRate(1250.0, "open.er-api.com", START))
    made.complete(ticker("upbit", "USDT", price=1450.0))
    for record in (ticker("upbit", price=1.0), trade(1, market="upbit", region=Region.KOREA, quote="KRW"), book()):
        done = made.complete(record, received_time=START + 50)
        assert done is not None
        assert (done.usd_rate, done.rate_source, done.bank_usd_rate, done.bank_rate_source) == (
            1 / 1450,
            "krw_usdt_median",
            0.0008,
            "open.er-api.com",
        )
    foreign = made.complete(trade(1))
    assert foreign is not None
    assert (foreign.usd_rate, foreign.rate_source, foreign.bank_usd_rate, foreign.bank_rate_source) == (1.0, "usdt_par", None, None)


def test_a_shift_moves_every_time_of_a_ticker_and_of_a_trade() -> None:
    made = Made()
    counted = made.complete(ticker(price=1.0, acc_volume=5.0, acc_since=START - HOUR), 1_000, START + 9_000)
    assert isinstance(counted, Ticker)
    assert (counted.event_time, counted.received_time, counted.acc_since) == (START + 1_000, START + 9_000, START - HOUR + 1_000)
    mark = made.complete(trade(None, price=None, gap_since=START - 5_000), 1_000, START + 9_000)
    assert isinstance(mark, Trade)
    assert (mark.event_time, mark.received_time, mark.gap_since) == (START + 1_000, START + 9_000, START - 4_000)


def test_what_is_not_known_stays_null() -> None:
    done = Made().complete(ticker(), 1_000, START)
    assert isinstance(done, Ticker)
    assert (done.acc_since, done.traded_volume, done.usd_rate, done.rate_source) == (None, None, None, None)
    plain = Made().complete(trade(1), 1_000, START)
    assert isinstance(plain, Trade)
    assert plain.gap_since is None


def test_a_book_has_been_moved_already() -> None:
    assert Made().complete(book(valid=False), 1_000_000, START + 5) == book(valid=False)


def test_a_symbol_that_was_not_asked_for_is_counted_and_left_out() -> None:
    made = Made("BTC")
    assert made.complete(trade(1, symbol="DOGE")) is None
    assert made.complete(trade(1)) is not None
    assert (made.markets["okx"].unknown_symbols, made.markets["okx"].note) == (1, "DOGE was not asked for")


@pytest.mark.parametrize(("symbol", "quote", "unknown"), [("USDT", "KRW", 0), ("USDT", "BTC", 1), ("ETH", "KRW", 1)])
def test_the_pair_of_the_rate_is_used_and_not_sent_and_not_counted(symbol: str, quote: str, unknown: int) -> None:
    made = Made("BTC")
    assert made.complete(ticker("upbit", symbol, quote, price=1450.0)) is None
    assert made.markets["upbit"].unknown_symbols == unknown
    assert (made.rates.rate("KRW").value == 1 / 1450) is (unknown == 0)


def test_a_new_pass_counts_the_volume_anew() -> None:
    made = Made()
    counted = [ticker(acc_volume=volume, acc_since=START) for volume in (1.0, 4.0)]
    volumes = []
    for _ in range(2):
        made.completion.start_pass()
        volumes += [done.traded_volume for one in counted if isinstance(done := made.complete(one), Ticker)]
    assert volumes == [None, 3.0, None, 3.0]


def test_the_delay_is_that_of_what_came_by_itself() -> None:
    made = Made()
    made.complete(trade(1), received_time=START + 80)
    late = [trade(2, backfilled=True), trade(None, price=None, gap_since=START)]
    for record in late:
        made.complete(record, received_time=START + 900_000)
    assert (made.markets["okx"].delay_ms, made.markets["okx"].records_seen, made.markets["okx"].newest_event_time) == (80, 1, START)
    made.complete(book(valid=False))
    assert made.markets["upbit"].records_seen == 0
    made.complete(book())
    assert (made.markets["upbit"].delay_ms, made.markets["upbit"].records_seen) == (50_000, 1)
    made.complete(trade(3), received_time=START + 70_000)
    assert made.markets["okx"].records_seen == 1, "what is over a minute old when it comes is no news"
