"""What the pipeline needs is asked for by the socket or by REST."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from src.collect.arrival import Arrival, Need, Unanswered
from src.collect.exchanges import exchange
from src.collect.live import LiveSource
from src.collect.parsed import Channel, Pair
from src.collect.status import MarketStatus
from src.config import load_settings
from src.schema.records import EventKind, Region, Side, Trade
from tests.collect.live_player import BTC, ETH, TRADES, UPBIT, Swift, okx, playing, upbit
from tests.collect.local_servers import Answer, http_served, served


def need(channel: Channel, pair: Pair = BTC) -> Need:
    return Need(market="okx", channel=channel, pair=pair)


class TestNeeds:
    def test_a_book_is_begun_anew_by_the_socket_once_however_often_it_is_asked_for(self, tmp_path: Path) -> None:
        asked: list[str] = []
        renewed = asyncio.Event()

        async def listen(socket: ServerConnection) -> None:
            async for message in socket:
                asked.append(f"{json.loads(message)['op']} {json.loads(message)['args'][-1]['instId']}")
                if asked[-1] == "subscribe ETH-USDT" and len(asked) > 1:
                    renewed.set()

        async def run() -> None:
            async with served(listen) as url, playing(tmp_path, Swift(), url, (Channel.ORDERBOOK,), (ETH, BTC)) as player:
                await player.until(lambda player: bool(player.happenings(EventKind.SUBSCRIBED)))
                for _ in range(3):
                    player.source.ask(need(Channel.ORDERBOOK))
                player.source.ask(need(Channel.ORDERBOOK, Pair("XRP", "USDT")))
                player.source.ask(need(Channel.ORDERBOOK, ETH))
                await renewed.wait()

        asyncio.run(run())
        assert asked == ["subscribe BTC-USDT", "unsubscribe BTC-USDT", "subscribe BTC-USDT", "unsubscribe ETH-USDT", "subscribe ETH-USDT"]

    def test_a_book_that_needs_a_snapshot_by_rest_gets_it_with_the_pair_as_it_was_subscribed_to(self, tmp_path: Path) -> None:
        class Anchored(Swift):
            book_rule = exchange("binance").book_rule

            def book_path(self, pair: Pair) -> str:
                return f"/book?symbol={pair.multiple}{pair.symbol}"

        async def run() -> None:
            many = Pair("SHIB", "USDT", 1000)
            async with served(okx) as url, http_served(lambda _: Answer({"asks": []})) as base:
                venue = Anchored()
                async with playing(tmp_path, venue, url, (Channel.ORDERBOOK,), (many,), rest_urls={"okx": base}) as player:
                    player.source.ask(need(Channel.ORDERBOOK, Pair("SHIB", "USDT")))
                    async for coming in player.source:
                        if isinstance(coming, Arrival) and coming.frame.url is not None:
                            break
                    assert coming.frame.url == f"{base}/book?symbol=1000SHIB"
                    assert coming.frame.message == b'{"asks": []}'
                    assert coming.connection is None

        asyncio.run(run())

    def test_missing_trades_come_by_rest(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with (
                served(okx) as url,
                http_served(lambda _: Answer(TRADES)) as base,
                playing(tmp_path, Swift(), url, (Channel.TRADE,), rest_urls={"okx": base}) as player,
            ):
                player.source.ask(need(Channel.TRADE))
                await player.until(lambda player: any(isinstance(item, Trade) for item in player.data()))
                (trade,) = (item for item in player.data() if isinstance(item, Trade))
                assert (trade.region, trade.trade_id, trade.price, trade.size, trade.side) == (Region.ASIA, "7", 60000.0, 0.1, Side.BUY)
                assert trade.backfilled

        asyncio.run(run())

    @pytest.mark.parametrize(("pair", "reason"), [(BTC, "the exchange cannot be asked for past trades"), (ETH, "nobody subscribed to it")])
    def test_trades_that_cannot_be_got_are_given_up(self, tmp_path: Path, pair: Pair, reason: str) -> None:
        async def run() -> None:
            async with served(okx) as url, playing(tmp_path, Swift(), url, (Channel.TRADE,)) as player:
                player.source.ask(need(Channel.TRADE, pair))
                came = await player.until(lambda player: any(isinstance(coming, Unanswered) for coming in player.came))
                (given_up,) = (coming for coming in came if isinstance(coming, Unanswered))
                assert (given_up.need.pair, given_up.reason) == (pair, reason)

        asyncio.run(run())


def test_the_bank_rate_comes_where_a_korean_exchange_is_collected(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(upbit) as url, http_served(lambda _: Answer({"rates": {"KRW": 1400}})) as base:
            settings = load_settings(home=tmp_path, bank_rate_urls=f"{base}/latest", exchange_urls={"upbit": url})
            source = LiveSource({"upbit": UPBIT}, {"upbit": {Channel.TICKER: [Pair("BTC", "KRW")]}}, settings, defaultdict(MarketStatus))
            async for coming in source:
                if isinstance(coming, Arrival) and coming.frame.market == "bank":
                    break
            await source.close()
            assert (coming.frame.message, coming.frame.url) == (b'{"rates": {"KRW": 1400}}', f"{base}/latest")

    asyncio.run(run())
