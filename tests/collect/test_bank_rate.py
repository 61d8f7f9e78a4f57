"""The bank's rate: exact, refused when it cannot be, and out of use when it is old."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.bank_rate import BANK, BankRate, parse_bank_rate
from src.collect.parsed import Frame
from src.collect.rates import UNKNOWN, UsdRate, UsdRates
from src.errors import MalformedFrame
from src.schema.records import Source
from tests.collect.tickers import START, ticker

HOUR = 3_600_000


def answer(message: str | bytes, url: str | None = "https://open.er-api.com/v6/latest/USD") -> Frame:
    return Frame(BANK, Source.LIVE, START, message, url)


@pytest.mark.parametrize(
    ("message", "url", "expected"),
    [
        ('{"result":"success","rates":{"USD":1,"KRW":1391.5237}}', "https://open.er-api.com/v6/latest/USD", (1391.5237, "open.er-api.com")),
        ('{"date":"2026-11-20","rates":{"KRW":1402}}', "https://api.frankfurter.dev/v1/latest?base=USD", (1402.0, "api.frankfurter.dev")),
        (b' [{"code":"FRX.KRWUSD","basePrice":1388.4}]', "https://quotation-api-cdn.dunamu.com/v1", (1388.4, "quotation-api-cdn.dunamu.com")),
        ('{"rates":{"KRW":1391.5}}', None, (1391.5, "unknown")),
        ('{"rates":{"KRW":1391.5}}', "https://[", (1391.5, "unknown")),
        ('{"rates":{"KRW":1391.5}}', f"https://{'a' * 70}.com/", (1391.5, "a" * 64)),
    ],
)  # fmt: skip
def test_the_rate_and_its_publisher(message: str | bytes, url: str | None, expected: tuple[float, str]) -> None:
    assert parse_bank_rate(answer(message, url)) == BankRate(*expected, START)


@pytest.mark.parametrize("rate", ["0", "-1391", "500", "3000", "0.00072", "1391523", "NaN", '"NaN"', "null", '""', "[]", "1e999", "true"])
def test_a_rate_that_no_dollar_has_is_malformed(rate: str) -> None:
    for message in (f'{{"rates":{{"KRW":{rate}}}}}', f'[{{"basePrice":{rate}}}]'):
        with pytest.raises(MalformedFrame):
            parse_bank_rate(answer(message))


@pytest.mark.parametrize("message", ["", "[]", "{}", '{"rates":{}}', '{"rates":{"EUR":0.9}}', "null", "\ud800", b"\xff", "<html>", "[" * 100_000])
def test_an_answer_without_a_rate_is_malformed(message: str | bytes) -> None:
    with pytest.raises(MalformedFrame):
        parse_bank_rate(answer(message))


@given(st.one_of(st.text(), st.binary()))
def test_no_answer_crashes(message: str | bytes) -> None:
    with pytest.raises(MalformedFrame):
        parse_bank_rate(answer(message))


def observed(at: int, now: int) -> UsdRates:
    rates = UsdRates(max_age_seconds=60, bank_max_age_hours=96)
    rates.observe_bank(BankRate(1250.0, "open.er-api.com", at))
    rates.observe(ticker("okx", "BTC", "USDT", event_time=now, received_time=now))
    return rates


def test_the_banks_rate_is_of_won_alone_and_apart_from_the_markets() -> None:
    rates = observed(START, START)
    assert rates.bank_rate("KRW") == UsdRate(0.0008, "open.er-api.com")
    assert rates.rate("KRW") == UNKNOWN
    assert [rates.bank_rate(quote) for quote in ("USD", "USDT", "BTC")] == [UNKNOWN] * 3


def test_a_weekend_is_bridged_and_a_rate_of_four_days_is_not_used() -> None:
    assert observed(START, START + 96 * HOUR).bank_rate("KRW").value == 0.0008
    assert observed(START, START + 96 * HOUR + 1).bank_rate("KRW") == UNKNOWN


def test_without_a_rate_there_is_none() -> None:
    assert UsdRates(60).bank_rate("KRW") == UNKNOWN
