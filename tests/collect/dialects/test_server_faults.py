"""Faults of the market data of the local exchange, in every dialect: each shows, and a client can get over it."""

from __future__ import annotations

import pytest

from src.collect.book_rule import FullReplace
from src.collect.parsed import Channel
from tests.collect.dialects.client import Client
from tests.collect.dialects.faults import FaultKind, Faults
from tests.collect.dialects.following import ALL, EVERY, WITH_CHECKSUMS, followed, served, whole
from tests.collect.dialects.server import LocalExchange


async def stepped(venue: LocalExchange, client: Client, count: int) -> None:
    """So many steps, after each of which client and exchange hear each other, so that a broken book is asked for in the midst of them."""
    for _ in range(count):
        await venue.step()
        await (await client.socket.ping())


@EVERY
def test_each_gap_of_a_book_shows_and_a_new_snapshot_heals_it(market: str) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await stepped(venue, client, 300)
        await venue.quiet()
        await whole(venue, client)
        gaps = [fault for fault in venue.injected if fault.kind is FaultKind.BOOK_GAP]
        assert len(client.faults) == len(gaps) == len(venue.injected)
        for known, gap in zip(client.faults, gaps, strict=True):
            if known.first_sequence is not None and known.last_sequence is not None and gap.first_sequence and gap.last_sequence:
                assert known.first_sequence < int(gap.first_sequence) <= int(gap.last_sequence) < known.last_sequence
        assert (gaps == []) is isinstance(ALL[market].exchange.book_rule, FullReplace)

    followed(market, Channel.ORDERBOOK, test, Faults(book_gap=0.1))


@EVERY
def test_each_stale_snapshot_shows_but_where_the_older_book_is_left_aside(market: str) -> None:
    rule = ALL[market].exchange.book_rule

    async def test(venue: LocalExchange, client: Client) -> None:
        await stepped(venue, client, 200)
        await venue.quiet()
        await whole(venue, client)
        assert {fault.kind for fault in venue.injected} == (set() if rule.rest_snapshot else {FaultKind.STALE_SNAPSHOT})
        assert client.faults == []

    followed(market, Channel.ORDERBOOK, test, Faults(stale_snapshot=0.1))


@EVERY
def test_messages_that_come_twice_do_a_book_no_harm(market: str) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await served(venue, Channel.ORDERBOOK)
        begun = len(venue.markets) * (not ALL[market].exchange.book_rule.rest_snapshot)
        await venue.step(100)
        await venue.quiet()
        await client.until(lambda: len(client.updates) == begun + 202 + len(venue.injected))
        await whole(venue, client)
        assert {fault.kind for fault in venue.injected} == {FaultKind.DUPLICATE}
        assert client.faults == []

    followed(market, Channel.ORDERBOOK, test, Faults(duplicate=0.2))


@pytest.mark.parametrize("market", WITH_CHECKSUMS)
def test_each_spoiled_checksum_shows(market: str) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await stepped(venue, client, 200)
        await venue.quiet()
        await whole(venue, client)
        assert {fault.kind for fault in venue.injected} == {FaultKind.SPOILED_CHECKSUM}
        assert [fault.reason for fault in client.faults] == ["the checksum is wrong"] * len(venue.injected)

    followed(market, Channel.ORDERBOOK, test, Faults(spoiled_checksum=0.1))


@EVERY
def test_what_was_lost_and_what_came_are_all_the_trades(market: str) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await served(venue, Channel.TRADE)
        await venue.step(100)
        await venue.quiet()
        ends = {trades[-1].trade_id for trades in venue.trades.values()}
        await client.until(lambda: ends <= {trade.trade_id for trade in client.trades})
        lost = [fault for fault in venue.injected if fault.kind is FaultKind.LOST_TRADE]
        doubles = [fault for fault in venue.injected if fault.kind is FaultKind.DUPLICATE]
        assert lost
        assert doubles
        for pair, happened in venue.trades.items():
            came = [trade.trade_id for trade in client.trades if trade.symbol == pair.symbol]
            gone = [fault.first_sequence for fault in lost if fault.pair == pair]
            assert not set(came) & set(gone)
            assert sorted([*dict.fromkeys(came), *gone], key=str) == sorted((trade.trade_id for trade in happened), key=str)
            assert len(came) - len(set(came)) == len([fault for fault in doubles if fault.pair == pair])

    followed(market, Channel.TRADE, test, Faults(lost_trade=0.2, duplicate=0.1))


@EVERY
def test_a_silent_subscription_is_served_when_it_is_renewed(market: str) -> None:
    async def test(venue: LocalExchange, client: Client) -> None:
        await venue.until(lambda: len(venue.injected) >= 2)
        await venue.step(5)
        await (await client.socket.ping())
        assert client.said == []
        assert {fault.kind for fault in venue.injected} == {FaultKind.SILENT_SUBSCRIPTION}
        for pair in venue.markets:
            await client.renew(pair)
        await served(venue, Channel.TRADE)
        await venue.step()
        await client.until(lambda: {trade.symbol for trade in client.trades} == {"BTC", "ETH"})

    followed(market, Channel.TRADE, test, Faults(silent_subscriptions=1))
