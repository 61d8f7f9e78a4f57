"""What the pipeline needs and only REST has, and the bank rate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from src.collect.arrival import Arrival, Happening, Unanswered
from src.collect.bank_poll import poll_bank_rate
from src.collect.fetching import Fetching
from src.collect.parsed import Pair
from src.collect.rest import RestClient
from src.collect.source import Coming
from src.schema.records import EventKind
from tests.collect.local_servers import Answer, http_served
from tests.collect.rest_venue import BTC, NEED, TRADES, Venue, settings
from tests.servers import free_port


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


def test_a_book_is_asked_for_until_it_comes(tmp_path: Path) -> None:
    paths: list[str] = []

    def answer(path: str) -> Answer:
        paths.append(path)
        return Answer({"bids": []}) if len(paths) == 3 else Answer(status=500)

    async def run() -> None:
        async with http_served(answer) as base:
            (arrival,), notes = await fetched(tmp_path, base, lambda fetching, exchange: fetching.fetch_book(exchange, BTC), 1)
            assert isinstance(arrival, Arrival)
            assert arrival.frame.url == f"{base}/book?BTC"
            assert arrival.frame.message == b'{"bids": []}'
            assert arrival.connection is None
            assert len(notes) == 2

    asyncio.run(run())
    assert paths == ["/book?BTC"] * 3


def test_a_book_that_is_being_asked_for_is_not_asked_for_again(tmp_path: Path) -> None:
    paths: list[str] = []

    def answer(path: str) -> Answer:
        paths.append(path)
        return Answer({"bids": []})

    def ask(fetching: Fetching, exchange: Venue) -> None:
        for pair in (BTC, BTC, Pair("ETH", "USDT")):
            fetching.fetch_book(exchange, pair)

    async def run() -> None:
        async with http_served(answer) as base:
            await fetched(tmp_path, base, ask, 2)

    asyncio.run(run())
    assert sorted(paths) == ["/book?BTC", "/book?ETH"]


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


def test_after_its_end_nothing_is_asked_for(tmp_path: Path) -> None:
    paths: list[str] = []

    def answer(path: str) -> Answer:
        paths.append(path)
        return Answer(TRADES)

    async def run() -> None:
        async with http_served(answer) as base:
            started: list[asyncio.Task[None]] = []
            client = RestClient(settings(tmp_path))
            fetching = Fetching(client, lambda _: None, lambda _, __: None, started.append)
            await fetching.close()
            fetching.fetch_book(Venue(base), BTC)
            fetching.fetch_trades(Venue(base), NEED, BTC)
            assert started == []
            await client.close()

    asyncio.run(run())
    assert paths == []


def test_an_answer_without_a_rate_leads_to_the_next_address(tmp_path: Path) -> None:
    async def run() -> None:
        came: asyncio.Queue[Coming] = asyncio.Queue()
        answers = iter([Answer({"rates": {"KRW": 1400}}), Answer({"rates": {}})])
        async with http_served(lambda _: Answer("sign in")) as portal, http_served(lambda _: next(answers, Answer({}))) as bank:
            client = RestClient(settings(tmp_path))
            polling = asyncio.create_task(poll_bank_rate(client, (f"{portal}/", f"{bank}/rate"), 0.001, came.put_nowait))
            rate, said = await came.get(), await came.get()
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
            await client.close()
        assert isinstance(rate, Arrival)
        assert (rate.frame.url, rate.frame.message) == (f"{bank}/rate", b'{"rates": {"KRW": 1400}}')
        assert isinstance(said, Happening)
        assert said.detail.count("no believable KRW per USD") == 1
        assert portal.removeprefix("http://") in said.detail

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
