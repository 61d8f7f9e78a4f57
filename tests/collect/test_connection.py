"""One socket: what it sends, and what comes by it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from websockets.asyncio.server import ServerConnection

from src.collect.connection import Connection
from src.collect.exchange import KeepAlive, RateLimit
from src.collect.exchanges.okx import Okx
from src.collect.opening import open_socket
from src.collect.parsed import Channel, Pair
from tests.collect.local_servers import Handler, served

OKX = Okx()
BTC, ETH = Pair("BTC", "USDT"), Pair("ETH", "USDT")


def heard_by_server(exchange: Okx, wanted: int, pairs: list[Pair]) -> list[tuple[str, float]]:
    """The first text frames that a server gets from a connection, and how many seconds after the start it got them."""

    async def run() -> list[tuple[str, float]]:
        heard: list[tuple[str, float]] = []
        begun = asyncio.get_running_loop().time()
        enough = asyncio.Event()

        async def listen(socket: ServerConnection) -> None:
            async for message in socket:
                heard.append((str(message), asyncio.get_running_loop().time() - begun))
                if len(heard) == wanted:
                    enough.set()

        await with_connection(listen, exchange, pairs, enough)
        return heard[:wanted]

    return asyncio.run(run())


async def with_connection(handler: Handler, exchange: Okx, pairs: list[Pair], until: asyncio.Event, **more: Any) -> Connection:
    async with served(handler) as url:
        arguments: dict[str, Any] = {"deliver": lambda *_: True, "subscribed": lambda: None} | more
        connection = Connection(await open_socket(url, None), 0, exchange, Channel.TICKER, pairs, **arguments)
        await until.wait()
        await connection.close()
    assert connection.reading.done()
    return connection


def test_every_text_frame_keeps_to_the_limit_of_the_exchange() -> None:
    class Slow(Okx):
        requests = RateLimit(2, 0.2)

    heard = heard_by_server(Slow(), 5, [Pair(f"C{number}", "USDT") for number in range(500)])
    assert [len(json.loads(message)["args"]) for message, _ in heard] == [100] * 5
    # Two by two: before the fifth there is twice the limit's time. Nothing that delays it can make this false.
    assert heard[4][1] >= 0.4


def test_the_socket_is_kept_alive_as_the_exchange_wants() -> None:
    class Impatient(Okx):
        keep_alive = KeepAlive(every_seconds=0.01, message="ping")
        requests = RateLimit(1000, 1.0)

    heard = heard_by_server(Impatient(), 3, [BTC])
    assert json.loads(heard[0][0])["op"] == "subscribe"
    assert [message for message, _ in heard[1:]] == ["ping", "ping"]


def test_the_socket_is_kept_alive_by_protocol_pings() -> None:
    class Pinging(Okx):
        keep_alive = KeepAlive(every_seconds=0.01)

    async def run() -> None:
        pinged = asyncio.Event()

        async def listen(socket: ServerConnection) -> None:
            answer = socket.protocol.recv_frame

            def see(frame: Any) -> None:
                if frame.opcode.name == "PING":
                    pinged.set()
                answer(frame)

            socket.protocol.recv_frame = see  # type: ignore[method-assign]
            await socket.wait_closed()

        await with_connection(listen, Pinging(), [BTC], pinged)

    asyncio.run(run())


def test_text_comes_as_text_and_bytes_as_bytes_in_order_and_all_before_the_end() -> None:
    async def run() -> None:
        came: list[str | bytes] = []

        async def send(socket: ServerConnection) -> None:
            for number in range(3000):
                await socket.send(str(number) if number % 2 else str(number).encode())
            await socket.close(1001, "going away")

        async with served(send) as url:
            socket = await open_socket(url, None)
            connection = Connection(
                socket, 0, OKX, Channel.TICKER, [BTC], deliver=lambda _, message, __: came.append(message) is None, subscribed=lambda: None
            )
            await connection.reading
        assert came == [str(number) if number % 2 else str(number).encode() for number in range(3000)]
        assert "1001" in connection.reason
        assert "going away" in connection.reason

    asyncio.run(run())
