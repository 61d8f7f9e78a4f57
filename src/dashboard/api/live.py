"""The websocket `/api/v1/live`: one client with its subscriptions, what waits for it, and how it is ended when it is too slow."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec
from fastapi import WebSocket, WebSocketDisconnect

from src.dashboard.api.answers import Api
from src.dashboard.api.feeds import Feeds, Subscription, database_message
from src.dashboard.api.parameters import read_where
from src.dashboard.api.problems import Fault, Refused, problem_body, wrong_input
from src.preprocess.metric import INTERVAL

TOO_SLOW, TOO_MANY, FOREIGN = 4008, 4029, 4003
"""Codes that a connection is closed with, besides those of the protocol."""
_CLOSE_SECONDS = 10.0
_LONGEST_REASON = 120
"""Bytes of a reason: what a close frame holds."""
_ROWS = 100


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """A message of a client: one of these, and an `id` of its own for the answers, a whole number."""

    id: int
    subscribe: str | None = None
    """The table."""
    unsubscribe: bool = False
    where: dict[str, str | int | float] = msgspec.field(default_factory=dict)
    rows: int = _ROWS
    """How many of the newest rows are sent at once."""


@dataclass
class Outbox:
    """What a client has not taken yet, bounded: `is_full` is set for ever when it was too much."""

    most_messages: int
    most_bytes: int
    is_full: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: deque[str] = field(default_factory=deque)
    _bytes: int = 0
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, text: str) -> None:
        """Add a message; when it does not fit, everything is given up."""
        if self.is_full.is_set():
            return
        if len(self._waiting) >= self.most_messages or self._bytes + len(text) > self.most_bytes:
            self._waiting.clear()
            self._some.clear()
            self.is_full.set()
            return
        self._waiting.append(text)
        self._bytes += len(text)
        self._some.set()

    async def take(self, seconds: float) -> str | None:
        """The oldest message; None when there is none for so long."""
        # Not wait_for: before Python 3.12 it may pass over that its task is cancelled.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._some.wait()
        if not self._waiting:
            return None
        text = self._waiting.popleft()
        self._bytes -= len(text)
        if not self._waiting:
            self._some.clear()
        return text


async def live(api: Api, feeds: Feeds, websocket: WebSocket) -> None:
    """One connection from beginning to end."""
    address = websocket.client.host if websocket.client else ""
    await websocket.accept()
    if not _is_from_here(websocket):
        await websocket.close(FOREIGN, "pages of other sites may not read this")
        return
    try:
        api.clients.count_request(address)
        with api.clients.connected(address):
            await _Session(api, feeds, websocket, address).run()
    except Refused as refused:
        await _closed(websocket, TOO_MANY, refused.detail)


class _Session:
    def __init__(self, api: Api, feeds: Feeds, websocket: WebSocket, address: str) -> None:
        self._api = api
        self._feeds = feeds
        self._websocket = websocket
        self._address = address
        self._outbox = Outbox(api.limits.waiting_messages, api.limits.waiting_bytes)
        self._subscribed: dict[int, Subscription] = {}

    async def run(self) -> None:
        """Until either side ends it."""
        tasks = [asyncio.create_task(each) for each in (self._receive(), self._send(), self._outbox.is_full.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for number, subscription in self._subscribed.items():
                self._feeds.left(subscription, (self, number))
        if self._outbox.is_full.is_set():
            self._api.clients.cut_off += 1
            limits = self._api.limits
            reason = f"too slow: more than {limits.waiting_messages} messages or {limits.waiting_bytes} bytes wait"
            await _closed(self._websocket, TOO_SLOW, reason)

    async def _receive(self) -> None:
        with suppress(WebSocketDisconnect):
            while True:
                message = await self._websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._handle(message.get("text"))

    async def _send(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                text = await self._outbox.take(self._api.limits.heartbeat_seconds)
                await self._websocket.send_text(text or _text({"type": "heartbeat", "time": self._api.reading.now}))

    async def _handle(self, text: str | None) -> None:
        number: int | None = None
        try:
            self._api.clients.count_request(self._address)
            ask = _read(text)
            number = ask.id
            if ask.unsubscribe:
                self._leave(number)
            else:
                await self._join(ask)
        except Refused as refused:
            self._outbox.put(_text({"type": "error", "id": number, **problem_body(refused)}))

    def _leave(self, number: int) -> None:
        if number not in self._subscribed:
            raise wrong_input([Fault("id", f"there is no subscription {number}", tuple(map(str, self._subscribed)))])
        self._feeds.left(self._subscribed.pop(number), (self, number))
        self._outbox.put(_text({"type": "unsubscribed", "id": number}))

    async def _join(self, ask: Ask) -> None:
        limits, number = self._api.limits, ask.id
        if number in self._subscribed:
            raise wrong_input([Fault("id", f"{number} is another subscription's")])
        if len(self._subscribed) >= limits.subscriptions:
            raise Refused(429, "too many subscriptions", f"a websocket may have {limits.subscriptions}")
        if not 0 <= ask.rows <= limits.watched_rows:
            raise wrong_input([Fault("rows", f"{ask.rows} is not between 0 and {limits.watched_rows}", (str(_ROWS),))])
        table = self._api.table(ask.subscribe or "")
        where = read_where(ask.where, table.keys)
        if table.lengths and INTERVAL not in dict(where):
            # Long windows began before the newest rows that are watched, and would change unseen.
            raise wrong_input([Fault(f"where.{INTERVAL}", "is missing", tuple(table.lengths))])
        subscription = Subscription(table.name, where)
        self._subscribed[number] = subscription

        def take(members: str) -> None:
            self._outbox.put(f'{{"id":{number},{members}')

        try:
            feed = await self._feeds.joined(subscription, (self, number), take)
        except Refused:
            del self._subscribed[number]
            raise
        self._outbox.put(_text({"type": "subscribed", "id": number, "table": table.name, "where": dict(where)}))
        if feed.away is not None:
            take(database_message(feed.away))
        if ask.rows:
            take(feed.newest_message(ask.rows))


def _read(text: str | None) -> Ask:
    try:
        ask = msgspec.json.decode(text or "", type=Ask)
    except msgspec.DecodeError as error:
        example = '{"id": 1, "subscribe": "candles", "where": {"symbol": "BTC", "interval": "1m"}}'
        raise wrong_input([Fault("message", f"{error}; one looks like this: {example}")]) from None
    if (ask.subscribe is None) is not ask.unsubscribe:
        raise wrong_input([Fault("message", "says neither or both of subscribe and unsubscribe")])
    return ask


def _text(content: dict[str, Any]) -> str:
    return msgspec.json.encode(content).decode()


def _is_from_here(websocket: WebSocket) -> bool:
    """A page of another site that a browser of this machine shows must not read what this address may; programs send no origin."""
    origin = websocket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == websocket.headers.get("host")


async def _closed(websocket: WebSocket, code: int, reason: str) -> None:
    # A client that takes nothing takes no close frame either: it is waited for a while, then the connection goes without.
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await websocket.close(code, reason[:_LONGEST_REASON])
