"""A local exchange and a plain client that follows it: what the tests of every dialect begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from src.collect.exchange import Exchange
from src.collect.parsed import Channel, Pair
from src.schema.records import Trade
from tests.collect.dialects.client import Client
from tests.collect.dialects.dialect import Dialect
from tests.collect.dialects.faults import Faults
from tests.collect.dialects.found import dialects
from tests.collect.dialects.server import LocalExchange

ALL = dialects()
WITH_CHECKSUMS = [name for name, dialect in ALL.items() if dialect.exchange.book_rule.checksum_levels]
WITH_REST_BOOKS = [name for name, dialect in ALL.items() if dialect.exchange.book_rule.rest_snapshot]
EVERY = pytest.mark.parametrize("market", ALL)


def pairs_of(exchange: Exchange) -> list[Pair]:
    return [Pair("BTC", exchange.quotes[0]), Pair("ETH", exchange.quotes[0])]


def followed(
    market: str, channel: Channel, test: Callable[[LocalExchange, Client], Coroutine[Any, Any, None]], faults: Faults | None = None
) -> LocalExchange:
    """Run a test with an exchange and a client of one of its channels; the exchange afterwards."""
    dialect = ALL[market]
    offered(dialect, channel)
    pairs = pairs_of(dialect.exchange)
    venue = LocalExchange(dialect, pairs, seed=7, faults=faults)

    async def run() -> None:
        async with venue, Client(venue, dialect.exchange, channel, pairs) as client:
            await test(venue, client)

    asyncio.run(run())
    return venue


def offered(dialect: Dialect, channel: Channel) -> None:
    if channel not in dialect.exchange.urls:
        pytest.skip(f"{dialect.market} has no {channel} channel")


async def served(venue: LocalExchange, channel: Channel) -> None:
    """Return when the exchange has heard every subscription."""
    wanted = {(channel, pair) for pair in venue.markets}
    async with asyncio.timeout(10):
        await venue.until(lambda: any(wanted <= socket.subscriptions for socket in venue.sockets))


async def whole(venue: LocalExchange, client: Client) -> None:
    """Return when the client's books are the exchange's."""
    await client.until(lambda: all(client.books[pair].valid and client.books[pair].best(10_000) == venue.book(pair) for pair in venue.markets))


def said(trade: Trade) -> tuple[object, ...]:
    return trade.trade_id, trade.price, trade.size, trade.side, trade.event_time, trade.instrument
