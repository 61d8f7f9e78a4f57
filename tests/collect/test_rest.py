"""Requests by REST against local HTTP servers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from src.collect.exchanges.okx import Okx
from src.collect.parsed import Frame
from src.collect.rest import RestClient
from src.errors import ConfigurationError, TransientError
from src.schema.records import Source, Trade
from tests.collect.local_servers import Answer, http_proxy, http_served, socks_proxy
from tests.collect.rest_venue import TRADES, Venue, settings
from tests.servers import free_port


def asked(home: Path, exchange: Okx, **values: object) -> Frame:
    async def run() -> Frame:
        client = RestClient(settings(home, **values))
        try:
            return await client.get(exchange, "/api/v5/market/trades?instId=BTC-USDT")
        finally:
            await client.close()

    return asyncio.run(run())


def test_an_answer_is_a_frame_with_the_whole_address(tmp_path: Path) -> None:
    paths: list[str] = []

    def answer(path: str) -> Answer:
        paths.append(path)
        return Answer(TRADES)

    async def run() -> None:
        async with http_served(answer) as base:
            client = RestClient(settings(tmp_path, rest_urls={"okx": base + "/"}))
            frame = await client.get(Venue("http://elsewhere.test"), "/api/v5/market/trades?instId=BTC-USDT")
            await client.close()
            assert (frame.market, frame.source, frame.url) == ("okx", Source.LIVE, f"{base}/api/v5/market/trades?instId=BTC-USDT")
            (trade,) = Venue().parse(frame)
            assert isinstance(trade, Trade)
            assert (trade.trade_id, trade.price, trade.backfilled) == ("7", 60000.0, True)

    asyncio.run(run())
    assert paths == ["/api/v5/market/trades?instId=BTC-USDT"]


@pytest.mark.parametrize("status", [403, 404, 451, 500, 502, 503])
def test_a_mirror_is_asked_where_the_first_address_serves_nobody_here_and_kept_to(tmp_path: Path, status: int) -> None:
    asked_first: list[str] = []

    def refuse(path: str) -> Answer:
        asked_first.append(path)
        return Answer(status=status)

    async def run() -> None:
        async with http_served(refuse) as first, http_served(lambda _: Answer(TRADES)) as mirror:
            client = RestClient(settings(tmp_path))
            exchange = Venue(f"http://127.0.0.1:{free_port()}", first, mirror)
            for path in ("/one", "/two"):
                assert (await client.get(exchange, path)).url == mirror + path
            await client.close()

    asyncio.run(run())
    assert asked_first == ["/one"]


def test_a_region_refused_everywhere_is_for_the_user_to_settle(tmp_path: Path) -> None:
    async def run() -> None:
        async with http_served(lambda _: Answer(status=451)) as first, http_served(lambda _: Answer(status=451)) as mirror:
            client = RestClient(settings(tmp_path))
            with pytest.raises(ConfigurationError, match=r"okx does not serve this country.*HTTP 451"):
                await client.get(Venue(first, mirror), "/x")
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize("status", [400, 401, 429])
def test_an_exchange_that_refuses_a_request_refuses_it_at_its_mirror_too(tmp_path: Path, status: int) -> None:
    mirror_asked: list[str] = []

    def mirrored(path: str) -> Answer:
        mirror_asked.append(path)
        return Answer(TRADES)

    async def run() -> None:
        async with http_served(lambda _: Answer(status=status)) as first, http_served(mirrored) as mirror:
            client = RestClient(settings(tmp_path))
            with pytest.raises(TransientError, match=f"HTTP {status}"):
                await client.get(Venue(first, mirror), "/x")
            await client.close()

    asyncio.run(run())
    assert mirror_asked == []


def test_what_every_address_said_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with http_served(lambda _: Answer(status=503)) as first, http_served(lambda _: Answer(status=451)) as mirror:
            client = RestClient(settings(tmp_path))
            with pytest.raises(TransientError, match=r"/x: HTTP 503; .*/x: HTTP 451$"):
                await client.get(Venue(first, mirror), "/x")
            await client.close()

    asyncio.run(run())


def test_an_answer_that_never_ends_is_given_up_and_the_mirror_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.collect.rest._TOTAL_SECONDS", 0.3)

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            writer.close()

    async def run() -> None:
        async with await asyncio.start_server(drip, "127.0.0.1", 0) as server, http_served(lambda _: Answer(TRADES)) as mirror:
            client = RestClient(settings(tmp_path))
            endless = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(TransientError, match="cannot be reached"):
                await asyncio.wait_for(client.get_url(endless), 20)
            assert (await asyncio.wait_for(client.get(Venue(endless, mirror), "/x"), 20)).url == f"{mirror}/x"
            await client.close()

    asyncio.run(run())


def test_after_its_end_a_client_asks_for_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with http_served(lambda _: Answer(TRADES)) as base:
            client = RestClient(settings(tmp_path))
            await client.get(Venue(base), "/x")
            await client.close()
            with pytest.raises(TransientError, match="not asked, for the collector ends"):
                await client.get(Venue(base), "/x")
            with pytest.raises(TransientError, match="not asked, for the collector ends"):
                await client.get_url(f"{base}/rate")
            await client.close()

    asyncio.run(run())


BAD_ADDRESSES = [
    "http://host:99999",
    "http://me:secret@host/x#part",
    "ws://me:secret@host",
    "me:secret@host",
    "https://[secret",
    "https://secret@host",
]


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_addresses_in_the_settings_that_cannot_be_asked_are_refused_without_what_may_be_secret(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="COINSPARK_REST_URLS: the address of okx") as refused:
        RestClient(settings(tmp_path, rest_urls={"upbit": "", "okx": url}))
    assert "secret" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="COINSPARK_BANK_RATE_URLS") as refused:
        RestClient(settings(tmp_path, bank_rate_urls=f"https://rates.test/latest,{url}"))
    assert "secret" not in str(refused.value)


def test_after_too_many_requests_nothing_is_asked_before_the_time_it_names(tmp_path: Path) -> None:
    times: list[float] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def answer(_: str) -> Answer:
            times.append(loop.time())
            return Answer(TRADES) if len(times) > 1 else Answer(status=429, headers={"Retry-After": "1"})

        async with http_served(answer) as base:
            client = RestClient(settings(tmp_path))
            with pytest.raises(TransientError, match="HTTP 429"):
                await client.get(Venue(base), "/x")
            await client.get(Venue(base), "/x")
            await client.close()

    asyncio.run(run())
    assert times[1] - times[0] >= 0.99


def test_an_empty_address_in_the_settings_asks_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="COINSPARK_REST_URLS"):
        asked(tmp_path, Venue("http://127.0.0.1:1"), rest_urls={"okx": ""})


def test_requests_go_through_an_http_proxy_and_its_password_is_never_said(tmp_path: Path) -> None:
    async def run() -> None:
        async with http_served(lambda _: Answer(TRADES)) as base, http_proxy(base, "me:secret-word") as proxy:
            exchange = Venue("http://exchange.test")
            client = RestClient(settings(tmp_path, proxy=f"http://me:secret-word@{proxy.address}"))
            assert (await client.get(exchange, "/x")).url == "http://exchange.test/x"
            await client.close()
            assert proxy.asked == ["GET http://exchange.test/x HTTP/1.1"]
            stranger = RestClient(settings(tmp_path, proxy=f"http://me:wrong-word@{proxy.address}"))
            with pytest.raises(TransientError) as refused:
                await stranger.get(exchange, "/x")
            await stranger.close()
            assert "word" not in str(refused.value)

    asyncio.run(run())


def test_requests_go_through_a_socks_proxy(tmp_path: Path) -> None:
    async def run() -> None:
        async with http_served(lambda _: Answer(TRADES)) as base, socks_proxy(base, "me:secret") as proxy:
            client = RestClient(settings(tmp_path, proxy=f"socks5://me:secret@{proxy.address}"))
            assert (await client.get(Venue("http://exchange.test"), "/x")).url == "http://exchange.test/x"
            await client.close()
            assert proxy.asked == ["exchange.test:80"]

    asyncio.run(run())


def test_a_loopback_address_is_asked_without_the_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("HTTP_PROXY", nowhere)
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def run() -> None:
        async with http_served(lambda _: Answer(TRADES)) as base:
            client = RestClient(settings(tmp_path, proxy=nowhere))
            assert (await client.get(Venue(base), "/x")).url == f"{base}/x"
            await client.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "proxy", ["ftp://host:1", "http://", "host:8080", "http://secret-host", "http://host:99999", "http://me@host:1", "http://host:1/path"]
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_address(tmp_path: Path, proxy: str) -> None:
    with pytest.raises(ConfigurationError, match="COINSPARK_PROXY") as refused:
        RestClient(settings(tmp_path, proxy=proxy))
    assert "secret-host" not in str(refused.value)
