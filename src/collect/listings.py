"""The exchanges' own lists of what they trade: read before anything starts, and looked at again while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from src.collect.exchange import Exchange
from src.collect.parsed import Frame, Listing, Pair
from src.collect.wanted import Listings
from src.errors import BadInput, ConfigurationError, TransientError
from src.schema.records import Instrument

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


def changes(before: Sequence[Listing], after: Sequence[Listing], pairs: Sequence[Pair], instrument: Instrument) -> tuple[list[Pair], list[Pair]]:
    """Of these pairs of that instrument the ones that were traded and are not any more, and the ones that are again."""
    was, now = _traded(before, instrument), _traded(after, instrument)
    return [pair for pair in pairs if pair in was and pair not in now], [pair for pair in pairs if pair not in was and pair in now]


def _traded(listings: Sequence[Listing], instrument: Instrument) -> set[Pair]:
    """A coin by itself and in thousands are two: one can be taken off the list without the other."""
    return {listing.pair for listing in listings if listing.trading and listing.instrument is instrument}
