"""The bounded queue between the sockets and the pipeline."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from src.collect.arrival import Arrival, Happening
from src.collect.parsed import Channel, Frame
from src.collect.source import FrameQueue
from src.collect.status import MarketStatus
from src.schema.records import EventKind, Source
from tests.collect.live_player import BTC, Swift, playing, said
from tests.collect.local_servers import served
from tests.collect.tickers import START


def arrival(number: int, url: str | None = None) -> Arrival:
    return Arrival(frame=Frame("okx", Source.LIVE, START, "pong", url), received_time=number, connection=None if url else 4)


class TestFrameQueue:
    def test_when_it_is_full_the_oldest_frames_go_and_are_counted(self) -> None:
        async def run() -> None:
            queue = FrameQueue(limit=2)
            for number in range(5):
                queue.put(arrival(number))
            assert len(queue) == 2
            queue.close()
            assert [coming.received_time async for coming in queue] == [3, 4]
            assert queue.dropped == {("okx", 4): 3}
            markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
            queue.note_dropped(markets)
            assert markets["okx"].note.startswith("3 frames dropped")

        asyncio.run(run())

    def test_what_went_wrong_after_frames_were_dropped_stays_to_be_read_until_more_are(self) -> None:
        async def run() -> None:
            queue = FrameQueue(limit=1)
            markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
            for number in range(3):
                queue.put(arrival(number))
            queue.note_dropped(markets)
            assert markets["okx"].note.startswith("2 frames dropped")
            markets["okx"].note = "connection closed"
            queue.note_dropped(markets)
            assert markets["okx"].note == "connection closed"
            queue.put(arrival(3))
            queue.note_dropped(markets)
            assert markets["okx"].note.startswith("3 frames dropped")
            assert queue.dropped == {("okx", 4): 3}

        asyncio.run(run())

    def test_what_happened_and_what_was_asked_for_do_not_go(self) -> None:
        async def run() -> None:
            queue = FrameQueue(limit=3)
            queue.put(Happening(kind=EventKind.CONNECTED, market="okx", source=Source.LIVE, received_time=100, channel=Channel.TRADE))
            queue.put(arrival(200, "http://127.0.0.1/trades"))
            for number in range(4):
                queue.put(arrival(number))
            queue.close()
            assert [coming.received_time async for coming in queue] == [100, 200, 3]

        asyncio.run(run())

    def test_dropped_frames_are_told_for_each_market_and_channel(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("src.collect.live._TEND_SECONDS", 0.01)
        monkeypatch.setattr("src.collect.source.FrameQueue.__init__.__defaults__", (10,))

        async def flood(socket: ServerConnection) -> None:
            await socket.recv()
            for number in range(100):
                await socket.send(said("BTC", float(number)))
            await socket.wait_closed()

        async def run() -> None:
            async with served(flood) as url, playing(tmp_path, Swift(), url) as player:
                await asyncio.sleep(0)
                while player.source._queue.dropped.total() < 92:  # noqa: ASYNC110  nobody takes what comes
                    await asyncio.sleep(0.001)
                await player.until(lambda player: bool(player.happenings(EventKind.DROPPED)))
                (dropped,) = player.happenings(EventKind.DROPPED)
                assert (dropped.market, dropped.channel, dropped.pairs) == ("okx", Channel.TICKER, (BTC,))
                assert player.kinds()[:2] == ["connected", "subscribed"]

        asyncio.run(run())
