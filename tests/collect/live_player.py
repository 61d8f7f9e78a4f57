"""A live source in the tests: the servers it talks to, and who takes what comes as the collector does."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection

from src.collect.arrival import Arrival, Happening
from src.collect.exchange import Exchange, RateLimit
from src.collect.exchanges import exchange
from src.collect.exchanges.okx import Okx
from src.collect.live import LiveSource
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Pair
from src.collect.source import Coming
from src.collect.status import MarketStatus
from src.config import load_settings
from src.schema.records import EventKind, Ticker, Trade
from tests.collect.tickers import ticker

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
    source = LiveSource({venue.name: venue}, {venue.name: {channel: list(pairs) for channel in channels}}, settings, markets)
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
