"""Streams of trades for the tests, one venue of each kind of ids."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from src.collect.arrival import Need
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Channel, Pair
from src.collect.trades import TradeStreams
from src.schema.records import CollectorEvent, Trade
from tests.collect.books_made import trade
from tests.collect.tickers import START

BTC = Pair("BTC", "USDT")
Told = Sequence[Trade | CollectorEvent]
# One venue of each kind: Binance's ids are consecutive, OKX's rise, Upbit's are only unique.
CONSECUTIVE, RISING, UNIQUE = "binance", "okx", "upbit"
EVERY_KIND = pytest.mark.parametrize("market", [CONSECUTIVE, RISING, UNIQUE])


def streams(*trades: Trade) -> TradeStreams:
    made = TradeStreams(EXCHANGES)
    for one in trades:
        made.take(one)
    return made


def at(market: str, number: int, **fields: object) -> Trade:
    """Trade of that number, traded so many seconds after START."""
    return trade(number, market=market, seconds=number, **fields)


def some(market: str, *numbers: int) -> list[Trade]:
    """The same trades as an answer has them."""
    return [at(market, number, backfilled=True) for number in numbers]


def ids(told: Told) -> list[str | None]:
    return [one.trade_id for one in told if isinstance(one, Trade)]


def marks(told: Told) -> list[tuple[int | None, int]]:
    """From when to when trades may be missing, in seconds after START."""
    return [
        ((one.gap_since - START) // 1000, (one.event_time - START) // 1000) for one in told if isinstance(one, Trade) and one.gap_since is not None
    ]


def need(market: str, after: int) -> Need:
    return Need(market=market, channel=Channel.TRADE, pair=BTC, after=at(market, after))
