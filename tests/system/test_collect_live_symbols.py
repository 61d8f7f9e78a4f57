"""What is collected: symbols are looked up before anything starts, halted ones are told, and one collector holds a market's channel."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from src.broker.cluster import Cluster
from src.collect.exchanges import exchange
from src.collect.parsed import Channel, Pair
from src.schema.records import EventKind
from tests.collect.dialects.server import LocalExchange
from tests.servers import free_port
from tests.system.local_exchanges import ALL, EVERY_MARKET, pairs_of, served, started, step, venues
from tests.system.seen import Seen

pytestmark = pytest.mark.broker
NO_BROKER = f"127.0.0.1:{free_port()}"


def test_an_unknown_symbol_is_refused_before_anything_starts(tmp_path: Path) -> None:
    async def run() -> None:
        async with venues(EVERY_MARKET) as places:
            with started(tmp_path, NO_BROKER, "collect", "--symbols", "BTC,ETHH", places=places) as process:
                assert await process.end() == 2
            lines = process.output.splitlines()
            assert lines == ["coinspark: no exchange asked for trades ETHH (COINSPARK_SYMBOLS): did you mean ETH?"]
            assert all(venue.sockets == [] for venue in places.values())

    asyncio.run(run())


def test_all_symbols_are_those_of_the_lists_and_a_halted_one_is_told(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        halted = Pair("XRP", "USDT")
        async with LocalExchange(ALL["okx"], [*pairs_of(exchange("okx")), Pair("SOL", "USDT")], halted=[halted]) as okx:
            words = ("collect", "--channels", "trade", "--symbols", "all")
            with started(tmp_path, broker.bootstrap_servers, *words, places={"okx": okx}) as process:
                await served({"okx": okx}, [Channel.TRADE])
                assert {pair.symbol for socket in okx.sockets for _, pair in socket.subscriptions} == {"BTC", "ETH", "SOL"}
                assert await process.stop() == 0
            with started(
                tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", "--symbols", "BTC,XRP", places={"okx": okx}
            ) as process:
                async with asyncio.timeout(30):
                    await okx.until(lambda: any(socket.subscriptions for socket in okx.sockets))
                assert {pair.symbol for socket in okx.sockets for _, pair in socket.subscriptions} == {"BTC"}
                assert await process.stop() == 0
            assert "okx does not trade XRP against USDT: left out there" in process.output
        seen.close()

    asyncio.run(run())


def test_a_market_that_halts_a_coin_while_it_runs_is_in_the_ledger(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        okx = LocalExchange(ALL["okx"], pairs_of(exchange("okx")))
        patches = {"src.collect.run.watch_listings.__defaults__": [1.0]}
        async with okx:
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places={"okx": okx}, patches=patches) as process:
                await served({"okx": okx}, [Channel.TRADE])
                eth = pairs_of(exchange("okx"))[1]
                market = okx.markets.pop(eth)
                await seen.until(process, lambda seen: bool(seen.of_kind(EventKind.HALTED)))
                okx.markets[eth] = market
                await seen.until(process, lambda seen: bool(seen.of_kind(EventKind.TRADING)))
                assert await process.stop() == 0
            told = [(event.kind, event.market, event.channel, event.symbol) for event in seen.of_kind(EventKind.HALTED, EventKind.TRADING)]
            assert told == [(EventKind.HALTED, "okx", Channel.TRADE, "ETH"), (EventKind.TRADING, "okx", Channel.TRADE, "ETH")]
        seen.close()

    asyncio.run(run())


def test_one_collector_holds_a_channel_of_a_market(broker: Cluster, tmp_path: Path) -> None:
    async def run() -> None:
        seen = Seen(broker.bootstrap_servers)
        async with venues(["okx", "bybit"]) as places:
            okx, bybit = ({market: places[market]} for market in ("okx", "bybit"))
            with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=okx) as first:
                await served(okx, [Channel.TRADE])
                with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=places) as second:
                    assert await second.end() == 2
                assert "okx trade is already collected by pid" in second.output
                with started(tmp_path, broker.bootstrap_servers, "collect", "--channels", "trade", places=bybit) as third:
                    await served(bybit, [Channel.TRADE])
                    await step(places, 3)
                    await seen.complete(third, places, books=False)
                    first.check()
                    assert await third.stop() == 0
                assert await first.stop() == 0
        seen.close()

    asyncio.run(run())
