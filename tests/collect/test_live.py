"""The live source against local websocket servers that speak as the exchanges do."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, ClassVar

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from src.collect.arrival import Arrival, Happening
from src.collect.live import LiveSource
from src.collect.parsed import Channel, Pair
from src.collect.status import MarketStatus
from src.config import load_settings
from src.errors import ConfigurationError
from src.schema.records import EventKind, Source
from tests.collect.live_player import BTC, ETH, OKX, UPBIT, Player, Swift, okx, playing, said, upbit
from tests.collect.local_servers import served
from tests.collect.tickers import START


def test_frames_of_several_exchanges_come_as_they_were_sent(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(upbit) as upbit_url, served(okx) as okx_url:
            markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
            settings = load_settings(home=tmp_path, bank_rate_urls="", exchange_urls={"upbit": upbit_url, "okx": okx_url})
            wanted = {"upbit": {Channel.TICKER: [Pair("BTC", "KRW"), Pair("USDT", "KRW")]}, "okx": {Channel.TICKER: [BTC, ETH]}}
            exchanges = {"upbit": UPBIT, "okx": OKX}
            source = LiveSource(exchanges, wanted, settings, markets)
            await source.any_opened()
            player = Player(source, markets, exchanges)
            came = await player.until(lambda player: len(player.data()) == 4)
            source.update_status(markets)
            assert markets["upbit"].connected
            assert markets["okx"].connected
            await source.close()
            arrivals = [coming for coming in came if isinstance(coming, Arrival)]
            assert {type(arrival.frame.message) for arrival in arrivals if arrival.frame.market == "upbit"} == {bytes}
            assert {type(arrival.frame.message) for arrival in arrivals if arrival.frame.market == "okx"} == {str}
            assert {(record.market, record.symbol, record.quote) for record in player.data()} == {
                ("upbit", "BTC", "KRW"), ("upbit", "USDT", "KRW"), ("okx", "BTC", "USDT"), ("okx", "ETH", "USDT"),
            }  # fmt: skip
            assert all(arrival.received_time > START and arrival.frame.source is Source.LIVE for arrival in arrivals)

    asyncio.run(run())


def test_a_lost_socket_is_opened_and_subscribed_again_and_all_is_told_in_its_order(tmp_path: Path) -> None:
    subscriptions = 0

    async def closing(socket: ServerConnection) -> None:
        nonlocal subscriptions
        await socket.recv()
        subscriptions += 1
        await socket.send(said("BTC", float(subscriptions)))
        socket.transport.abort()

    async def run() -> None:
        async with served(closing) as url, playing(tmp_path, Swift(), url) as player:
            await player.until(lambda player: len(player.data()) == 3)
            once = ["connected", "subscribed", "BTC {}.0", "disconnected"]
            assert player.kinds() == [text.format(number) for number in (1, 2, 3) for text in once][:11]
            lost = player.happenings(EventKind.DISCONNECTED)[0]
            assert (lost.market, lost.channel, lost.pairs, lost.source) == ("okx", Channel.TICKER, (BTC,), Source.LIVE)
            assert "connection closed" in lost.detail
            player.source.update_status(player.markets)
            assert player.markets["okx"].reconnects >= 2
            assert "connection closed" in player.markets["okx"].note

    asyncio.run(run())


def test_each_channel_has_its_socket_and_no_socket_more_pairs_than_the_exchange_takes(tmp_path: Path) -> None:
    class Small(Swift):
        pairs_per_connection = 2

    asked: list[tuple[str, ...]] = []
    all_asked = asyncio.Event()

    async def listen(socket: ServerConnection) -> None:
        asked.append(tuple(f"{argument['channel']} {argument['instId']}" for argument in json.loads(await socket.recv())["args"]))
        if len(asked) == 4:
            all_asked.set()
        await socket.wait_closed()

    async def run() -> None:
        pairs = [BTC, ETH, Pair("XRP", "USDT")]
        async with served(listen) as url, playing(tmp_path, Small(), url, (Channel.TRADE, Channel.ORDERBOOK), pairs):
            await all_asked.wait()

    asyncio.run(run())
    assert sorted(asked) == [("books BTC-USDT", "books ETH-USDT"), ("books XRP-USDT",), ("trades BTC-USDT", "trades ETH-USDT"), ("trades XRP-USDT",)]


def test_a_refused_region_is_said_and_the_mirror_tried_at_once(tmp_path: Path) -> None:
    def refuse(socket: ServerConnection, _request: Request) -> Response:
        return socket.respond(451, "no\n")

    async def run() -> None:
        async with served(okx, process_request=refuse) as main, served(okx) as mirror:

            class Mirrored(Swift):
                urls = dict.fromkeys(Channel, (main, mirror))

            async with playing(tmp_path, Mirrored(), None) as player:
                await player.until(lambda player: len(player.data()) == 1)
                assert player.kinds() == ["refused", "connected", "subscribed", "BTC 60000.0"]
                refused, connected = player.came[:2]
                assert isinstance(refused, Happening)
                assert isinstance(connected, Happening)
                assert "does not serve this country" in refused.detail
                assert refused.pairs == ()
                assert connected.detail == mirror.removeprefix("ws://")
                assert "does not serve this country" in player.markets["okx"].note

    asyncio.run(run())


def test_a_message_over_the_limit_costs_the_connection_but_not_the_source(tmp_path: Path) -> None:
    sent = 0

    async def huge(socket: ServerConnection) -> None:
        nonlocal sent
        sent += 1
        if sent == 1:
            await socket.recv()
            await socket.send("x" * (17 * 1024 * 1024))
        else:
            await okx(socket)

    async def run() -> None:
        async with served(huge) as url, playing(tmp_path, Swift(), url) as player:
            await player.until(lambda player: len(player.data()) == 1)
            assert "1009" in player.markets["okx"].note

    asyncio.run(run())


def test_a_close_ends_the_frames_after_those_that_have_come_and_says_goodbye(tmp_path: Path) -> None:
    codes: list[int | None] = []

    async def server(socket: ServerConnection) -> None:
        await okx(socket)
        codes.append(socket.close_code)

    async def run() -> None:
        async with served(server) as url, playing(tmp_path, Swift(), url, pairs=(BTC, ETH)) as player:
            await player.until(lambda player: len(player.data()) == 1)
            while player.source.queued < 2:  # noqa: ASYNC110  nobody takes what comes
                await asyncio.sleep(0.001)
            await player.source.close()
            await player.source.close()
            left = await player.rest()
            assert [type(coming) for coming in left] == [Arrival, Arrival]
            player.source.update_status(player.markets)
            assert not player.markets["okx"].connected

    asyncio.run(run())
    assert codes == [1000]


def test_a_close_does_not_wait_for_what_does_not_answer(tmp_path: Path) -> None:
    async def run() -> None:
        release = asyncio.Event()

        async def hang(_socket: ServerConnection, _request: Request) -> None:
            await release.wait()

        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(served(okx, process_request=hang))
            player = await stack.enter_async_context(playing(tmp_path, Swift(), url))
            await asyncio.wait_for(player.source.close(), 5)
            assert await player.rest() == []
            release.set()

    asyncio.run(run())


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "127.0.0.1:1", "ws://", "ws://me:secret@127.0.0.1:99999/", "ws://me:secret@127.0.0.1/x#part", "ws://["]
)
def test_an_address_that_is_no_websocket_is_refused(tmp_path: Path, url: str) -> None:
    async def run() -> None:
        with pytest.raises(ConfigurationError, match="COINSPARK_EXCHANGE_URLS: the address of okx") as refused:
            async with playing(tmp_path, OKX, url):
                pass
        assert "secret" not in str(refused.value)

    asyncio.run(run())


def test_a_channel_that_an_exchange_does_not_have_is_refused(tmp_path: Path) -> None:
    class Quiet(Swift):
        urls: ClassVar[Any] = {}

    async def run() -> None:
        with pytest.raises(ConfigurationError, match="okx has no public trade channel"):
            async with playing(tmp_path, Quiet(), None, (Channel.TRADE,)):
                pass

    asyncio.run(run())
