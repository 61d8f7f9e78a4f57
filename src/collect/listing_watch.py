"""Notices while it runs that an exchange stops trading a coin, takes it off its list, or trades it again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from src.collect.arrival import Happening
from src.collect.listings import changes, read_listings
from src.collect.parsed import Channel, Pair
from src.collect.plan import Plan
from src.collect.rest import RestClient
from src.config import Settings
from src.schema.records import EventKind, Source

EVERY_SECONDS = 900.0


async def watch_listings(todo: Plan, settings: Settings, tell: Callable[[Happening], None], every_seconds: float = EVERY_SECONDS) -> None:
    """Read the lists again and again, until cancelled. Each change of a pair that is collected is told once, for every channel of it."""
    known = dict(todo.listings)
    client = RestClient(settings)
    try:
        while True:
            await asyncio.sleep(every_seconds)
            for market, listings in (await read_listings(todo.exchanges, client)).items():
                before = known.get(market)
                known[market] = listings
                if before is None:
                    continue
                for channel, pairs in todo.wanted[market].items():
                    halted, again = changes(before, listings, pairs, todo.exchanges[market].instrument)
                    for kind, changed in ((EventKind.HALTED, halted), (EventKind.TRADING, again)):
                        if changed:
                            tell(_happening(kind, market, channel, tuple(changed)))
    finally:
        await client.close()


def _happening(kind: EventKind, market: str, channel: Channel, pairs: tuple[Pair, ...]) -> Happening:
    detail = "the exchange does not trade it any more" if kind is EventKind.HALTED else "the exchange trades it again"
    return Happening(
        kind=kind, market=market, source=Source.LIVE, received_time=time.time_ns() // 1_000_000, channel=channel, pairs=pairs, detail=detail
    )
