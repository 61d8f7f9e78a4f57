"""Trades of so many USD, and the rows of whales made of them, for the tests of whales."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from src.config.settings import Settings
from src.preprocess.oracle import batch_rows
from src.preprocess.series import series_rows
from src.preprocess.trade import TradeQueryOrganization
from src.schema.records import Region, Side, Source, Trade
from tests.generated_trades import trade_rows

MINUTE = 60_000
START = 1_790_000_040_000
"""The beginning of a minute."""


def traded(number: int, notional_usd: float, milliseconds: int = 0, side: Side | None = Side.BUY, **fields: Any) -> Trade:
    """A trade of so many USD at a price of 2,000, so long after START."""
    given = {"usd_rate": 1.0, "trade_id": str(number), "price": 2_000.0, "market": "okx", "quote": "USDT"} | fields
    price, rate = given.pop("price"), given["usd_rate"] or 1.0
    time = START + milliseconds
    known = {"size": notional_usd / rate / price, "region": Region.ASIA, "symbol": "ETH", "source": Source.LIVE} | given
    return Trade(event_time=time, received_time=time + 20, side=side, price=price, **known)


def rows_of(name: str, records: Iterable[Trade], settings: Settings | None = None) -> list[dict[str, Any]]:
    """The rows of a metric, in the order of their keys as text."""
    organization = TradeQueryOrganization(settings or Settings())
    metrics = {metric.name: metric for metric in organization.metrics()}
    plain = trade_rows(records, organization)
    series = {each.name: each for each in organization.series()}
    if name in series:
        found = series_rows(series[name], {each: batch_rows(metrics[each], plain).values() for each in series[name].of})
    else:
        found = batch_rows(metrics[name], plain)
    return [found[key] for key in sorted(found, key=str)]


def whales(records: Iterable[Trade], settings: Settings | None = None) -> list[dict[str, Any]]:
    """The rows of `whale_trades`, oldest first."""
    return sorted(rows_of("whale_trades", records, settings), key=lambda row: (row["event_time"], row["kind"], row["side"], row["trade_id"]))


def small_trades(count: int, notional_usd: float = 1_000.0) -> list[Trade]:
    """So many, of equal size, each in seconds of its own, from START on: 1,000 of them in 50 minutes."""
    return [traded(10_000 + number, notional_usd, number * 3_000) for number in range(count)]
