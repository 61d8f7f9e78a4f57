"""Books made by hand, and the rows of a metric over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from src.config.settings import Settings
from src.preprocess import Metric
from src.preprocess.oracle import batch_rows
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.schema.records import OrderBook, Region, Source
from tests.equality import plain_rows

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
