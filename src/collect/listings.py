"""The exchanges' own lists of what they trade: read before anything starts, and looked at again while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from src.collect.exchange import Exchange
from src.collect.parsed import Frame, Listing, Pair
from src.collect.wanted import Listings
from src.errors import BadInput, ConfigurationError, TransientError

READ_SECONDS = 5.0


class Client(Protocol):
    """What asks an exchange by REST."""

    async def get(self, exchange: Exchange, path: str) -> Frame:
        """The answer; raises TransientError or ConfigurationError where there is none."""


async def read_listings(exchanges: Mapping[str, Exchange], client: Client, seconds: float = READ_SECONDS) -> Listings:
    """What every exchange lists, as far as it answers within `seconds`."""
    found = await asyncio.gather(*(_read(exchange, client, seconds) for exchange in exchanges.values()))
    return {market: listings for market, listings in zip(exchanges, found, strict=True) if listings}


async def _read(exchange: Exchange, client: Client, seconds: float) -> Sequence[Listing]:
    if exchange.listings_path is None:
        return ()
    try:
        async with asyncio.timeout(seconds):
            frame = await client.get(exchange, exchange.listings_path)
        return [item for item in exchange.parse(frame) if isinstance(item, Listing)]
    except (TransientError, ConfigurationError, BadInput, TimeoutError):
        return ()


def changes(before: Sequence[Listing], after: Sequence[Listing], pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Of these pairs the ones that were traded and are not any more, and the ones that are again."""
    was, now = _traded(before), _traded(after)
    halted = [pair for pair in pairs if _key(pair) in was and _key(pair) not in now]
    again = [pair for pair in pairs if _key(pair) not in was and _key(pair) in now]
    return halted, again


def _traded(listings: Sequence[Listing]) -> set[tuple[str, str]]:
    return {_key(listing.pair) for listing in listings if listing.trading}


def _key(pair: Pair) -> tuple[str, str]:
    return pair.symbol, pair.quote
