"""A market of some minutes as records, rows of the project's own metrics over them, and a database that its own sinks filled with those."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from src.collect.ledger import LEDGER_TABLE
from src.config.settings import Settings
from src.dashboard.tables import metric_tables
from src.preprocess.oracle import batch_rows
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.series import series_rows
from src.preprocess.ticker import TickerQueryOrganization
from src.preprocess.trade import TradeQueryOrganization
from src.schema.records import OrderBook, Record, Region, Side, Source, Ticker, Trade
from src.storage.sink import Batch
from src.storage.sql import SqlSink
from tests.equality import plain_rows
from tests.generated_trades import trade_rows

MINUTE = 60_000
SETTINGS = Settings(markets=("upbit", "bithumb", "okx", "binance", "kraken"), symbols=("BTC", "ETH", "XRP", "SOL"))
VENUES = (
    ("upbit", Region.KOREA, "KRW", 1.021),
    ("bithumb", Region.KOREA, "KRW", 1.0195),
    ("okx", Region.ASIA, "USDT", 1.0),
    ("binance", Region.NORTH_AMERICA_EUROPE, "USDT", 1.0004),
    ("kraken", Region.NORTH_AMERICA_EUROPE, "USD", 0.9991),
)
PRICES = {"BTC": 84_250.0, "ETH": 2_741.5, "XRP": 2.1043, "SOL": 131.82}
KRW = 1 / 1_463.5
"""By the price of USDT in Korea."""
BANK = 1 / 1_442.0
"""At a bank."""


def price(symbol: str, time: int, factor: float = 1.0) -> float:
    """USD at a time: waves about the symbol's level, the same whenever it is asked."""
    phase = sum(map(ord, symbol))
    wave = 0.004 * math.sin(time / 9e5 + phase) + 0.0015 * math.sin(time / 1.3e5 + phase * 3) + 0.0004 * math.sin(time / 1.7e4 + phase * 7)
    return PRICES[symbol] * (1 + wave) * factor


def _identity(venue: tuple[str, Region, str, float], symbol: str, time: int) -> dict[str, Any]:
    market, region, quote, _ = venue
    rate = KRW if quote == "KRW" else 1.0
    given = {"market": market, "region": region, "quote": quote, "symbol": symbol, "source": Source.SIMULATED}
    bank = BANK if quote == "KRW" else None
    return given | {"event_time": time, "received_time": time + 40, "usd_rate": rate, "rate_source": "test", "bank_usd_rate": bank}


def tickers(start: int, end: int, step: int = 20_000, symbols: Sequence[str] = tuple(PRICES)) -> list[Ticker]:
    """A ticker of every market and symbol each `step` ms."""
    return [
        Ticker(**(given := _identity(venue, symbol, time)), price=price(symbol, time, venue[3]) / given["usd_rate"], volume_24h=1_000.0 + time % 97)
        for time in range(start, end, step)
        for venue in VENUES
        for symbol in symbols
    ]


def trades(start: int, end: int, step: int = 6_000, gaps: Sequence[tuple[int, int]] = ()) -> list[Trade]:
    """Trades of BTC on two markets each `step` ms, some of them large; none in `gaps`, after each of which comes a mark."""
    rng = random.Random(1)
    found = []
    for number, time in enumerate(range(start, end, step)):
        size = 3.1 if number % 61 == 60 else round(rng.expovariate(12) + 0.0004, 5)
        side = Side.BUY if rng.random() < 0.55 else Side.SELL
        if any(first <= time < last for first, last in gaps):
            continue
        for venue in (VENUES[0], VENUES[3]):
            given = _identity(venue, "BTC", time)
            found.append(Trade(**given, trade_id=str(10_000 + number), price=price("BTC", time, venue[3]) / given["usd_rate"], size=size, side=side))
    for first, last in gaps:
        found.append(Trade(**_identity(VENUES[3], "BTC", last), gap_since=first))
    return sorted(found, key=lambda trade: trade.event_time)


def books(start: int, end: int, step: int = 5_000) -> list[OrderBook]:
    """A book of BTC and ETH of every market each `step` ms."""
    rng = random.Random(2)
    found = []
    for time in range(start, end, step):
        for venue in VENUES:
            for symbol in ("BTC", "ETH"):
                given = _identity(venue, symbol, time)
                mid = price(symbol, time, venue[3]) / given["usd_rate"]
                lean = 0.5 + 0.4 * math.sin(time / 8e4)
                size = 9_000 / price(symbol, time)
                bids, asks = (
                    tuple(
                        (mid * (1 + sign * 0.00008 * level * 1.7), round(size * level * weight * (0.7 + rng.random()), 6)) for level in range(1, 11)
                    )
                    for sign, weight in ((-1, lean), (1, 1 - lean))
                )
                found.append(OrderBook(**given, bids=bids, asks=asks))
    return found


def metric_rows(
    organization: SparkCoinAverageQueryOrganization, records: Iterable[Record], only: Sequence[str] = ()
) -> dict[str, list[Mapping[str, Any]]]:
    """Rows of the organization's metrics over records, by table, by the metrics' oracle; of all metrics, or of `only` those."""
    is_trade = isinstance(organization, TradeQueryOrganization)
    plain = trade_rows(records, organization) if is_trade else plain_rows(records, organization)  # type: ignore[arg-type]
    wanted = [metric for metric in organization.metrics() if not only or metric.name in only]
    found: dict[str, list[Mapping[str, Any]]] = {metric.name: list(batch_rows(metric, plain).values()) for metric in wanted}
    for series in organization.series():
        if not only or series.name in only:
            found[series.name] = list(series_rows(series, found).values())
    return found


class Filled:
    """A database that the project's own sink fills."""

    def __init__(self, url: str, settings: Settings = SETTINGS) -> None:
        self.url = url
        self._tables = metric_tables(settings)
        self._sink = SqlSink(url)
        self._sink.open(list(self._tables.values()))
        self.organizations = (TickerQueryOrganization(settings), OrderbookQueryOrganization(settings), TradeQueryOrganization(settings))

    def write(self, rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Write rows by table, as a job's batch."""
        given = {}
        for name, found in rows.items():
            schema = self._tables[name]
            given[schema] = pa.Table.from_pylist([{column.name: row.get(column.name) for column in schema.columns} for row in found], schema.arrow())
        self._sink.write(Batch("test", 0, given))

    def tickers(self, records: Iterable[Ticker], only: Sequence[str] = ()) -> None:
        """Write what the ticker job would."""
        self.write(metric_rows(self.organizations[0], records, only))

    def books(self, records: Iterable[OrderBook], only: Sequence[str] = ()) -> None:
        """Write what the order-book job would."""
        self.write(metric_rows(self.organizations[1], records, only))

    def trades(self, records: Iterable[Trade], only: Sequence[str] = ()) -> None:
        """Write what the trade job would."""
        self.write(metric_rows(self.organizations[2], records, only))

    def event(self, **values: Any) -> None:
        """Write a line of the collectors' ledger."""
        self.write({LEDGER_TABLE.name: [values]})

    def close(self) -> None:
        self._sink.close()
