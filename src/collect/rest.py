"""Exchanges' public REST interfaces, and the banks': GET requests within each venue's limit, with its mirrors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from http import HTTPStatus

import httpx

from src.collect.exchange import Exchange
from src.collect.opening import ADDRESS_RULES, REGION_REFUSALS, TOO_MANY, hold_seconds, is_address, shown
from src.collect.pace import Pacer
from src.collect.parsed import Frame
from src.collect.proxy import chosen_proxy, is_loopback
from src.config import Settings
from src.errors import ConfigurationError, TransientError
from src.schema.records import Source

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes; the largest list of markets has about 20 MB."""
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_TOTAL_SECONDS = 30.0
"""For one answer with all of its body: a server that says a little now and then keeps within every other limit."""


class RestClient:
    """Asks by HTTP, through the proxy of the settings. To be closed in the end.

    Raises `ConfigurationError` for addresses or a proxy in the settings that cannot be used; no message holds one.
    """

    def __init__(self, settings: Settings) -> None:
        _check(settings)
        self._given = settings.rest_urls
        self._proxy = chosen_proxy(settings)
        self._pacers: dict[str, Pacer] = {}
        self._first: dict[str, int] = {}
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._closed = False

    def is_off(self, exchange: Exchange) -> bool:
        """Whether an exchange cannot be asked: the settings forbid it, or it has no address."""
        return not self._bases(exchange)

    async def get(self, exchange: Exchange, path: str) -> Frame:
        """The answer to a path (with its query) of an exchange, from the first of its addresses that has one for us.

        Raises `TransientError` when it may answer later, `ConfigurationError` when the exchange may not be asked or serves no one here (HTTP 451).
        """
        bases = self._bases(exchange)
        if not bases:
            raise ConfigurationError(f"{exchange.name} is not asked by REST (COINSPARK_REST_URLS)")
        pacer = self._pacers.setdefault(exchange.name, Pacer(exchange.rest_requests))
        start = self._first.get(exchange.name, 0)
        troubles: list[_Refused] = []
        for step in range(len(bases)):
            place = (start + step) % len(bases)
            url = bases[place] + path
            await pacer.turn()
            try:
                body = await self._get(url)
            except _Refused as error:
                if error.hold_seconds is not None:
                    pacer.hold(error.hold_seconds)
                if not error.elsewhere:
                    raise
                troubles.append(error)
            else:
                self._first[exchange.name] = place
                return Frame(exchange.name, Source.LIVE, time.time_ns() // 1_000_000, body, url)
        if all(trouble.status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS for trouble in troubles):
            raise ConfigurationError(
                f"{exchange.name} does not serve this country or network by REST (HTTP 451): "
                "take it out of COINSPARK_MARKETS, set COINSPARK_PROXY, or give another COINSPARK_REST_URLS"
            )
        raise TransientError("; ".join(str(trouble) for trouble in troubles))

    async def get_url(self, url: str) -> bytes:
        """The body of an address that belongs to no exchange. Raises `TransientError` when there is none."""
        return await self._get(url)

    async def close(self) -> None:
        """Close what is open, and ask for nothing any more; a second call does nothing."""
        self._closed = True
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            await client.aclose()

    def _bases(self, exchange: Exchange) -> Sequence[str]:
        given = self._given.get(exchange.name)
        if given is None:
            return exchange.rest_urls
        return (given.rstrip("/"),) if given else ()

    async def _get(self, url: str) -> bytes:
        """The body of a good answer, else `_Refused`."""
        try:
            async with asyncio.timeout(_TOTAL_SECONDS), self._client(url).stream("GET", url) as answer:
                if not answer.is_success:
                    hold = hold_seconds(answer.headers.get_list("Retry-After")) if answer.status_code in TOO_MANY else None
                    raise _Refused(f"{shown(url)}: HTTP {answer.status_code}", answer.status_code, hold)
                body = bytearray()
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > LARGEST_ANSWER:
                        raise _Refused(f"{shown(url)}: an answer over {LARGEST_ANSWER // 2**20} MiB", answer.status_code)
                return bytes(body)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ImportError, ValueError) as error:
            # Only the kind: a library's words about a proxy may hold its password.
            raise _Refused(f"{shown(url)}: cannot be reached ({type(error).__name__})") from None

    def _client(self, url: str) -> httpx.AsyncClient:
        if self._closed:
            raise TransientError(f"{shown(url)}: not asked, for the collector ends")
        near = is_loopback(url)
        if near not in self._clients:
            self._clients[near] = httpx.AsyncClient(
                # No proxy, not even of the environment, leads to this machine itself.
                proxy=None if near else self._proxy,
                trust_env=not near,
                timeout=_TIMEOUT,
                follow_redirects=True,
            )
        return self._clients[near]


class _Refused(TransientError):
    """No good answer. `status` is None where there was none at all."""

    def __init__(self, message: str, status: int | None = None, hold_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.hold_seconds = hold_seconds

    @property
    def elsewhere(self) -> bool:
        """Whether another address of the same exchange may answer."""
        status = self.status
        # An exchange that moves answers 404 at the host it leaves; a mirror may be well while the first is down.
        return status is None or status in REGION_REFUSALS or status == HTTPStatus.NOT_FOUND or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _check(settings: Settings) -> None:
    for market, base in settings.rest_urls.items():
        if base and not is_address(base, "http", "https"):
            raise ConfigurationError(f"COINSPARK_REST_URLS: the address of {market} must be http://host/path or https://host/path{ADDRESS_RULES}")
    if not all(is_address(url, "http", "https") for url in settings.bank_rate_urls):
        raise ConfigurationError(f"COINSPARK_BANK_RATE_URLS must be http://host/path or https://host/path, with commas between them{ADDRESS_RULES}")
