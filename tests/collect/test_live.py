"""The live source against local websocket servers that speak as the exchanges do."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from src.collect.arrival import Arrival
from src.collect.connection import Connection
from src.collect.exchange import Channel, Frame, Pair
from src.collect.exchanges import exchange
from src.collect.live import LiveSource, pairs_of
from src.collect.source import FrameQueue
from src.collect.status import MarketStatus
from src.config import Settings, load_settings
from src.errors import ConfigurationError
from src.schema.records import Source, Ticker
from tests.collect.tickers import START, ticker

Handler = Callable[[ServerConnection], Awaitable[None]]
UPBIT = exchange("upbit")
OKX = exchange("okx")


@asynccontextmanager
async def served(handler: Handler, **options: Any) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, **options) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}"


def settings(home: Path, **values: Any) -> Settings:
    return load_settings(home=home, symbols="BTC,ETH", **values)


async def collected(source: LiveSource, wanted: int) -> list[Arrival]:
    """That many arrivals with market data in them, after which the source is closed; each is told to the source as the collector does."""
    found: list[Arrival] = []
    async for arrival in source:
        assert isinstance(arrival, Arrival)
        market = exchange(arrival.frame.market)
        if any(isinstance(record, Ticker) for record in market.parse(arrival.frame)):
            source.saw_data(arrival)
            found.append(arrival)
            if len(found) == wanted:
                break
    await source.close()
    return found


async def upbit(socket: ServerConnection) -> None:
    """Upbit: one request, no acknowledgement, binary frames."""
    request = json.loads(await socket.recv())
    for code in next(part["codes"] for part in request if "codes" in part):
        quote, symbol = code.split("-")
        await socket.send(UPBIT.simulate(ticker("upbit", symbol, quote, price=1450.0)))
    await socket.wait_closed()


async def okx(socket: ServerConnection) -> None:
    """OKX: an acknowledgement for each argument, then text frames."""
    for argument in json.loads(await socket.recv())["args"]:
        await socket.send(json.dumps({"event": "subscribe", "arg": argument, "connId": "a4d3ae55"}))
        symbol, quote = argument["instId"].split("-")
        await socket.send(OKX.simulate(ticker("okx", symbol, quote, price=60_000.0)))
    await socket.wait_closed()


def test_frames_of_several_exchanges_come_as_they_were_sent(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(upbit) as upbit_url, served(okx) as okx_url:
            markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
            given = settings(tmp_path, exchange_urls={"upbit": upbit_url, "okx": okx_url})
            source = LiveSource({"upbit": UPBIT, "okx": OKX}, Channel.TICKER, given, markets)
            await source.any_opened()
            found = await collected(source, 5)
            assert {type(arrival.frame.message) for arrival in found if arrival.frame.market == "upbit"} == {bytes}
            records = [record for arrival in found for record in exchange(arrival.frame.market).parse(arrival.frame) if isinstance(record, Ticker)]
            assert {(record.market, record.symbol, record.quote) for record in records} == {
                ("upbit", "BTC", "KRW"), ("upbit", "ETH", "KRW"), ("upbit", "USDT", "KRW"), ("okx", "BTC", "USDT"), ("okx", "ETH", "USDT"),
            }  # fmt: skip
            assert all(arrival.received_time > START for arrival in found)

    asyncio.run(run())


def test_a_socket_that_closes_without_a_word_is_opened_again_and_subscribed_again(tmp_path: Path) -> None:
    subscriptions = 0

    async def closing(socket: ServerConnection) -> None:
        nonlocal subscriptions
        await socket.recv()
        subscriptions += 1
        await socket.send(OKX.simulate(ticker("okx", "BTC", "USDT", price=float(subscriptions))))
        socket.transport.abort()

    async def run() -> None:
        async with served(closing) as url:
            markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
            source = LiveSource({"okx": OKX}, Channel.TICKER, settings(tmp_path, exchange_urls={"okx": url}), markets)
            found = await collected(source, 3)
            source.update_status(markets)
            prices = [record.price for arrival in found for record in OKX.parse(arrival.frame) if isinstance(record, Ticker)]
            assert prices == [1.0, 2.0, 3.0]
            assert markets["okx"].reconnects >= 2
            assert "connection closed" in markets["okx"].note

    asyncio.run(run())
    assert subscriptions >= 3


def test_a_socket_with_heartbeats_but_no_data_is_given_up() -> None:
    """What an exchange does when it acknowledges a subscription that it does not serve."""
    opened = 0

    async def silent(socket: ServerConnection) -> None:
        nonlocal opened
        opened += 1
        while True:
            await socket.send("pong")
            await asyncio.sleep(0.01)

    async def run() -> None:
        notes: list[str] = []
        came: list[str | bytes] = []
        async with served(silent) as url:
            pairs = [Pair("BTC", "USDT")]
            connection = Connection(
                OKX, Channel.TICKER, pairs, [url], deliver=lambda message, _: came.append(message), note=notes.append, silence_seconds=0.2
            )
            task = asyncio.create_task(connection.run())
            while opened < 2:  # noqa: ASYNC110  the server counts
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert set(came) == {"pong"}
        assert "no market data" in notes[0]

    asyncio.run(run())


def test_the_client_keeps_the_socket_alive_as_the_exchange_wants(tmp_path: Path) -> None:
    async def run() -> list[str | bytes]:
        heard: list[str | bytes] = []
        enough = asyncio.Event()

        async def listening(socket: ServerConnection) -> None:
            async for message in socket:
                heard.append(message)
                if heard.count("ping") == 2:
                    enough.set()

        class Impatient(type(OKX)):  # type: ignore[misc]
            keep_alive = type(OKX.keep_alive)(0.01, OKX.keep_alive.message) if OKX.keep_alive else None

        async with served(listening) as url:
            source = LiveSource({"okx": Impatient()}, Channel.TICKER, settings(tmp_path, exchange_urls={"okx": url}), defaultdict(MarketStatus))
            await enough.wait()
            await source.close()
        return heard

    heard = asyncio.run(run())
    assert json.loads(heard[0])["op"] == "subscribe"
    assert heard[1] == "ping"


@pytest.mark.parametrize(("status", "says"), [(451, "does not serve this country"), (503, "HTTP 503")])
def test_a_refused_connection_is_said_plainly(tmp_path: Path, status: int, says: str) -> None:
    async def run() -> str:
        def refuse(socket: ServerConnection, _request: Request) -> Response:
            return socket.respond(status, "no\n")

        async with served(okx, process_request=refuse) as url:
            markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
            source = LiveSource({"okx": OKX}, Channel.TICKER, settings(tmp_path, exchange_urls={"okx": url}), markets)
            while not markets["okx"].note:  # noqa: ASYNC110  a note sets no event
                await asyncio.sleep(0.01)
            await source.close()
            return markets["okx"].note

    assert says in asyncio.run(run())


def test_a_message_over_the_limit_costs_the_connection_but_not_the_source(tmp_path: Path) -> None:
    sent = 0

    async def huge(socket: ServerConnection) -> None:
        nonlocal sent
        sent += 1
        await socket.recv()
        if sent == 1:
            await socket.send("x" * (17 * 1024 * 1024))
        await okx_frames(socket)

    async def okx_frames(socket: ServerConnection) -> None:
        await socket.send(OKX.simulate(ticker("okx", "BTC", "USDT", price=1.0)))
        await socket.wait_closed()

    async def run() -> None:
        async with served(huge) as url:
            markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
            source = LiveSource({"okx": OKX}, Channel.TICKER, settings(tmp_path, exchange_urls={"okx": url}), markets)
            assert len(await collected(source, 1)) == 1
            assert "1009" in markets["okx"].note

    asyncio.run(run())


def test_a_full_queue_drops_the_oldest_and_counts_them() -> None:
    async def run() -> None:
        queue = FrameQueue(limit=2)
        for number in range(5):
            queue.put(Arrival(frame=Frame("okx", Source.LIVE, START, "pong"), received_time=number))
        queue.close()
        assert [arrival.received_time async for arrival in queue] == [3, 4]
        markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
        queue.note_dropped(markets)
        assert markets["okx"].note.startswith("3 frames dropped")

    asyncio.run(run())


def test_the_settings_choose_the_quote_and_the_rate_pair_is_always_asked_for(tmp_path: Path) -> None:
    kraken = exchange("kraken")
    assert pairs_of(kraken, settings(tmp_path)) == [Pair("BTC", "USD"), Pair("ETH", "USD"), Pair("USDT", "USD")]
    assert pairs_of(kraken, settings(tmp_path, quotes={"kraken": "USDT"})) == [Pair("BTC", "USDT"), Pair("ETH", "USDT"), Pair("USDT", "USD")]
    with pytest.raises(ConfigurationError, match=r"COINSPARK_QUOTES: kraken .* EUR"):
        pairs_of(kraken, settings(tmp_path, quotes={"kraken": "EUR"}))


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "127.0.0.1:1", "ws://"])
def test_an_address_that_is_no_websocket_is_refused(tmp_path: Path, url: str) -> None:
    async def run() -> None:
        with pytest.raises(ConfigurationError, match="COINSPARK_EXCHANGE_URLS"):
            LiveSource({"okx": OKX}, Channel.TICKER, settings(tmp_path, exchange_urls={"okx": url}), defaultdict(MarketStatus))

    asyncio.run(run())
