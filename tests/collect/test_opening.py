"""Opening a socket, directly and through a proxy, and why it does not open."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from src.collect.opening import CannotOpen, hold_seconds, is_address, open_socket, shown
from src.collect.proxy import chosen_proxy, is_loopback, socket_proxy
from src.config import load_settings
from tests.collect.local_servers import http_proxy, served, socks_proxy
from tests.servers import free_port


@pytest.mark.parametrize(("given", "seconds"), [("7", 7.0), ("0", 1.0), ("99999", 900.0), ("", 10.0), ("soon", 10.0), ("nan", 10.0),
                                                ("Wed, 21 Oct 2015 07:28:00 GMT", 1.0),
                                                ("Wed, 21 Oct 2015 07:28:00 +" + "9" * 30, 10.0)])  # fmt: skip
def test_how_long_an_exchange_wants_to_be_left_alone(given: str, seconds: float) -> None:
    assert hold_seconds([given, "40"]) == seconds


def test_an_exchange_that_does_not_say_how_long_is_left_alone_for_the_usual_time() -> None:
    assert hold_seconds([]) == 10.0


def test_an_address_is_shown_without_what_may_be_secret() -> None:
    assert shown("wss://me:secret@host.test:8443/ws/v5?key=secret") == "host.test:8443/ws/v5"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("wss://me:secret@host:99999/", "an address that cannot be read"),
        ("wss://me:secret@host:port/", "an address that cannot be read"),
        ("wss://[", "an address that cannot be read"),
        ("wss://me:secret@/ws", "/ws"),
        ("", ""),
    ],
)
def test_an_address_that_is_none_is_shown_too(url: str, text: str) -> None:
    assert shown(url) == text


@pytest.mark.parametrize(
    ("url", "can_be_asked"),
    [
        ("ws://127.0.0.1:65535", True),
        ("wss://me:secret@host.test/ws?key=1", True),
        ("wss://me:@[::1]:8443/ws", True),
        ("http://host.test/", False),
        ("wss://", False),
        ("wss://host:99999/", False),
        ("wss://host:0/", False),
        ("wss://host:port/", False),
        ("wss://host.test/ws#part", False),
        ("wss://me@host.test/ws", False),
        ("wss://[host/ws", False),
        ("", False),
    ],
)
def test_which_addresses_can_be_asked(url: str, can_be_asked: bool) -> None:
    assert is_address(url, "ws", "wss") is can_be_asked


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


def test_of_two_times_to_wait_the_first_counts() -> None:
    def refuse(socket: ServerConnection, _request: Request) -> Response:
        response = socket.respond(429, "no\n")
        response.headers["Retry-After"] = "20"
        response.headers["Retry-After"] = "40"
        return response

    async def run() -> None:
        async with served(hello, process_request=refuse) as url:
            with pytest.raises(CannotOpen, match="asked too often") as refused:
                await open_socket(url, None)
            assert refused.value.hold_seconds == 20.0

    asyncio.run(run())


@pytest.mark.parametrize(
    "url",
    [
        "ws://me:secret@127.0.0.1:99999/",
        "ws://me:secret@127.0.0.1/x#part",
        "ws://secret@127.0.0.1/x",
        "http://me:secret@127.0.0.1/",
        "ws://me:%ffsecret@127.0.0.1/",
        "ws://[secret/",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_it(url: str) -> None:
    with pytest.raises(CannotOpen, match="its address cannot be used") as refused:
        asyncio.run(open_socket(url, None))
    assert "secret" not in str(refused.value)
    assert refused.value.status is None


@pytest.mark.parametrize("places", [("http://me:secret@127.0.0.1/",), ("ws://me:secret@127.0.0.1:99999/",), ("/secret", "/secret")])
def test_an_answer_that_leads_to_no_usable_address_is_refused_without_it(places: tuple[str, ...]) -> None:
    def lead(socket: ServerConnection, _request: Request) -> Response:
        response = socket.respond(302, "there\n")
        response.headers = Headers([*response.headers.raw_items(), *(("Location", place) for place in places)])
        return response

    async def run() -> None:
        async with served(hello, process_request=lead) as url:
            with pytest.raises(CannotOpen, match="leads to one that cannot") as refused:
                await open_socket(url, None)
            assert "secret" not in str(refused.value)

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
