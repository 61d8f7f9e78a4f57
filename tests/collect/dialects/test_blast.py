"""The fast local exchange: its frames are of a true market, in every dialect, and it runs in a process of its own."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from src.collect.exchange import Exchange
from src.collect.exchanges import exchange
from src.collect.parsed import Channel, Frame, Pair
from src.schema.records import Source, Trade
from tests.collect.dialects.blast import CHUNK, blast_pairs, chunks, framed, send
from tests.collect.dialects.client import Client
from tests.collect.dialects.following import ALL, EVERY, offered
from tests.collect.dialects.server import LocalExchange

ROOT = Path(__file__).parents[3]


@EVERY
@pytest.mark.parametrize("channel", list(Channel))
def test_the_frames_go_on_from_what_a_subscription_begins_with(market: str, channel: Channel) -> None:
    dialect = ALL[market]
    offered(dialect, channel)
    pairs = blast_pairs(dialect.exchange, 4)

    async def run() -> None:
        made = itertools.islice(chunks(dialect, channel, pairs, seed=3), 2)
        async with LocalExchange(dialect, pairs, seed=3) as venue, Client(venue, dialect.exchange, channel, pairs) as client:
            assert await send(venue, channel, pairs, made) == 2 * CHUNK
            begun = 0 if channel is Channel.TRADE or (channel is Channel.ORDERBOOK and dialect.exchange.book_rule.rest_snapshot) else len(pairs)
            await client.until(lambda: len(client.said) == begun + 2 * CHUNK)
            if channel is Channel.TRADE:
                assert [trade.trade_id for trade in client.trades if trade.symbol == "BTC"] == [
                    dialect.trade_id(number) for number in range(1, 2 * CHUNK // len(pairs) + 1)
                ]
            if channel is Channel.ORDERBOOK:
                assert client.faults == []
                assert all(book.valid for book in client.books.values())

    asyncio.run(run())


def test_the_process_sends_each_frame_once_and_ends_with_its_last_client() -> None:
    okx = exchange("okx")

    async def run() -> None:
        arguments = ("-m", "tests.collect.dialects.blast", "okx", "trade", "0", "--pairs", "3", "--frames", "1000")
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        word, port, count = (await process.stdout.readline()).decode().split()
        assert (word, count) == ("listening", "1000")
        pairs = blast_pairs(okx, 3)
        assert pairs == [Pair("BTC", "USDT"), Pair("ETH", "USDT"), Pair("XRP", "USDT")]
        trades: list[tuple[str, str | None]] = []
        async with connect(f"ws://127.0.0.1:{port}") as socket:
            for request in okx.subscribe(Channel.TRADE, pairs):
                await socket.send(request)
            while len(trades) < 1000:
                trades += ids(okx, await socket.recv())
        assert len(set(trades)) == 1000
        assert (await process.stdout.read()).decode() == "sent 1000\n"
        assert await process.wait() == 0

    asyncio.run(run())


def ids(market: Exchange, message: str | bytes) -> list[tuple[str, str | None]]:
    parsed = market.parse(Frame(market.name, Source.LIVE, 0, message))
    return [(trade.symbol, trade.trade_id) for trade in parsed if isinstance(trade, Trade)]


@pytest.mark.parametrize(
    ("message", "head"),
    [
        ("ok", b"\x81\x02ok"),
        (b"ok", b"\x82\x02ok"),
        ("x" * 126, b"\x81\x7e\x00\x7e" + b"x" * 126),
        (b"x" * 65_536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + b"x" * 65_536),
    ],
)
def test_frames_are_those_of_a_websocket_server(message: str | bytes, head: bytes) -> None:
    assert framed(message) == head
