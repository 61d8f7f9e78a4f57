"""A coin that is halted while the collector runs is noticed, and so is its return; an exchange that does not answer changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from src.collect.arrival import Happening
from src.collect.exchanges import EXCHANGES
from src.collect.listing_watch import watch_listings
from src.collect.options import SourceChoice
from src.collect.parsed import Channel, Listing, Pair
from src.collect.plan import Plan
from src.config import load_settings
from src.schema.records import EventKind, Instrument, Source
from tests.collect.local_servers import Answer, http_served

BTC, SOL = Pair("BTC", "USDT"), Pair("SOL", "USDT")


def answer(**states: str) -> Answer:
    return Answer({"code": "0", "data": [{"instType": "SPOT", "instId": f"{name}-USDT", "state": state} for name, state in states.items()]})


def plan(listed: dict[str, list[Listing]]) -> Plan:
    return Plan(
        SourceChoice.LIVE,
        fall_back=False,
        exchanges={"okx": EXCHANGES["okx"]},
        symbols=frozenset({"BTC", "SOL"}),
        channels=(Channel.TRADE, Channel.ORDERBOOK),
        wanted={"okx": {Channel.TRADE: [BTC, SOL], Channel.ORDERBOOK: [BTC, SOL]}},
        listings=listed,
    )


async def told(home: Path, listed: dict[str, list[Listing]], answers: list[Answer], count: int) -> list[Happening]:
    """What is told until there is so much of it; after the last answer comes the same again and again."""
    found: list[Happening] = []
    enough = asyncio.Event()

    def tell(happening: Happening) -> None:
        found.append(happening)
        if len(found) >= count:
            enough.set()

    left: Iterator[Answer] = iter(answers)
    async with http_served(lambda _: next(left, answers[-1])) as address:
        settings = load_settings(home=home, rest_urls={"okx": address})
        watching = asyncio.create_task(watch_listings(plan(listed), settings, tell, every_seconds=0.01))
        async with asyncio.timeout(30):
            await enough.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    return found


def test_a_halt_and_a_return_are_told_once_for_each_channel(tmp_path: Path) -> None:
    both = {"okx": [Listing(BTC, Instrument.SPOT, trading=True), Listing(SOL, Instrument.SPOT, trading=True)]}
    both_live, halted, gone = answer(BTC="live", SOL="live"), answer(BTC="live", SOL="suspend"), answer(BTC="live")
    down = Answer({"code": "50001", "msg": "Service temporarily unavailable", "data": []})
    found = asyncio.run(told(tmp_path, both, [both_live, halted, down, gone, both_live], 4))
    assert [(one.kind, one.channel, one.pairs) for one in found] == [
        (EventKind.HALTED, Channel.TRADE, (SOL,)),
        (EventKind.HALTED, Channel.ORDERBOOK, (SOL,)),
        (EventKind.TRADING, Channel.TRADE, (SOL,)),
        (EventKind.TRADING, Channel.ORDERBOOK, (SOL,)),
    ]
    assert {(one.market, one.source, one.detail) for one in found[:2]} == {("okx", Source.LIVE, "the exchange does not trade it any more")}
    assert {one.detail for one in found[2:]} == {"the exchange trades it again"}


def test_a_list_that_was_not_known_before_is_only_what_the_next_is_compared_with(tmp_path: Path) -> None:
    found = asyncio.run(told(tmp_path, {}, [answer(BTC="live"), answer(BTC="live", SOL="live")], 2))
    assert [(one.kind, one.channel, one.pairs) for one in found] == [
        (EventKind.TRADING, Channel.TRADE, (SOL,)),
        (EventKind.TRADING, Channel.ORDERBOOK, (SOL,)),
    ]
