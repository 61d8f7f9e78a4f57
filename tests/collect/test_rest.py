"""Requests by REST against local HTTP servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from src.collect.arrival import Arrival, Happening, Need, Unanswered
from src.collect.bank_poll import poll_bank_rate
from src.collect.exchange import RateLimit
from src.collect.exchanges.okx import Okx
from src.collect.fetching import Fetching
from src.collect.parsed import Channel, Frame, Pair
from src.collect.rest import RestClient
from src.collect.source import Coming
from src.config import Settings, load_settings
from src.errors import ConfigurationError, TransientError
from src.schema.records import EventKind, Source, Trade
from tests.collect.local_servers import Answer, http_proxy, http_served, socks_proxy
from tests.servers import free_port

BTC = Pair("BTC", "USDT")
TRADES = {"code": "0", "data": [{"instId": "BTC-USDT", "tradeId": "7", "px": "60000", "sz": "0.1", "side": "buy", "ts": "1780000000000"}]}
NEED = Need(market="okx", channel=Channel.TRADE, pair=BTC)


class Venue(Okx):
    """OKX, and a book whose snapshot comes by REST."""

    rest_requests: ClassVar[RateLimit] = RateLimit(1000, 1.0)

    def __init__(self, *bases: str) -> None:
        self.bases = bases

    @property
    def rest_urls(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.bases

    def book_path(self, pair: Pair) -> str:
        return f"/book?{pair.symbol}"


def settings(home: Path, **values: object) -> Settings:
    return load_settings(home=home, **values)


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


@pytest.mark.parametrize("status", [403, 451])
def test_a_mirror_is_asked_where_the_region_is_refused_and_kept_to(tmp_path: Path, status: int) -> None:
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


@pytest.mark.parametrize(("status", "says"), [(500, "HTTP 500"), (404, "HTTP 404"), (400, "HTTP 400")])
def test_an_error_is_worth_another_try_at_the_same_address(tmp_path: Path, status: int, says: str) -> None:
    mirror_asked: list[str] = []

    def mirrored(path: str) -> Answer:
        mirror_asked.append(path)
        return Answer(TRADES)

    async def run() -> None:
        async with http_served(lambda _: Answer(status=status)) as first, http_served(mirrored) as mirror:
            client = RestClient(settings(tmp_path))
            with pytest.raises(TransientError, match=says):
                await client.get(Venue(first, mirror), "/x")
            await client.close()

    asyncio.run(run())
    assert mirror_asked == []


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


async def fetched(home: Path, base: str, ask: Callable[[Fetching, Venue], None], wanted: int) -> tuple[list[Coming], list[str]]:
    """What a fetching puts until `wanted` things have come, and what it notes."""
    came: list[Coming] = []
    notes: list[str] = []
    enough = asyncio.Event()

    def put(coming: Coming) -> None:
        came.append(coming)
        if len(came) == wanted:
            enough.set()

    client = RestClient(settings(home))
    fetching = Fetching(client, put, lambda _, trouble: notes.append(trouble), lambda _: None)
    ask(fetching, Venue(*([base] if base else [])))
    await enough.wait()
    await fetching.close()
    await client.close()
    return came, notes


def test_a_book_is_asked_for_until_it_comes_and_only_once_at_a_time(tmp_path: Path) -> None:
    paths: list[str] = []

    def answer(path: str) -> Answer:
        paths.append(path)
        return Answer({"bids": []}) if len(paths) == 3 else Answer(status=500)

    def ask(fetching: Fetching, exchange: Venue) -> None:
        fetching.fetch_book(exchange, BTC)
        fetching.fetch_book(exchange, BTC)

    async def run() -> None:
        async with http_served(answer) as base:
            (arrival,), notes = await fetched(tmp_path, base, ask, 1)
            assert isinstance(arrival, Arrival)
            assert arrival.frame.url == f"{base}/book?BTC"
            assert arrival.frame.message == b'{"bids": []}'
            assert arrival.connection is None
            assert len(notes) == 2

    asyncio.run(run())
    assert paths == ["/book?BTC"] * 3


def test_trades_are_asked_for_three_times_and_then_given_up(tmp_path: Path) -> None:
    paths: list[str] = []

    def answer(path: str) -> Answer:
        paths.append(path)
        return Answer(status=500)

    async def run() -> None:
        async with http_served(answer) as base:
            (given_up,), _ = await fetched(tmp_path, base, lambda fetching, exchange: fetching.fetch_trades(exchange, NEED, BTC), 1)
            assert isinstance(given_up, Unanswered)
            assert (given_up.need, given_up.reason) == (NEED, "the exchange did not answer 3 times")

    asyncio.run(run())
    assert paths == ["/api/v5/market/trades?instId=BTC-USDT&limit=500"] * 3


def test_trades_that_are_missed_while_others_are_fetched_are_asked_for_after_that(tmp_path: Path) -> None:
    def ask(fetching: Fetching, exchange: Venue) -> None:
        for _ in range(5):
            fetching.fetch_trades(exchange, NEED, BTC)

    async def run() -> None:
        async with http_served(lambda _: Answer(TRADES)) as base:
            came, _ = await fetched(tmp_path, base, ask, 2)
            assert [type(coming) for coming in came] == [Arrival, Arrival]

    asyncio.run(run())


def test_trades_of_an_exchange_without_rest_are_given_up_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        (given_up,), _ = await fetched(tmp_path, "", lambda fetching, exchange: fetching.fetch_trades(exchange, NEED, BTC), 1)
        assert isinstance(given_up, Unanswered)
        assert given_up.reason == "the exchange cannot be asked for past trades"

    asyncio.run(run())


def test_the_bank_rate_comes_from_the_first_address_that_answers_and_an_outage_is_said_once(tmp_path: Path) -> None:
    answers = iter([Answer(status=500), Answer(status=500), Answer({"rates": {"KRW": 1400}}), Answer(status=503), Answer({"rates": {"KRW": 1401}})])

    async def run() -> None:
        came: list[Coming] = []
        enough = asyncio.Event()

        def put(coming: Coming) -> None:
            came.append(coming)
            if len(came) == 4:
                enough.set()

        async with http_served(lambda _: next(answers, Answer(status=500))) as second:
            urls = (f"http://127.0.0.1:{free_port()}/", f"{second}/rate")
            client = RestClient(settings(tmp_path))
            polling = asyncio.create_task(poll_bank_rate(client, urls, 0.001, put))
            await enough.wait()
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
            await client.close()
        said, rate, said_again, rate_again = came[:4]
        assert isinstance(said, Happening)
        assert isinstance(said_again, Happening)
        assert (said.kind, said.market, said_again.kind) == (EventKind.REFUSED, "bank", EventKind.REFUSED)
        assert "HTTP 500" in said.detail
        assert isinstance(rate, Arrival)
        assert isinstance(rate_again, Arrival)
        assert (rate.frame.market, rate.frame.message, rate.frame.url) == ("bank", b'{"rates": {"KRW": 1400}}', urls[1])
        assert rate_again.frame.message == b'{"rates": {"KRW": 1401}}'

    asyncio.run(run())
