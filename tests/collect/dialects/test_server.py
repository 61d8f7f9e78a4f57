"""The local exchange itself, in every dialect, by a plain client: what is true gets through."""

from __future__ import annotations

import asyncio

import pytest

from src.collect.parsed import Channel, ControlKind, Pair, TickerChange
from src.schema.records import Ticker
from tests.collect.dialects.client import Client
from tests.collect.dialects.following import ALL, EVERY, followed, pairs_of, said, served, whole
from tests.collect.dialects.server import LocalExchange


@EVERY
def test_every_trade_comes_once_in_order_and_true(market: str) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await served(venue, Channel.TRADE)
        await venue.step(40)
        await venue.quiet()
        await client.until(lambda: len(client.trades) == 82)
        for pair, happened in venue.trades.items():
            came = [trade for trade in client.trades if (trade.symbol, trade.quote) == (pair.symbol, pair.quote)]
            assert [said(trade) for trade in came] == [said(trade) for trade in happened]
            assert len({trade.trade_id for trade in happened}) == 41

    followed(market, Channel.TRADE, test)


@EVERY
def test_tickers_come_at_once_and_then_as_they_are_made(market: str) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await client.until(lambda: len(client.said) == 2)
        await venue.step(3)
        await client.until(lambda: len(client.said) == 8)
        tickers = [record.ticker if isinstance(record, TickerChange) else record for record in client.said]
        assert all(isinstance(ticker, Ticker) and ticker.market == market for ticker in tickers)
        last = {Pair(ticker.symbol, ticker.quote): ticker.price for ticker in tickers if isinstance(ticker, Ticker)}
        assert last == {pair: trades[-1].price for pair, trades in venue.trades.items()}

    followed(market, Channel.TICKER, test)


@EVERY
def test_books_made_of_the_messages_are_the_true_ones(market: str) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await served(venue, Channel.ORDERBOOK)
        await venue.step(300)
        await venue.quiet()
        await whole(venue, client)
        assert client.faults == []
        for pair in venue.markets:
            bids, asks = venue.book(pair)
            assert bids[0][0] < asks[0][0]
            assert sorted(bids, reverse=True) == list(bids)
            assert sorted(asks) == list(asks)
            assert min(len(bids), len(asks)) >= min(30, ALL[market].exchange.book_rule.depth or 30)

    assert followed(market, Channel.ORDERBOOK, test).injected == []


@EVERY
def test_the_keep_alive_of_the_client_is_answered(market: str) -> None:
    beat = ALL[market].exchange.keep_alive
    if beat is None or beat.message is None:
        pytest.skip(f"{market} is kept open by pings of the protocol")
    words = beat.message

    async def test(_venue: LocalExchange, client: Client) -> None:
        await client.socket.send(words)
        await client.until(lambda: any(control.kind is ControlKind.HEARTBEAT for control in client.controls))

    followed(market, Channel.TRADE, test)


def test_at_a_rate_the_market_moves_by_itself() -> None:
    async def run() -> None:
        pairs = pairs_of(ALL["okx"].exchange)
        async with LocalExchange(ALL["okx"], pairs, rate=200) as venue, Client(venue, ALL["okx"].exchange, Channel.ORDERBOOK, pairs) as client:
            await client.until(lambda: len(client.updates) >= 40)
            await venue.quiet()
            await whole(venue, client)
            assert client.faults == []

    asyncio.run(run())


def test_the_same_seed_makes_the_same_market() -> None:
    async def made(seed: int) -> list[list[tuple[object, ...]]]:
        async with LocalExchange(ALL["okx"], pairs_of(ALL["okx"].exchange), seed=seed) as venue:
            await venue.step(20)
            return [[(trade.trade_id, trade.price, trade.size, trade.side) for trade in trades] for trades in venue.trades.values()]

    assert asyncio.run(made(1)) == asyncio.run(made(1))
    assert asyncio.run(made(1)) != asyncio.run(made(2))
