"""USD rates come from the frames, never from a constant, and are null when the frames do not tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.rates import UsdRate, UsdRates
from src.schema.records import Instrument, OrderBook, Record, Region, Source, Ticker
from tests.collect.books_made import trade
from tests.collect.tickers import START, ticker

MINUTE = 60_000


def usdt(market: str, price: float | None, event_time: int = START, **fields: object) -> Ticker:
    return ticker(market, "USDT", "USD" if market == "kraken" else "KRW", price=price, event_time=event_time, **fields)


def rates(*records: Record) -> UsdRates:
    observed = UsdRates(max_age_seconds=60)
    for record in records:
        observed.observe(record)
    return observed


def test_usdt_is_taken_at_par() -> None:
    assert rates().rate("USDT") == UsdRate(1.0, "usdt_par")


def test_won_without_a_usdt_price_has_no_rate() -> None:
    assert rates(ticker(price=100_000_000.0)).rate("KRW") == UsdRate(None, None)


def test_won_converts_by_the_median_of_the_korean_venues() -> None:
    assert rates(usdt("upbit", 1450.0)).rate("KRW") == UsdRate(1 / 1450, "krw_usdt_median")
    assert rates(usdt("upbit", 1450.0), usdt("bithumb", 1460.0)).rate("KRW").value == pytest.approx(1 / 1455)


def test_a_venue_gone_silent_leaves_the_rate_after_its_age() -> None:
    observed = rates(usdt("upbit", 1450.0), usdt("bithumb", 1460.0, START + MINUTE))
    assert observed.rate("KRW").value == pytest.approx(1 / 1455)
    observed.observe(ticker("okx", "BTC", "USDT", event_time=START + MINUTE + 1))
    assert observed.rate("KRW").value == pytest.approx(1 / 1460)
    observed.observe(ticker("okx", "BTC", "USDT", event_time=START + 3 * MINUTE))
    assert observed.rate("KRW") == UsdRate(None, None)


def test_dollars_convert_by_kraken_else_at_par_and_say_so() -> None:
    assert rates().rate("USD") == UsdRate(1.0, "usd_par")
    assert rates(usdt("kraken", 0.998)).rate("USD") == UsdRate(1 / 0.998, "kraken_usdt_usd")
    assert rates(usdt("kraken", 0.998), ticker(event_time=START + 2 * MINUTE)).rate("USD") == UsdRate(1.0, "usd_par")


def test_an_unknown_quote_has_no_rate() -> None:
    assert rates(usdt("upbit", 1450.0)).rate("BTC") == UsdRate(None, None)


def test_an_older_price_does_not_replace_a_newer_one() -> None:
    assert rates(usdt("upbit", 1450.0), usdt("upbit", 1300.0, START - 1)).rate("KRW").value == pytest.approx(1 / 1450)


def test_an_event_from_the_future_makes_nothing_stale_and_does_not_stay() -> None:
    future = ticker("okx", "BTC", "USDT", event_time=START + 100 * MINUTE, received_time=START)
    assert rates(usdt("upbit", 1450.0), future).rate("KRW").value == pytest.approx(1 / 1450)
    wrong = usdt("upbit", 9000.0, START + 100 * MINUTE, received_time=START)
    assert rates(wrong, usdt("upbit", 1450.0, START + 10)).rate("KRW").value == pytest.approx(1 / 1450)


@pytest.mark.parametrize("price", [None, 0.0, -1.0])
def test_no_price_is_no_rate(price: float | None) -> None:
    assert rates(usdt("upbit", price)).rate("KRW") == UsdRate(None, None)


def test_only_spot_counts() -> None:
    assert rates(usdt("upbit", 1450.0, instrument=Instrument.PERPETUAL)).rate("KRW") == UsdRate(None, None)


@given(st.lists(st.tuples(st.sampled_from(["upbit", "bithumb"]), st.integers(0, 300_000), st.floats(1000, 2000), st.integers(-5_000, 100_000))))
def test_a_rate_is_the_median_of_the_fresh_last_prices(told: list[tuple[str, int, float, int]]) -> None:
    records = [usdt(market, price, START + after, received_time=START + after + lag) for market, after, price, lag in told]
    times = [min(record.event_time, record.received_time) for record in records]
    last = {}
    for record, time in zip(records, times, strict=True):
        if record.market not in last or time >= last[record.market][0]:
            last[record.market] = (time, record.price)
    fresh = sorted(price for time, price in last.values() if max(times) - time <= MINUTE)
    value = rates(*records).rate("KRW").value
    if fresh:
        assert value == pytest.approx(1 / ((fresh[0] + fresh[-1]) / 2))
    else:
        assert value is None


def book(bid: float | None, ask: float | None, *, valid: bool = True, event_time: int = START) -> OrderBook:
    return OrderBook(
        region=Region.KOREA,
        market="upbit",
        symbol="USDT",
        quote="KRW",
        source=Source.REPLAY,
        event_time=event_time,
        received_time=event_time + 50,
        bids=() if bid is None else ((bid, 1.0), (bid - 1, 9.0)),
        asks=() if ask is None else ((ask, 1.0),),
        valid=valid,
    )


def test_a_whole_book_gives_its_middle() -> None:
    assert rates(book(1449.0, 1452.0)).rate("KRW") == UsdRate(1 / 1450.5, "krw_usdt_median")


@pytest.mark.parametrize("made", [book(1449.0, None), book(None, 1452.0), book(1449.0, 1452.0, valid=False)])
def test_half_a_book_or_a_broken_one_gives_nothing(made: OrderBook) -> None:
    assert rates(made).rate("KRW") == UsdRate(None, None)


def test_the_newest_of_a_venues_ticker_trade_and_book_counts() -> None:
    traded = trade(1, market="upbit", region=Region.KOREA, symbol="USDT", quote="KRW", price=1460.0, seconds=1)
    assert rates(usdt("upbit", 1450.0), traded).rate("KRW").value == 1 / 1460
    assert rates(traded, usdt("upbit", 1450.0)).rate("KRW").value == 1 / 1460
    assert rates(traded, book(1449.0, 1451.0, event_time=START + 2_000)).rate("KRW").value == 1 / 1450


def test_a_mark_of_a_gap_and_a_trade_that_was_fetched_later_change_nothing() -> None:
    mark = trade(None, market="upbit", region=Region.KOREA, symbol="USDT", quote="KRW", price=None, size=None, seconds=5, gap_since=START)
    old = trade(1, market="upbit", region=Region.KOREA, symbol="USDT", quote="KRW", price=1300.0, seconds=-5, backfilled=True)
    assert rates(usdt("upbit", 1450.0), mark, old).rate("KRW").value == 1 / 1450


def test_a_foreign_book_of_won_does_not_count() -> None:
    assert rates(trade(1, symbol="USDT", quote="KRW", price=1450.0)).rate("KRW") == UsdRate(None, None)
