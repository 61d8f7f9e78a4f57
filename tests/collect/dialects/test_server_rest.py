"""The REST side of the local exchange, in every dialect."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from src.collect.book import Book, Outcome
from src.collect.parsed import BookUpdate, Channel, Frame, Listing, Pair
from src.schema.records import Source, Trade
from tests.collect.dialects.client import Client
from tests.collect.dialects.faults import FaultKind, Faults
from tests.collect.dialects.following import ALL, EVERY, WITH_REST_BOOKS, followed, pairs_of, said, served, whole
from tests.collect.dialects.server import LocalExchange


@EVERY
def test_the_list_of_markets_tells_what_is_traded_and_what_is_halted(market: str) -> None:
    exchange = ALL[market].exchange
    path = exchange.listings_path
    if path is None:
        pytest.skip(f"{market} has no list")
    halted = Pair("XRP", exchange.quotes[0])

    async def run() -> None:
        async with LocalExchange(ALL[market], pairs_of(exchange), halted=[halted]) as venue:
            url = venue.http_url + path
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(url)
            listed = {
                record.pair: record.trading
                for record in exchange.parse(Frame(market, Source.LIVE, 0, answer.content, url))
                if isinstance(record, Listing)
            }
            assert {pair: listed.get(pair) for pair in pairs_of(exchange)} == dict.fromkeys(pairs_of(exchange), True)
            assert not listed.get(halted)
            assert venue.asked == [path]

    asyncio.run(run())


@EVERY
def test_the_latest_trades_can_be_asked_for_though_they_were_never_sent(market: str) -> None:
    exchange = ALL[market].exchange
    pair = pairs_of(exchange)[0]
    path = exchange.trades_path(pair, None)
    if path is None:
        pytest.skip(f"{market} has no latest trades")

    async def test(venue: LocalExchange, client: Client) -> None:
        await venue.step(5)
        fetched = [record for record in await client.get(path) if isinstance(record, Trade)]
        assert [said(trade) for trade in fetched] == [said(trade) for trade in venue.trades[pair]]

    followed(market, Channel.TICKER if Channel.TICKER in exchange.urls else Channel.TRADE, test)


def test_the_first_requests_fail_and_unknown_paths_are_not_found() -> None:
    async def run() -> None:
        async with LocalExchange(ALL["okx"], [], faults=Faults(failed_requests=1)) as venue, httpx.AsyncClient(trust_env=False) as client:
            paths = [ALL["okx"].exchange.listings_path, ALL["okx"].exchange.listings_path, "/nothing"]
            statuses = [(await client.get(f"{venue.http_url}{path}")).status_code for path in paths]
            assert statuses == [503, 200, 404]
            assert [fault.kind for fault in venue.injected] == [FaultKind.FAILED_REQUEST]

    asyncio.run(run())


@pytest.mark.parametrize("market", WITH_REST_BOOKS)
def test_a_stale_snapshot_by_rest_cannot_be_used_and_the_next_one_can(market: str) -> None:
    exchange = ALL[market].exchange
    pair = pairs_of(exchange)[0]
    path = exchange.book_path(pair)
    assert path is not None

    async def test(venue: LocalExchange, client: Client) -> None:
        await served(venue, Channel.ORDERBOOK)
        await venue.step(3)
        await venue.quiet()
        await whole(venue, client)
        again = Book(exchange.book_rule)
        for update in client.updates:
            if (update.symbol, update.quote) == (pair.symbol, pair.quote):
                again.apply(update)
        old = venue.markets[pair].old_rest_snapshot()
        assert again.apply(old) is Outcome.WAITING
        fresh = [update for update in await client.get(path) if isinstance(update, BookUpdate)]
        assert again.apply(fresh[0]) is Outcome.CHANGED
        assert again.best(10_000) == venue.book(pair)

    venue = followed(market, Channel.ORDERBOOK, test, Faults(stale_rest_books=1))
    assert {fault.kind for fault in venue.injected} == {FaultKind.STALE_REST_BOOK}
