"""Asks for the bank's rate again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from src.collect.arrival import Arrival, Happening
from src.collect.bank_rate import BANK, parse_bank_rate
from src.collect.opening import shown
from src.collect.parsed import Channel, Frame
from src.collect.rest import RestClient
from src.collect.source import Coming
from src.errors import MalformedFrame, TransientError
from src.schema.records import EventKind, Source


async def poll_bank_rate(client: RestClient, urls: Sequence[str], every_seconds: float, put: Callable[[Coming], object]) -> None:
    """Put the answer of the first address that gives a rate, until cancelled. When none does it is said once, and again after the next answer."""
    fails = False
    while True:
        frame, troubles = await _first_answer(client, urls)
        if frame is not None:
            put(Arrival(frame=frame, received_time=frame.received_time))
        elif not fails:
            now = time.time_ns() // 1_000_000
            detail = f"no bank rate: {'; '.join(troubles)}"
            # A happening belongs to a channel; the rate serves them all.
            put(Happening(kind=EventKind.REFUSED, market=BANK, source=Source.LIVE, received_time=now, channel=Channel.TICKER, detail=detail))
        fails = frame is None
        await asyncio.sleep(every_seconds)


async def _first_answer(client: RestClient, urls: Sequence[str]) -> tuple[Frame | None, list[str]]:
    troubles: list[str] = []
    for url in urls:
        try:
            body = await client.get_url(url)
            frame = Frame(BANK, Source.LIVE, time.time_ns() // 1_000_000, body, url)
            # A page of a gateway, or of a service that has ended, comes with HTTP 200 too.
            parse_bank_rate(frame)
        except TransientError as error:
            troubles.append(str(error))
        except MalformedFrame as error:
            troubles.append(f"{shown(url)}: {error}")
        else:
            return frame, troubles
    return None, troubles
