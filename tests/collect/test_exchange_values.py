"""Chosen frames of each exchange, read to the exact values that the exchange sent."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest

from src.collect.exchanges import EXCHANGES
from src.schema.records import Instrument, Region, Ticker
from tests.captures import captured


def parse_captured(market: str, file: str, line: int = 0) -> Ticker:
    (record,) = EXCHANGES[market].parse(captured(market, file, line).frame(market))
    assert isinstance(record, Ticker)
    return record


def ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None
    return round(moment.timestamp() * 1000)


def sent_fields(ticker: Ticker) -> dict[str, object]:
    """What the exchange sent: every field that is not null, except those that are the same in all frames of a test."""
    common = {"received_time", "source", "backfilled"}
    return {field: value for field, value in msgspec.structs.asdict(ticker).items() if value is not None and field not in common}


def test_upbit_values() -> None:
    """Captured 2025-09-26 08:26 UTC; the day's figures count from 00:00 UTC."""
    assert sent_fields(parse_captured("upbit", "ticker.doc.jsonl", 0)) == {
        "region": Region.KOREA,
        "market": "upbit",
        "symbol": "BTC",
        "quote": "KRW",
        "instrument": Instrument.SPOT,
        "event_time": 1758875205276,
        "price": 158201000.0,
        "open": 158219000.0,
        "high": 159278000.0,
        "low": 157588000.0,
        "prev_close": 158200000.0,
        "volume_24h": 2083.82485091,
        "quote_volume_24h": 331187169240.21526,
        "acc_volume": 600.02894052,
        "acc_since": ms("2025-09-26T00:00:00+00:00"),
    }


def test_bithumb_values() -> None:
    """From Bithumb's documentation, 2024-09-10 00:16 UTC; the day's figures count from 00:00 in Seoul."""
    assert sent_fields(parse_captured("bithumb", "ticker.doc.jsonl", 2)) == {
        "region": Region.KOREA,
        "market": "bithumb",
        "symbol": "BTC",
        "quote": "KRW",
        "instrument": Instrument.SPOT,
        "event_time": 1725927377931,
        "price": 493100.0,
        "open": 484500.0,
        "high": 493100.0,
        "low": 472500.0,
        "prev_close": 484500.0,
        "volume_24h": 13386.15417512,
        "quote_volume_24h": 8230696760.346009,
        "acc_volume": 225.622,
        "acc_since": ms("2024-09-10T00:00:00+09:00"),
    }


def test_okx_values() -> None:
    """Captured 2023-06-26: BTC-USDT spot."""
    assert sent_fields(parse_captured("okx", "ticker.doc.jsonl", 1)) == {
        "region": Region.ASIA,
        "market": "okx",
        "symbol": "BTC",
        "quote": "USDT",
        "instrument": Instrument.SPOT,
        "event_time": 1687762124866,
        "price": 30301.5,
        "open": 30827.0,
        "high": 30886.6,
        "low": 29962.0,
        "volume_24h": 7455.88473797,
        "quote_volume_24h": 226848774.714833958,
        "bid": 30300.2,
        "bid_size": 0.67476737,
        "ask": 30300.3,
        "ask_size": 2.68385152,
    }


def test_bybit_values() -> None:
    """Captured 2026-08-09: BTCUSDT spot, which has no bid and no ask."""
    ticker = parse_captured("bybit", "ticker.jsonl", 0)
    assert ticker.received_time == 1786310819526
    assert sent_fields(ticker) == {
        "region": Region.ASIA,
        "market": "bybit",
        "symbol": "BTC",
        "quote": "USDT",
        "instrument": Instrument.SPOT,
        "event_time": 1786310819126,
        "price": 65140.5,
        "open": 65045.3,
        "high": 65305.6,
        "low": 64727.9,
        "prev_close": 65045.3,
        "volume_24h": 2953.835931,
        "quote_volume_24h": 191907024.69597728,
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            1,
            {
                "event_time": 1597831257285,
                "price": 11795.65,
                "open": 12221.91,
                "high": 12296.69,
                "low": 11612.71,
                "prev_close": 12221.91,
                "volume_24h": 86474.639032,
                "quote_volume_24h": 1033414900.45224062,
                "bid": 11795.64,
                "bid_size": 0.021548,
                "ask": 11795.65,
                "ask_size": 4.518568,
            },
            id="combined-2020-08-19",
        ),
        pytest.param(
            2,
            {
                "event_time": 1656326918297,
                "price": 21442.89,
                "open": 21391.04,
                "high": 21888.0,
                "low": 20926.01,
                "prev_close": 21391.03,
                "volume_24h": 61782.53002,
                "quote_volume_24h": 1317193845.0913181,
                "bid": 21442.88,
                "bid_size": 3.52375,
                "ask": 21442.89,
                "ask_size": 1.61501,
            },
            id="raw-2022-06-27",
        ),
    ],
)
def test_binance_values(line: int, expected: dict[str, object]) -> None:
    """BTCUSDT, once in the envelope of a combined stream and once without it."""
    names = {"region": Region.NORTH_AMERICA_EUROPE, "market": "binance", "symbol": "BTC", "quote": "USDT", "instrument": Instrument.SPOT}
    assert sent_fields(parse_captured("binance", "ticker.doc.jsonl", line)) == names | expected


def test_kraken_values() -> None:
    """From nautilus_trader's test data; open and quote volume are found in decimal: 105899.40 - 250.00, 163.28908096 x 105904.39279."""
    assert sent_fields(parse_captured("kraken", "ticker.doc.jsonl", 0)) == {
        "region": Region.NORTH_AMERICA_EUROPE,
        "market": "kraken",
        "symbol": "BTC",
        "quote": "USD",
        "instrument": Instrument.SPOT,
        "event_time": ms("2022-12-25T09:30:59.123+00:00"),
        "price": 105899.4,
        "open": 105649.4,
        "high": 106613.1,
        "low": 104711.0,
        "prev_close": 105649.4,
        "volume_24h": 163.28908096,
        "quote_volume_24h": 17293030.96830595,
        "bid": 105944.2,
        "bid_size": 2.5,
        "ask": 105944.3,
        "ask_size": 3.2,
    }


def test_fields_that_are_not_sent_are_null() -> None:
    """Kraken, captured 2026-10-07 and trimmed: only best bid and ask."""
    ticker = parse_captured("kraken", "ticker.doc.jsonl", 1)
    assert (ticker.bid, ticker.ask) == (2615.91, 2615.92)
    rest = ("price", "open", "high", "low", "prev_close", "volume_24h", "quote_volume_24h", "bid_size", "ask_size", "acc_volume", "acc_since")
    assert [getattr(ticker, field) for field in rest] == [None] * len(rest)
    assert parse_captured("upbit", "ticker.doc.jsonl").bid is None
    assert parse_captured("bithumb", "ticker.doc.jsonl", 0).acc_since is None
    assert parse_captured("okx", "ticker.doc.jsonl").prev_close is None
