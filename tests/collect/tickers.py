"""Tickers for the collector's tests, with only what a test is about to be said."""

from __future__ import annotations

from typing import Any

from src.schema.records import Region, Source, Ticker

START = 1_780_000_000_000
"""A moment, ms since 1970 UTC."""
REGIONS = {"upbit": Region.KOREA, "bithumb": Region.KOREA, "okx": Region.ASIA, "bybit": Region.ASIA, "kraken": Region.NORTH_AMERICA_EUROPE}


def ticker(market: str = "upbit", symbol: str = "BTC", quote: str = "KRW", **fields: Any) -> Ticker:
    event_time = fields.pop("event_time", START)
    return Ticker(
        region=REGIONS[market],
        market=market,
        symbol=symbol,
        quote=quote,
        source=fields.pop("source", Source.REPLAY),
        event_time=event_time,
        received_time=fields.pop("received_time", event_time + 50),
        **fields,
    )
