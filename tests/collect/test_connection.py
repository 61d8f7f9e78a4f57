"""The parts of a live connection: limits, pauses, silence, the choice of an address, opening and its refusals, one connection taking over from another."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from src.collect.attempts import Attempts
from src.collect.connection import Connection
from src.collect.exchange import KeepAlive, RateLimit
from src.collect.exchanges.okx import Okx
from src.collect.handover import Handover
from src.collect.opening import CannotOpen, hold_seconds, open_socket, shown
from src.collect.pace import Pacer, Repeats, growing_pause
from src.collect.parsed import BookUpdate, Channel, Frame, Pair
from src.collect.proxy import chosen_proxy, is_loopback, socket_proxy
from src.collect.watchdog import Watchdog
from src.config import load_settings
from src.schema.records import Source
from tests.collect.local_servers import Handler, http_proxy, served, socks_proxy
from tests.collect.tickers import START, ticker
from tests.servers import free_port

OKX = Okx()
BTC, ETH = Pair("BTC", "USDT"), Pair("ETH", "USDT")


def test_a_pacer_gives_no_more_turns_than_the_limit_has() -> None:
    async def run() -> list[float]:
        pacer, loop = Pacer(RateLimit(2, 0.2)), asyncio.get_running_loop()
        times: list[float] = []

        async def one() -> None:
            await pacer.turn()
            times.append(loop.time())

        await asyncio.gather(*(one() for _ in range(5)))
        return times

    times = asyncio.run(run())
    assert all(later - earlier >= 0.2 for earlier, later in zip(times, times[2:], strict=False))


def test_a_held_pacer_gives_no_turn_before() -> None:
    async def run() -> float:
        pacer, loop = Pacer(RateLimit(2, 1.0)), asyncio.get_running_loop()
        begun = loop.time()
        pacer.hold(0.1)
        await pacer.turn()
        return loop.time() - begun

    assert asyncio.run(run()) >= 0.1


def test_the_same_thing_is_done_again_after_times_that_double_and_is_forgotten_in_the_end() -> None:
    repeats = Repeats(5.0, 60.0)
    key = ("BTC", "USDT")
    assert [now for now in range(300) if repeats.may(key, float(now))] == [0, 5, 15, 35, 75, 135, 195, 255]
    assert repeats.may(("ETH", "USDT"), 255.0)
    assert repeats.may(key, 1000.0)
    assert not repeats.may(key, 1004.0)
    assert repeats.may(key, 1005.0)


def test_pauses_grow_to_a_limit_and_are_not_alike() -> None:
    first, later = {growing_pause(1) for _ in range(50)}, {growing_pause(5) for _ in range(50)}
    assert min(first) >= 0.25
    assert max(first) <= 0.75
    assert min(later) >= 4.0
    assert max(later) <= 12.0
    assert len(later) > 1
    assert max(growing_pause(10_000) for _ in range(50)) <= 45.0


class TestWatchdog:
    def test_a_silent_pair_is_found_after_its_patience_and_then_after_twice_that(self) -> None:
        watchdog = Watchdog([BTC, ETH], 60.0)
        watchdog.begin(0.0)
        found = []
        for now in range(1000):
            watchdog.saw([("BTC", "USDT"), ("XRP", "USDT")], float(now))
            found += [(now, pair) for pair in watchdog.stale(float(now))]
            assert not watchdog.is_all_silent(float(now))
        assert found == [(60, ETH), (180, ETH), (420, ETH), (900, ETH)]

    def test_data_makes_it_impatient_again(self) -> None:
        watchdog = Watchdog([BTC], 60.0)
        watchdog.begin(0.0)
        assert watchdog.stale(60.0) == [BTC]
        watchdog.saw([("BTC", "USDT")], 100.0)
        assert watchdog.stale(159.0) == []
        assert watchdog.stale(160.0) == [BTC]

    def test_patience_ends_at_an_hour(self) -> None:
        watchdog = Watchdog([BTC], 1800.0)
        watchdog.begin(0.0)
        assert [now for now in range(0, 20_000, 100) if watchdog.stale(float(now))] == [1800, 5400, 9000, 12600, 16200, 19800]

    def test_a_whole_socket_is_silent_when_no_pair_of_it_gives_data(self) -> None:
        watchdog = Watchdog([BTC, ETH], 60.0)
        watchdog.begin(0.0)
        watchdog.saw([("BTC", "USDT")], 30.0)
        assert not watchdog.is_all_silent(89.0)
        assert watchdog.is_all_silent(90.0)

    def test_a_socket_that_never_gives_data_is_given_up_ever_more_seldom(self) -> None:
        watchdog = Watchdog([BTC], 60.0)
        watchdog.begin(0.0)
        assert watchdog.is_all_silent(60.0)
        watchdog.begin(61.0)
        assert not watchdog.is_all_silent(180.0)
        assert watchdog.is_all_silent(181.0)
        watchdog.begin(200.0)
        watchdog.saw([("BTC", "USDT")], 201.0)
        assert watchdog.is_all_silent(261.0)


class TestAttempts:
    def test_a_refused_region_leads_to_the_mirror_at_once_and_then_to_a_pause(self) -> None:
        attempts = Attempts(("main", "mirror"))
        assert (attempts.url, attempts.pause) == ("main", 0.0)
        attempts.failed(451)
        assert (attempts.url, attempts.pause) == ("mirror", 0.0)
        attempts.failed(403)
        assert attempts.url == "main"
        assert attempts.pause > 0

    def test_the_address_that_gave_data_is_kept_to(self) -> None:
        attempts = Attempts(("main", "mirror"))
        attempts.failed(None)
        attempts.opened()
        attempts.saw_data()
        attempts.lost()
        assert attempts.url == "mirror"
        assert 0 < attempts.pause <= 0.75

    def test_sockets_that_open_and_give_nothing_are_failures(self) -> None:
        attempts = Attempts(("main", "mirror"))
        urls = []
        for _ in range(6):
            attempts.opened()
            urls.append(attempts.url)
            attempts.lost()
        assert urls == ["main", "mirror", "main", "mirror", "main", "mirror"]
        assert attempts.pause >= 8.0


def said(symbol: str, price: float = 1.0) -> Frame:
    return Frame("okx", Source.LIVE, START, OKX.simulate(ticker("okx", symbol, "USDT", price=price)))


class TestHandover:
    def test_it_is_complete_when_every_pair_has_come_by_the_new_connection(self) -> None:
        async def run() -> None:
            handover = Handover(OKX, Channel.TICKER, [BTC, ETH])
            handover.came_by_new(Frame("okx", Source.LIVE, START, '{"event":"subscribe","arg":{"channel":"tickers","instId":"ETH-USDT"}}'))
            handover.came_by_new(said("BTC"))
            assert handover.waiting == (ETH,)
            assert not handover.complete.is_set()
            handover.came_by_new(said("ETH"))
            assert handover.waiting == ()
            assert handover.complete.is_set()

        asyncio.run(run())

    def test_what_the_new_connection_has_begun_anew_the_old_one_does_not_change_any_more(self) -> None:
        async def run() -> None:
            book = Handover(OKX, Channel.ORDERBOOK, [BTC, ETH])
            update = BookUpdate(
                market="okx", symbol="BTC", quote="USDT", source=Source.LIVE, event_time=START, received_time=START, snapshot=True, last=5,
                bids=[(1.0, 1.0, "1", "1")], asks=[(2.0, 1.0, "2", "1")],
            )  # fmt: skip
            frame = Frame("okx", Source.LIVE, START, OKX.simulate(update))
            assert book.still_counts(frame)
            book.came_by_new(frame)
            assert not book.still_counts(frame)
            assert book.still_counts(said("ETH"))
            assert book.still_counts(Frame("okx", Source.LIVE, START, "no market data at all"))

        asyncio.run(run())

    def test_trades_of_both_connections_count(self) -> None:
        async def run() -> None:
            trades = Handover(OKX, Channel.TRADE, [BTC])
            trades.came_by_new(said("BTC"))
            assert trades.still_counts(said("BTC"))

        asyncio.run(run())


@pytest.mark.parametrize(("given", "seconds"), [("7", 7.0), ("0", 1.0), ("99999", 900.0), ("", 10.0), ("soon", 10.0), ("nan", 10.0),
                                                ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0)])  # fmt: skip
def test_how_long_an_exchange_wants_to_be_left_alone(given: str, seconds: float) -> None:
    assert hold_seconds({"Retry-After": given}) == seconds


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    assert shown("wss://me:secret@host.test:8443/ws/v5?key=secret") == "host.test:8443/ws/v5"


def test_which_proxy_leads_to_an_address(tmp_path: Path) -> None:
    assert socket_proxy("ws://127.0.0.1:80/", "http://proxy:1") is None
    assert socket_proxy("ws://localhost/", "http://proxy:1") is None
    assert socket_proxy("wss://exchange.test/", "http://proxy:1") == "http://proxy:1"
    assert socket_proxy("wss://exchange.test/", None) is True
    assert is_loopback("http://[::1]:80/")
    assert not is_loopback("http://10.0.0.1/")
    assert chosen_proxy(load_settings(home=tmp_path)) is None
    assert chosen_proxy(load_settings(home=tmp_path, proxy="socks5h://me:@host:1080")) == "socks5h://me:@host:1080"


async def hello(socket: ServerConnection) -> None:
    assert socket.request is not None
    await socket.send(f"origin {socket.request.headers.get('Origin')}")
    await socket.wait_closed()


def test_a_socket_opens_through_an_http_proxy_and_without_an_origin() -> None:
    async def run() -> None:
        async with served(hello) as url, http_proxy(url, "me:secret-word") as proxy:
            socket = await open_socket("ws://exchange.test/ws", f"http://me:secret-word@{proxy.address}")
            assert await socket.recv() == "origin None"
            await socket.close()
            assert proxy.asked == ["CONNECT exchange.test:80 HTTP/1.1"]
            with pytest.raises(CannotOpen, match=r"the proxy refused the connection \(HTTP 407\)") as refused:
                await open_socket("ws://exchange.test/ws", f"http://me:wrong-word@{proxy.address}")
            assert "word" not in str(refused.value)

    asyncio.run(run())


def test_a_socket_opens_through_a_socks_proxy() -> None:
    async def run() -> None:
        async with served(hello) as url, socks_proxy(url, "me:secret") as proxy:
            socket = await open_socket("ws://exchange.test/ws", f"socks5h://me:secret@{proxy.address}")
            assert await socket.recv() == "origin None"
            await socket.close()
            assert proxy.asked == ["exchange.test:80"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "headers", "says", "hold"),
    [
        (451, {}, "does not serve this country", None),
        (403, {}, "country or network that it does not serve", None),
        (503, {}, "HTTP 503", None),
        (429, {"Retry-After": "30"}, "asked too often", 30.0),
    ],
)
def test_a_refusal_is_said_plainly(status: int, headers: dict[str, str], says: str, hold: float | None) -> None:
    def refuse(socket: ServerConnection, _request: Request) -> Response:
        response = socket.respond(status, "no\n")
        response.headers.update(headers)
        return response

    async def run() -> None:
        async with served(hello, process_request=refuse) as url:
            with pytest.raises(CannotOpen, match=says) as refused:
                await open_socket(url, None)
            assert (refused.value.status, refused.value.hold_seconds) == (status, hold)

    asyncio.run(run())


def test_nobody_there_is_no_refusal() -> None:
    async def run() -> None:
        with pytest.raises(CannotOpen, match="cannot be reached") as refused:
            await open_socket(f"ws://127.0.0.1:{free_port()}", None)
        assert refused.value.status is None

    asyncio.run(run())


def test_a_proxy_of_the_environment_that_is_no_address_is_refused_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://me:secret@host")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(CannotOpen, match="the proxy that the environment names") as refused:
        asyncio.run(open_socket("wss://exchange.test", None))
    assert "secret" not in str(refused.value)


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
        arguments: dict[str, Any] = {"deliver": lambda *_: None, "subscribed": lambda: None} | more
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
            connection = Connection(
                await open_socket(url, None), 0, OKX, Channel.TICKER, [BTC], deliver=lambda _, message, __: came.append(message), subscribed=lambda: None
            )
            await connection.reading
        assert came == [str(number) if number % 2 else str(number).encode() for number in range(3000)]
        assert "1001" in connection.reason
        assert "going away" in connection.reason

    asyncio.run(run())
