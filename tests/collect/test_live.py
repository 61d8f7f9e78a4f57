"""The live source against local websocket servers that speak as the exchanges do."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from src.collect.arrival import Arrival, Happening, Need, Unanswered
from src.collect.exchange import Exchange, RateLimit
from src.collect.exchanges import exchange
from src.collect.exchanges.okx import Okx
from src.collect.live import LiveSource
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Pair
from src.collect.source import Coming, FrameQueue
from src.collect.status import MarketStatus
from src.config import load_settings
from src.errors import ConfigurationError
from src.schema.records import EventKind, Region, Side, Source, Ticker, Trade
from tests.collect.local_servers import Answer, Handler, http_served, served
from tests.collect.tickers import START, ticker

UPBIT = exchange("upbit")
OKX = exchange("okx")
BTC, ETH = Pair("BTC", "USDT"), Pair("ETH", "USDT")
TRADES = {"code": "0", "data": [{"instId": "BTC-USDT", "tradeId": "7", "px": "60000", "sz": "0.1", "side": "buy", "ts": "1780000000000"}]}


class Swift(Okx):
    """OKX without limits to wait for."""

    connects = RateLimit(1000, 1.0)
    requests = RateLimit(1000, 1.0)


class Player:
    """Takes what comes from a live source and tells it what it held, as the collector does."""

    def __init__(self, source: LiveSource, markets: dict[str, MarketStatus], exchanges: dict[str, Exchange]) -> None:
        self.source = source
        self.markets = markets
        self.came: list[Coming] = []
        self._exchanges = exchanges
        self._iterator = source.__aiter__()

    async def until(self, enough: Callable[[Player], bool]) -> list[Coming]:
        """All that has come, as soon as it is enough."""
        while not enough(self):
            self._take(await anext(self._iterator))
        return self.came

    async def rest(self) -> list[Coming]:
        """What was still there after the end."""
        return [coming async for coming in self._iterator]

    def kinds(self) -> list[str]:
        """The happenings and data, in order: `connected`, `BTC 1.0`."""
        return [text for coming in self.came for text in self._told(coming)]

    def happenings(self, kind: EventKind) -> list[Happening]:
        return [coming for coming in self.came if isinstance(coming, Happening) and coming.kind is kind]

    def data(self) -> list[Ticker | Trade | BookUpdate]:
        return [item for coming in self.came if isinstance(coming, Arrival) for item in self._items(coming)]

    def _take(self, coming: Coming) -> None:
        self.came.append(coming)
        if not isinstance(coming, Arrival):
            return
        if prices := {(item.symbol, item.quote) for item in self._items(coming)}:
            self.source.saw_data(coming, prices)
        items = self._exchanges[coming.frame.market].parse(coming.frame)
        if any(isinstance(item, Control) and item.kind is ControlKind.CLOSING for item in items):
            self.source.saw_closing(coming)

    def _items(self, arrival: Arrival) -> list[Ticker | Trade | BookUpdate]:
        items = self._exchanges[arrival.frame.market].parse(arrival.frame)
        return [item for item in items if isinstance(item, Ticker | Trade | BookUpdate)]

    def _told(self, coming: Coming) -> Sequence[str]:
        if isinstance(coming, Happening):
            return (coming.kind,)
        if isinstance(coming, Arrival):
            return [f"{item.symbol} {item.price}" for item in self._items(coming) if isinstance(item, Ticker)]
        return ()


@asynccontextmanager
async def playing(
    home: Path, venue: Exchange, url: str | None, channels: Sequence[Channel] = (Channel.TICKER,), pairs: Sequence[Pair] = (BTC,), **more: Any
) -> AsyncIterator[Player]:
    """A live source of one venue, closed in the end."""
    markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
    urls = {} if url is None else {"exchange_urls": {venue.name: url}}
    settings = load_settings(home=home, bank_rate_urls="", **urls, **({"rest_urls": {venue.name: ""}} | more))
    source = LiveSource({venue.name: venue}, {venue.name: dict.fromkeys(channels, list(pairs))}, settings, markets)
    try:
        yield Player(source, markets, {venue.name: venue})
    finally:
        await source.close()


def said(symbol: str, price: float) -> str | bytes:
    return OKX.simulate(ticker("okx", symbol, "USDT", price=price))


async def okx(socket: ServerConnection) -> None:
    """OKX: an acknowledgement for each argument, then text frames."""
    for argument in json.loads(await socket.recv())["args"]:
        await socket.send(json.dumps({"event": "subscribe", "arg": argument, "connId": "a4d3ae55"}))
        await socket.send(said(argument["instId"].split("-")[0], 60_000.0))
    await socket.wait_closed()


async def upbit(socket: ServerConnection) -> None:
    """Upbit: one request, no acknowledgement, binary frames."""
    request = json.loads(await socket.recv())
    for code in next(part["codes"] for part in request if "codes" in part):
        quote, symbol = code.split("-")
        await socket.send(UPBIT.simulate(ticker("upbit", symbol, quote, price=1450.0)))
    await socket.wait_closed()


def test_frames_of_several_exchanges_come_as_they_were_sent(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(upbit) as upbit_url, served(okx) as okx_url:
            markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
            settings = load_settings(home=tmp_path, bank_rate_urls="", exchange_urls={"upbit": upbit_url, "okx": okx_url})
            wanted = {"upbit": {Channel.TICKER: [Pair("BTC", "KRW"), Pair("USDT", "KRW")]}, "okx": {Channel.TICKER: [BTC, ETH]}}
            exchanges = {"upbit": UPBIT, "okx": OKX}
            source = LiveSource(exchanges, wanted, settings, markets)
            await source.any_opened()
            player = Player(source, markets, exchanges)
            came = await player.until(lambda player: len(player.data()) == 4)
            source.update_status(markets)
            assert markets["upbit"].connected
            assert markets["okx"].connected
            await source.close()
            arrivals = [coming for coming in came if isinstance(coming, Arrival)]
            assert {type(arrival.frame.message) for arrival in arrivals if arrival.frame.market == "upbit"} == {bytes}
            assert {type(arrival.frame.message) for arrival in arrivals if arrival.frame.market == "okx"} == {str}
            assert {(record.market, record.symbol, record.quote) for record in player.data()} == {
                ("upbit", "BTC", "KRW"), ("upbit", "USDT", "KRW"), ("okx", "BTC", "USDT"), ("okx", "ETH", "USDT"),
            }  # fmt: skip
            assert all(arrival.received_time > START and arrival.frame.source is Source.LIVE for arrival in arrivals)

    asyncio.run(run())


def test_a_lost_socket_is_opened_and_subscribed_again_and_all_is_told_in_its_order(tmp_path: Path) -> None:
    subscriptions = 0

    async def closing(socket: ServerConnection) -> None:
        nonlocal subscriptions
        await socket.recv()
        subscriptions += 1
        await socket.send(said("BTC", float(subscriptions)))
        socket.transport.abort()

    async def run() -> None:
        async with served(closing) as url, playing(tmp_path, Swift(), url) as player:
            await player.until(lambda player: len(player.data()) == 3)
            once = ["connected", "subscribed", "BTC {}.0", "disconnected"]
            assert player.kinds() == [text.format(number) for number in (1, 2, 3) for text in once][:11]
            lost = player.happenings(EventKind.DISCONNECTED)[0]
            assert (lost.market, lost.channel, lost.pairs, lost.source) == ("okx", Channel.TICKER, (BTC,), Source.LIVE)
            assert "connection closed" in lost.detail
            player.source.update_status(player.markets)
            assert player.markets["okx"].reconnects >= 2
            assert "connection closed" in player.markets["okx"].note

    asyncio.run(run())


def test_each_channel_has_its_socket_and_no_socket_more_pairs_than_the_exchange_takes(tmp_path: Path) -> None:
    class Small(Swift):
        pairs_per_connection = 2

    asked: list[tuple[str, ...]] = []
    all_asked = asyncio.Event()

    async def listen(socket: ServerConnection) -> None:
        asked.append(tuple(f"{argument['channel']} {argument['instId']}" for argument in json.loads(await socket.recv())["args"]))
        if len(asked) == 4:
            all_asked.set()
        await socket.wait_closed()

    async def run() -> None:
        pairs = [BTC, ETH, Pair("XRP", "USDT")]
        async with served(listen) as url, playing(tmp_path, Small(), url, (Channel.TRADE, Channel.ORDERBOOK), pairs):
            await all_asked.wait()

    asyncio.run(run())
    assert sorted(asked) == [("books BTC-USDT", "books ETH-USDT"), ("books XRP-USDT",), ("trades BTC-USDT", "trades ETH-USDT"), ("trades XRP-USDT",)]


def test_a_refused_region_is_said_and_the_mirror_tried_at_once(tmp_path: Path) -> None:
    def refuse(socket: ServerConnection, _request: Request) -> Response:
        return socket.respond(451, "no\n")

    async def run() -> None:
        async with served(okx, process_request=refuse) as main, served(okx) as mirror:

            class Mirrored(Swift):
                urls = dict.fromkeys(Channel, (main, mirror))

            async with playing(tmp_path, Mirrored(), None) as player:
                await player.until(lambda player: len(player.data()) == 1)
                assert player.kinds() == ["refused", "connected", "subscribed", "BTC 60000.0"]
                refused, connected = player.came[:2]
                assert isinstance(refused, Happening)
                assert isinstance(connected, Happening)
                assert "does not serve this country" in refused.detail
                assert refused.pairs == ()
                assert connected.detail == mirror.removeprefix("ws://")
                assert "does not serve this country" in player.markets["okx"].note

    asyncio.run(run())


def test_a_message_over_the_limit_costs_the_connection_but_not_the_source(tmp_path: Path) -> None:
    sent = 0

    async def huge(socket: ServerConnection) -> None:
        nonlocal sent
        sent += 1
        if sent == 1:
            await socket.recv()
            await socket.send("x" * (17 * 1024 * 1024))
        else:
            await okx(socket)

    async def run() -> None:
        async with served(huge) as url, playing(tmp_path, Swift(), url) as player:
            await player.until(lambda player: len(player.data()) == 1)
            assert "1009" in player.markets["okx"].note

    asyncio.run(run())


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


def need(channel: Channel, pair: Pair = BTC) -> Need:
    return Need(market="okx", channel=channel, pair=pair)


class TestNeeds:
    def test_a_book_is_begun_anew_by_the_socket_once_however_often_it_is_asked_for(self, tmp_path: Path) -> None:
        asked: list[str] = []
        renewed = asyncio.Event()

        async def listen(socket: ServerConnection) -> None:
            async for message in socket:
                asked.append(f"{json.loads(message)['op']} {json.loads(message)['args'][-1]['instId']}")
                if asked[-1] == "subscribe ETH-USDT" and len(asked) > 1:
                    renewed.set()

        async def run() -> None:
            async with served(listen) as url, playing(tmp_path, Swift(), url, (Channel.ORDERBOOK,), (ETH, BTC)) as player:
                await player.until(lambda player: bool(player.happenings(EventKind.SUBSCRIBED)))
                for _ in range(3):
                    player.source.ask(need(Channel.ORDERBOOK))
                player.source.ask(need(Channel.ORDERBOOK, Pair("XRP", "USDT")))
                player.source.ask(need(Channel.ORDERBOOK, ETH))
                await renewed.wait()

        asyncio.run(run())
        assert asked == ["subscribe BTC-USDT", "unsubscribe BTC-USDT", "subscribe BTC-USDT", "unsubscribe ETH-USDT", "subscribe ETH-USDT"]

    def test_a_book_that_needs_a_snapshot_by_rest_gets_it_with_the_pair_as_it_was_subscribed_to(self, tmp_path: Path) -> None:
        class Anchored(Swift):
            book_rule = exchange("binance").book_rule

            def book_path(self, pair: Pair) -> str:
                return f"/book?symbol={pair.multiple}{pair.symbol}"

        async def run() -> None:
            many = Pair("SHIB", "USDT", 1000)
            async with served(okx) as url, http_served(lambda _: Answer({"asks": []})) as base:
                venue = Anchored()
                async with playing(tmp_path, venue, url, (Channel.ORDERBOOK,), (many,), rest_urls={"okx": base}) as player:
                    player.source.ask(need(Channel.ORDERBOOK, Pair("SHIB", "USDT")))
                    async for coming in player.source:
                        if isinstance(coming, Arrival) and coming.frame.url is not None:
                            break
                    assert coming.frame.url == f"{base}/book?symbol=1000SHIB"
                    assert coming.frame.message == b'{"asks": []}'
                    assert coming.connection is None

        asyncio.run(run())

    def test_missing_trades_come_by_rest(self, tmp_path: Path) -> None:
        async def run() -> None:
            async with served(okx) as url, http_served(lambda _: Answer(TRADES)) as base:
                async with playing(tmp_path, Swift(), url, (Channel.TRADE,), rest_urls={"okx": base}) as player:
                    player.source.ask(need(Channel.TRADE))
                    await player.until(lambda player: any(isinstance(item, Trade) for item in player.data()))
                    (trade,) = (item for item in player.data() if isinstance(item, Trade))
                    assert (trade.region, trade.trade_id, trade.price, trade.size, trade.side) == (Region.ASIA, "7", 60000.0, 0.1, Side.BUY)
                    assert trade.backfilled

        asyncio.run(run())

    @pytest.mark.parametrize(("pair", "reason"), [(BTC, "the exchange cannot be asked for past trades"), (ETH, "nobody subscribed to it")])
    def test_trades_that_cannot_be_got_are_given_up(self, tmp_path: Path, pair: Pair, reason: str) -> None:
        async def run() -> None:
            async with served(okx) as url, playing(tmp_path, Swift(), url, (Channel.TRADE,)) as player:
                player.source.ask(need(Channel.TRADE, pair))
                came = await player.until(lambda player: any(isinstance(coming, Unanswered) for coming in player.came))
                (given_up,) = (coming for coming in came if isinstance(coming, Unanswered))
                assert (given_up.need.pair, given_up.reason) == (pair, reason)

        asyncio.run(run())


def test_the_bank_rate_comes_where_a_korean_exchange_is_collected(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(upbit) as url, http_served(lambda _: Answer({"rates": {"KRW": 1400}})) as base:
            settings = load_settings(home=tmp_path, bank_rate_urls=f"{base}/latest", exchange_urls={"upbit": url})
            source = LiveSource({"upbit": UPBIT}, {"upbit": {Channel.TICKER: [Pair("BTC", "KRW")]}}, settings, defaultdict(MarketStatus))
            async for coming in source:
                if isinstance(coming, Arrival) and coming.frame.market == "bank":
                    break
            await source.close()
            assert (coming.frame.message, coming.frame.url) == (b'{"rates": {"KRW": 1400}}', f"{base}/latest")

    asyncio.run(run())


def test_a_close_ends_the_frames_after_those_that_have_come_and_says_goodbye(tmp_path: Path) -> None:
    codes: list[int | None] = []

    async def server(socket: ServerConnection) -> None:
        await okx(socket)
        codes.append(socket.close_code)

    async def run() -> None:
        async with served(server) as url, playing(tmp_path, Swift(), url, pairs=(BTC, ETH)) as player:
            await player.until(lambda player: len(player.data()) == 1)
            while player.source.queued < 2:  # noqa: ASYNC110  nobody takes what comes
                await asyncio.sleep(0.001)
            await player.source.close()
            await player.source.close()
            left = await player.rest()
            assert [type(coming) for coming in left] == [Arrival, Arrival]
            player.source.update_status(player.markets)
            assert not player.markets["okx"].connected

    asyncio.run(run())
    assert codes == [1000]


def test_a_close_does_not_wait_for_what_does_not_answer(tmp_path: Path) -> None:
    async def run() -> None:
        release = asyncio.Event()

        async def hang(_socket: ServerConnection, _request: Request) -> None:
            await release.wait()

        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(served(okx, process_request=hang))
            player = await stack.enter_async_context(playing(tmp_path, Swift(), url))
            await asyncio.wait_for(player.source.close(), 5)
            assert await player.rest() == []
            release.set()

    asyncio.run(run())


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "127.0.0.1:1", "ws://"])
def test_an_address_that_is_no_websocket_is_refused(tmp_path: Path, url: str) -> None:
    async def run() -> None:
        with pytest.raises(ConfigurationError, match="COINSPARK_EXCHANGE_URLS"):
            async with playing(tmp_path, OKX, url):
                pass

    asyncio.run(run())


def test_a_channel_that_an_exchange_does_not_have_is_refused(tmp_path: Path) -> None:
    class Quiet(Swift):
        urls: Any = {}

    async def run() -> None:
        with pytest.raises(ConfigurationError, match="okx has no public trade channel"):
            async with playing(tmp_path, Quiet(), None, (Channel.TRADE,)):
                pass

    asyncio.run(run())


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
