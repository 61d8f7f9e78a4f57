"""Silent subscriptions are found, and a connection is changed before its end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from src.collect.arrival import Need
from src.collect.exchange import Exchange, RateLimit
from src.collect.parsed import Channel
from src.schema.records import EventKind
from tests.collect.live_player import BTC, ETH, Swift, okx, playing, said
from tests.collect.local_servers import served


def test_a_silent_pair_is_told_and_subscribed_to_again_on_the_open_socket(tmp_path: Path) -> None:
    """What an exchange does when it acknowledges a subscription that it does not serve."""
    asked: list[tuple[str, list[str]]] = []

    async def forgetful(socket: ServerConnection) -> None:
        async def quote() -> None:
            while True:
                await socket.send(said("BTC", 1.0))
                await asyncio.sleep(0.01)

        quoting = asyncio.create_task(quote())
        async for message in socket:
            request = json.loads(message)
            asked.append((request["op"], [argument["instId"] for argument in request["args"]]))
            if len(asked) == 3:
                await socket.send(said("ETH", 2.0))
        quoting.cancel()

    async def run() -> None:
        async with served(forgetful) as url, playing(tmp_path, Swift(), url, pairs=(BTC, ETH), stale_seconds=0.2) as player:
            await player.until(lambda player: "ETH 2.0" in player.kinds())
            kinds = [kind for kind in player.kinds() if kind != "BTC 1.0"]
            assert kinds == ["connected", "subscribed", "stale", "subscribed", "ETH 2.0"]
            assert [happening.pairs for happening in player.happenings(EventKind.STALE)] == [(ETH,)]
            assert [happening.pairs for happening in player.happenings(EventKind.SUBSCRIBED)] == [(BTC, ETH), (ETH,)]

    asyncio.run(run())
    assert asked[:3] == [("subscribe", ["BTC-USDT", "ETH-USDT"]), ("unsubscribe", ["ETH-USDT"]), ("subscribe", ["ETH-USDT"])]


def test_a_socket_with_heartbeats_but_no_data_is_given_up(tmp_path: Path) -> None:
    opened = 0

    async def silent(socket: ServerConnection) -> None:
        nonlocal opened
        opened += 1
        if opened == 2:
            await okx(socket)
        while True:
            await socket.send("pong")
            await asyncio.sleep(0.01)

    async def run() -> None:
        async with served(silent) as url, playing(tmp_path, Swift(), url, stale_seconds=0.2) as player:
            await player.until(lambda player: len(player.data()) == 1)
            assert player.kinds() == ["connected", "subscribed", "stale", "disconnected", "connected", "subscribed", "BTC 60000.0"]
            assert player.happenings(EventKind.DISCONNECTED)[0].detail == "no market data for 0.2 s"

    asyncio.run(run())


class TestTooManyRenewals:
    """OKX ends a connection that sends too many requests in an hour: before that another one takes its place."""

    def test_a_book_is_begun_anew_by_the_next_connection(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("src.collect.connection.RENEWAL_REQUESTS", RateLimit(3, 3600.0))
        asked: list[tuple[int, str]] = []
        opened = 0
        begun_anew = asyncio.Event()

        async def listen(socket: ServerConnection) -> None:
            nonlocal opened
            opened += 1
            number = opened
            async for message in socket:
                asked.append((number, json.loads(message)["op"]))
                if number == 2:
                    begun_anew.set()

        async def run() -> None:
            async with served(listen) as url, playing(tmp_path, Swift(), url, (Channel.ORDERBOOK,), (BTC, ETH)) as player:
                await player.until(lambda player: bool(player.happenings(EventKind.SUBSCRIBED)))
                for pair in (BTC, ETH):
                    player.source.ask(Need(market="okx", channel=Channel.ORDERBOOK, pair=pair))
                await begun_anew.wait()
                await player.until(lambda player: len(player.happenings(EventKind.CONNECTED)) == 2)
                assert player.happenings(EventKind.DISCONNECTED) == []

        asyncio.run(run())
        assert sorted(asked) == [(1, "subscribe"), (1, "subscribe"), (1, "unsubscribe"), (2, "subscribe")]

    def test_a_silent_pair_is_told_as_subscribed_to_again_by_the_next_connection(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("src.collect.connection.RENEWAL_REQUESTS", RateLimit(1, 3600.0))
        asked: list[str] = []

        async def forgetful(socket: ServerConnection) -> None:
            asked.append(json.loads(await socket.recv())["op"])
            if len(asked) == 2:
                await socket.send(said("ETH", 2.0))
            while True:
                await socket.send(said("BTC", 1.0))
                await asyncio.sleep(0.01)

        async def run() -> None:
            async with served(forgetful) as url, playing(tmp_path, Swift(), url, pairs=(BTC, ETH), stale_seconds=0.5) as player:
                await player.until(lambda player: "ETH 2.0" in player.kinds())
                kinds = [kind for kind in player.kinds() if kind != "BTC 1.0"]
                assert kinds == ["connected", "subscribed", "stale", "connected", "subscribed", "ETH 2.0"]
                assert [happening.pairs for happening in player.happenings(EventKind.SUBSCRIBED)] == [(BTC, ETH), (ETH,)]

        asyncio.run(run())
        assert asked == ["subscribe", "subscribe"]


class TestChangingBeforeTheCut:
    """A new connection is opened and subscribed before the old one ends, and nothing is missing or told to be."""

    def _run(self, home: Path, venue: Exchange, announce: str | None) -> tuple[list[str], list[str]]:
        """What came until the third connection had given data, and what became of the connections."""
        log: list[str] = []

        async def numbered(socket: ServerConnection) -> None:
            number = sum(line.startswith("open") for line in log) + 1
            log.append(f"open {number}")
            await socket.recv()
            await socket.send(said("BTC", float(number)))
            if announce is not None and number < 3:
                await socket.send(announce)
            await socket.wait_closed()
            log.append(f"closed {number}")

        async def run() -> list[str]:
            async with served(numbered) as url, playing(home, venue, url) as player:
                await player.until(lambda player: "BTC 3.0" in player.kinds())
                assert [happening.detail for happening in player.happenings(EventKind.DISCONNECTED)] == []
                player.source.update_status(player.markets)
                assert player.markets["okx"].reconnects == 0
                return player.kinds()

        return asyncio.run(run()), log

    def test_at_an_age(self, tmp_path: Path) -> None:
        class ShortLived(Swift):
            connection_seconds = 0.4

        kinds, log = self._run(tmp_path, ShortLived(), None)
        assert kinds == ["connected", "subscribed", "BTC 1.0", "connected", "BTC 2.0", "connected", "BTC 3.0"]
        assert log[:4] == ["open 1", "open 2", "closed 1", "open 3"]

    def test_when_the_exchange_announces_the_end(self, tmp_path: Path) -> None:
        kinds, log = self._run(tmp_path, Swift(), json.dumps({"event": "notice", "code": "64008", "msg": "upgrade", "connId": "a"}))
        assert kinds == ["connected", "subscribed", "BTC 1.0", "connected", "BTC 2.0", "connected", "BTC 3.0"]
        assert log[:4] == ["open 1", "open 2", "closed 1", "open 3"]

    def test_an_old_connection_that_ends_too_early_is_told_for_the_pairs_that_were_not_taken_over(self, tmp_path: Path) -> None:
        class ShortLived(Swift):
            connection_seconds = 0.4

        opened = 0
        first_may_end = asyncio.Event()

        async def numbered(socket: ServerConnection) -> None:
            nonlocal opened
            opened += 1
            number = opened
            await socket.recv()
            await socket.send(said("BTC", float(number)))
            if number == 1:
                await first_may_end.wait()
                socket.transport.abort()
            await socket.wait_closed()

        async def run() -> None:
            async with served(numbered) as url, playing(tmp_path, ShortLived(), url, pairs=(BTC, ETH)) as player:
                await player.until(lambda player: "BTC 2.0" in player.kinds())
                first_may_end.set()
                await player.until(lambda player: len(player.happenings(EventKind.SUBSCRIBED)) == 2)
                assert player.kinds() == ["connected", "subscribed", "BTC 1.0", "connected", "BTC 2.0", "disconnected", "subscribed"]
                assert [happening.pairs for happening in player.happenings(EventKind.DISCONNECTED)] == [(ETH,)]
                assert [happening.pairs for happening in player.happenings(EventKind.SUBSCRIBED)] == [(BTC, ETH), (ETH,)]

        asyncio.run(run())

    def test_an_old_connection_that_ends_before_the_new_one_opens_is_lost_as_any_other(self, tmp_path: Path) -> None:
        class ShortLived(Swift):
            connection_seconds = 0.4

        requests = 0
        second_asked = asyncio.Event()
        first_lost = asyncio.Event()

        async def wait_with_second(_socket: ServerConnection, _request: Request) -> None:
            nonlocal requests
            requests += 1
            if requests == 2:
                second_asked.set()
                await first_lost.wait()

        async def first_ends(socket: ServerConnection) -> None:
            if requests > 1:
                await okx(socket)
            await socket.recv()
            await socket.send(said("BTC", 1.0))
            await second_asked.wait()
            socket.transport.abort()

        async def run() -> None:
            async with served(first_ends, process_request=wait_with_second) as url, playing(tmp_path, ShortLived(), url) as player:
                await player.until(lambda player: bool(player.happenings(EventKind.DISCONNECTED)))
                first_lost.set()
                await player.until(lambda player: len(player.data()) == 2)
                assert player.kinds() == ["connected", "subscribed", "BTC 1.0", "disconnected", "connected", "subscribed", "BTC 60000.0"]

        asyncio.run(run())
