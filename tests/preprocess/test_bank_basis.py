"""The regional premium on two bases: won by the price of USDT in Korea, and won by the rate of a bank."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pytest

from src.config.settings import Settings
from src.preprocess.oracle import batch_rows
from src.preprocess.ticker import TickerQueryOrganization
from src.schema.records import Region, Source, Ticker
from tests.equality import plain_rows
from tests.generated import tickers

MINUTE = 60_000
START = 1_790_000_040_000
ORGANIZATION = TickerQueryOrganization(Settings())
PLACES = {
    "upbit": (Region.KOREA, "KRW", 1 / 1_024),
    "okx": (Region.ASIA, "USDT", 1.0),
    "kraken": (Region.NORTH_AMERICA_EUROPE, "USD", 1.25),
}
BASES = ("mean_price_usd", "mean_price_bank_usd")


def ticker(market: str, price: float, second: float = 0.0, **fields: Any) -> Ticker:
    """A ticker so many seconds after START; 1,024 KRW are a dollar by USDT, and 1,000 at the bank."""
    region, quote, rate = PLACES[market]
    bank = 1 / 1_000 if quote == "KRW" else None
    time = START + round(second * 1_000)
    given = {"region": region, "quote": quote, "usd_rate": rate, "bank_usd_rate": bank, "event_time": time, "received_time": time + 50} | fields
    return Ticker(market=market, symbol="BTC", source=Source.LIVE, price=price, **given)  # type: ignore[arg-type]


def rows(records: Iterable[Ticker], organization: TickerQueryOrganization = ORGANIZATION) -> list[dict[str, Any]]:
    """The rows of `arbitrage`, oldest first."""
    metric = next(metric for metric in organization.metrics() if metric.name == "arbitrage")
    return sorted(batch_rows(metric, plain_rows(records, organization)).values(), key=lambda row: row["window_start"])


def newest(*records: Ticker) -> dict[str, Any]:
    """The row of the last window, which begins with START's minute."""
    return rows(records)[-1]


def test_won_by_usdt_and_by_the_bank_dollars_as_they_are_and_usdt_at_par() -> None:
    row = newest(ticker("upbit", 1_024_000.0), ticker("okx", 1_000.0), ticker("kraken", 800.0))
    assert [row[f"mean_price_usd_{region}"] for region in ("korea", "asia", "ne")] == [1_000.0, 1_000.0, 1_000.0]
    assert [row[f"mean_price_bank_usd_{region}"] for region in ("korea", "asia", "ne")] == [1_024.0, 1_000.0, 800.0]
    assert (row["spread_usd_korea_asia"], row["spread_bank_usd_korea_asia"], row["spread_bank_usd_korea_ne"]) == (0.0, 24.0, 224.0)
    assert (row["premium_percent_korea_asia"], row["premium_percent_korea_ne"]) == (0.0, 0.0)
    assert (row["bank_premium_percent_korea_asia"], row["bank_premium_percent_korea_ne"]) == pytest.approx((2.4, 28.0))
    assert row["bank_premium_percent_asia_ne"] == 25.0


def test_without_the_banks_rate_the_one_basis_is_unknown_and_the_other_as_it_was() -> None:
    row = newest(ticker("upbit", 1_044_480.0, bank_usd_rate=None), ticker("okx", 1_000.0))
    assert row["premium_percent_korea_asia"] == 2.0
    assert (row["mean_price_bank_usd_korea"], row["spread_bank_usd_korea_asia"], row["bank_premium_percent_korea_asia"]) == (None, None, None)
    assert row["mean_price_bank_usd_asia"] == 1_000.0


def test_a_mean_is_of_those_records_that_have_the_rate() -> None:
    row = newest(ticker("upbit", 1_000_000.0), ticker("upbit", 3_000_000.0, 1, bank_usd_rate=None), ticker("upbit", 1_100_000.0, 2))
    assert row["mean_price_bank_usd_korea"] == 1_050.0
    assert row["mean_price_usd_korea"] == pytest.approx(5_100_000 / 3 / 1_024)


def test_a_region_whose_last_record_with_the_rate_is_too_old_leaves_that_basis_alone() -> None:
    found = [ticker("upbit", 1_000_000.0), ticker("upbit", 1_000_000.0, 70, bank_usd_rate=None), ticker("okx", 1_000.0, 70)]
    row = next(row for row in rows(found) if row["window_start"] == START)
    assert row["mean_price_bank_usd_korea"] == 1_000.0
    assert (row["bank_premium_percent_korea_asia"], row["spread_bank_usd_korea_asia"]) == (None, None)
    assert row["premium_percent_korea_asia"] == -2.34375


@pytest.mark.parametrize("rate", [0.0, -0.001, 1e30, 1e300])
def test_what_is_no_rate_is_none(rate: float) -> None:
    row = newest(ticker("upbit", 1_024_000.0, bank_usd_rate=rate), ticker("okx", 1_000.0))
    assert (row["mean_price_bank_usd_korea"], row["premium_percent_korea_asia"]) == (None, 0.0)


def test_a_quote_that_is_neither_par_nor_known_to_the_bank_has_no_price_on_that_basis() -> None:
    organization = TickerQueryOrganization(Settings(quotes={"kraken": "EUR"}))
    (*_, row) = rows([ticker("kraken", 900.0, quote="EUR", usd_rate=1.1)], organization)
    assert row["mean_price_usd_ne"] == pytest.approx(990.0)
    assert row["mean_price_bank_usd_ne"] is None


def test_without_a_rate_of_usdt_a_record_is_in_neither_basis() -> None:
    """Both are of the same records, or their difference would tell of other trades."""
    row = newest(ticker("upbit", 1_024_000.0, usd_rate=None), ticker("okx", 1_000.0))
    assert [row[f"{name}_korea"] for name in BASES] == [None, None]


def test_the_means_of_generated_records() -> None:
    records = tickers(5, 2_000)
    found = rows(records)
    counted = [row for row in plain_rows(records, ORGANIZATION) if row["accepted"] and row["price"] is not None and row["usd_rate"] is not None]
    some = 0
    for row in found:
        for region in ("korea", "asia", "ne"):
            mine = [
                record
                for record in counted
                if (record["source"], record["symbol"], record["region"]) == (row["source"], row["symbol"], region)
                and row["window_start"] <= record["event_time"] < row["window_end"]
            ]
            prices = [
                record["price"] * (record["bank_usd_rate"] if region == "korea" else 1.0)
                for record in mine
                if region != "korea" or record["bank_usd_rate"] is not None
            ]
            expected = math.fsum(prices) / len(prices) if prices else None
            assert row[f"mean_price_bank_usd_{region}"] == (None if expected is None else pytest.approx(expected, rel=1e-12))
            some += 0 < len(prices) < len(mine)
    assert some > 10, "windows in which some records have the rate and some have not"
