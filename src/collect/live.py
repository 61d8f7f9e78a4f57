"""The exchanges' public websockets and REST interfaces as a source of frames."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial

from src.collect.arrival import Arrival, Happening, Need, Unanswered
from src.collect.bank_poll import poll_bank_rate
from src.collect.exchange import Exchange
from src.collect.fetching import Fetching
from src.collect.opening import ADDRESS_RULES, is_address
from src.collect.pace import Pacer
from src.collect.parsed import Channel, Pair
from src.collect.proxy import chosen_proxy
from src.collect.rest import RestClient
from src.collect.source import Coming, FrameQueue, FrameSource
from src.collect.status import MarketStatus
from src.collect.subscription import Subscription
from src.config import Settings
from src.errors import ConfigurationError
from src.schema.records import EventKind, Region, Source

_TEND_SECONDS = 1.0
_CLOSE_SECONDS = 1.3


class LiveSource(FrameSource):
    """Every exchange asked for, each by as many connections as its limits ask for. Troubles are noted in `markets`.

    `wanted` has by market and channel what to subscribe to. A connection carries one channel of one market.
    """

    source = Source.LIVE

    def __init__(
        self,
        exchanges: Mapping[str, Exchange],
        wanted: Mapping[str, Mapping[Channel, Sequence[Pair]]],
        settings: Settings,
        markets: dict[str, MarketStatus],
    ) -> None:
        self._queue = FrameQueue()
        self._markets = markets
        self._opened = asyncio.Event()
        self._told_dropped: Counter[tuple[str, int | None]] = Counter()
        self._client = RestClient(settings)
        self._fetching = Fetching(self._client, self._queue.put, self._note, self._queue.watch)
        self._subscriptions = _subscriptions(exchanges, wanted, settings, self._queue.put, self._note, self._opened.set)
        self._places = {
            (subscription.exchange.name, subscription.channel, pair.symbol, pair.quote): (subscription, pair)
            for subscription in self._subscriptions
            for pair in subscription.pairs
        }
        self._tasks = [
            asyncio.create_task(subscription.run(), name=f"{subscription.exchange.name} {subscription.channel}")
            for subscription in self._subscriptions
        ]
        shortest = min(settings.stale_seconds, settings.stale_trade_seconds)
        self._tasks.append(asyncio.create_task(self._tend(min(_TEND_SECONDS, shortest / 4)), name="watchdog"))
        if settings.bank_rate_urls and any(exchanges[market].region is Region.KOREA for market in wanted):
            poll = poll_bank_rate(self._client, settings.bank_rate_urls, settings.bank_rate_seconds, self._queue.put)
            self._tasks.append(asyncio.create_task(poll, name="bank rate"))
        for task in self._tasks:
            self._queue.watch(task)

    async def any_opened(self) -> None:
        """Return when the first socket has opened."""
        await self._opened.wait()

    @property
    def queued(self) -> int:
        return len(self._queue)

    def update_status(self, markets: dict[str, MarketStatus]) -> None:
        for name in {subscription.exchange.name for subscription in self._subscriptions}:
            mine = [subscription for subscription in self._subscriptions if subscription.exchange.name == name]
            markets[name].connected = any(subscription.is_open for subscription in mine)
            markets[name].reconnects = sum(subscription.lost for subscription in mine)
        self._queue.note_dropped(markets)

    async def __aiter__(self) -> AsyncIterator[Coming]:
        async for coming in self._queue:
            yield coming

    def saw_data(self, arrival: Arrival, prices: Collection[tuple[str, str]]) -> None:
        if arrival.connection is not None:
            self._subscriptions[arrival.connection % len(self._subscriptions)].saw_data(prices)

    def saw_closing(self, arrival: Arrival) -> None:
        if arrival.connection is not None:
            self._subscriptions[arrival.connection % len(self._subscriptions)].saw_closing(arrival.connection)

    def ask(self, need: Need) -> None:
        place = self._places.get((need.market, need.channel, need.pair.symbol, need.pair.quote))
        if place is None:
            if need.channel is Channel.TRADE:
                self._queue.put(Unanswered(need=need, received_time=_now(), reason="nobody subscribed to it"))
            return
        # The subscription's own pair says also in what multiple the exchange trades it.
        subscription, pair = place
        exchange = subscription.exchange
        if need.channel is Channel.TRADE:
            self._fetching.fetch_trades(exchange, need, pair)
        elif exchange.book_rule.rest_snapshot:
            self._fetching.fetch_book(exchange, pair)
        else:
            subscription.renew(pair)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait([*self._tasks, asyncio.ensure_future(self._close_rest())], timeout=_CLOSE_SECONDS)
        self._queue.close()

    async def _close_rest(self) -> None:
        await self._fetching.close()
        await self._client.close()

    async def _tend(self, every_seconds: float) -> None:
        """One timer for all subscriptions."""
        loop = asyncio.get_running_loop()
        said = loop.time()
        while True:
            await asyncio.sleep(every_seconds)
            for subscription in self._subscriptions:
                subscription.tend(loop.time())
            if loop.time() - said >= _TEND_SECONDS:
                said = loop.time()
                self._say_dropped()

    def _say_dropped(self) -> None:
        fresh: Counter[Subscription] = Counter()
        for (market, connection), count in (self._queue.dropped - self._told_dropped).items():
            self._told_dropped[market, connection] += count
            if connection is not None:
                fresh[self._subscriptions[connection % len(self._subscriptions)]] += count
        for subscription, count in fresh.items():
            self._queue.put(
                Happening(
                    kind=EventKind.DROPPED,
                    market=subscription.exchange.name,
                    source=Source.LIVE,
                    received_time=_now(),
                    channel=subscription.channel,
                    pairs=subscription.pairs,
                    detail="frames came faster than they could be processed",
                    count=count,
                )
            )

    def _note(self, market: str, trouble: str) -> None:
        self._markets[market].note = trouble


def _subscriptions(
    exchanges: Mapping[str, Exchange],
    wanted: Mapping[str, Mapping[Channel, Sequence[Pair]]],
    settings: Settings,
    put: Callable[[Coming], bool],
    note: Callable[[str, str], None],
    opened: Callable[[], None],
) -> list[Subscription]:
    """A subscription for each socket's worth of pairs. Their sockets are numbered so that the remainder tells whose it is."""
    proxy = chosen_proxy(settings)
    connects = {market: Pacer(exchanges[market].connects) for market in wanted}
    chunks = [
        (exchanges[market], channel, pairs[first : first + exchanges[market].pairs_per_connection])
        for market, channels in wanted.items()
        for channel, pairs in channels.items()
        for first in range(0, len(pairs), exchanges[market].pairs_per_connection)
    ]
    return [
        Subscription(
            exchange,
            channel,
            pairs,
            _urls(exchange, channel, settings),
            numbers=itertools.count(index, len(chunks)),
            connects=connects[exchange.name],
            proxy=proxy,
            patience=settings.stale_trade_seconds if channel is Channel.TRADE else settings.stale_seconds,
            put=put,
            note=partial(note, exchange.name),
            opened=opened,
        )
        for index, (exchange, channel, pairs) in enumerate(chunks)
    ]


def _urls(exchange: Exchange, channel: Channel, settings: Settings) -> Sequence[str]:
    chosen = settings.exchange_urls.get(exchange.name)
    urls = (chosen,) if chosen else exchange.urls.get(channel, ())
    if not urls:
        raise ConfigurationError(f"{exchange.name} has no public {channel} channel; take it out of COINSPARK_MARKETS")
    for url in urls:
        if not is_address(url, "ws", "wss"):
            raise ConfigurationError(
                f"COINSPARK_EXCHANGE_URLS: the address of {exchange.name} must be ws://host/path or wss://host/path{ADDRESS_RULES}"
            )
    return urls


def _now() -> int:
    return time.time_ns() // 1_000_000
