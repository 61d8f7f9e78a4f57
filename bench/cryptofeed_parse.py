"""How many of the same frames cryptofeed takes a second. Run by the Python that has it, with nothing of this project.

Reads one job a line on stdin, `{"feed", "channel", "address", "messages", "answers"}`, and answers each with a line
`{"seconds", "verified_seconds", "callbacks"}`, processor seconds of one pass, the best of three rounds. Its callback does nothing; its order books
begin anew with each pass, as ours do. `verified_seconds` is of books with its checksum_validation on, which by default is off.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from time import process_time
from typing import Any

from cryptofeed.defines import L2_BOOK, TICKER, TRADES
from cryptofeed.exceptions import BadChecksum
from cryptofeed.exchanges import EXCHANGE_MAP
from cryptofeed.symbols import Symbols

ROUNDS = 3
ROUND_SECONDS = 0.7
WITH_CHECKSUMS = frozenset({"OKX", "KRAKEN"})
CHANNELS = {"ticker": TICKER, "trade": TRADES, "orderbook": L2_BOOK}


class AllSymbols(dict[str, str]):
    """A list of symbols that has any symbol: the real one would be asked for on the net. A symbol seen once is an entry like any other."""

    def __missing__(self, symbol: str) -> str:
        self[symbol] = symbol
        return symbol


class Answers:
    """Stands where it would ask for REST snapshots of books; gives the captured answers."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers

    async def read(self, url: str, **_: object) -> str:
        """The answer to a request for that address."""
        return self.answers[url]


class Connection:
    """What a message says it came by."""

    uuid = "bench"

    def __init__(self, address: str, subscription: dict[str, AllSymbols]) -> None:
        self.address = address
        self.subscription = subscription


class AnyPair(AllSymbols):
    """A subscription to every pair."""

    def __contains__(self, pair: object) -> bool:
        return True


async def speed(job: dict[str, Any]) -> dict[str, object]:
    """Seconds of one pass and how many callbacks it made; or why cryptofeed does not take these frames."""
    callbacks = 0

    async def count(*_: object) -> None:
        nonlocal callbacks
        callbacks += 1

    async def nothing(*_: object) -> None:
        pass

    channel = CHANNELS[job["channel"]]
    feed_class = EXCHANGE_MAP[job["feed"]]
    if channel not in feed_class.websocket_channels:
        return {"reason": "has no such channel"}
    Symbols.set(feed_class.id, AllSymbols(), {"instrument_type": {}})
    feed = feed_class(callbacks={channel: count})
    feed.exchange_symbol_mapping = AllSymbols()
    feed.http_conn = Answers(job["answers"])
    connection = Connection(job["address"], {feed_class.websocket_channels[channel]: AnyPair()})
    messages = job["messages"]

    async def one_pass() -> None:
        begin_again(feed)
        handler = feed.message_handler
        for message in messages:
            await handler(message, connection, 0.0)

    try:
        await one_pass()
    except Exception as error:  # noqa: BLE001  whatever it is, the frames are not for cryptofeed
        return {"reason": f"{type(error).__name__}: {error}"[:200]}
    counted = callbacks
    feed.callbacks[channel] = [nothing]
    seconds = await best_seconds(one_pass)
    return {"seconds": seconds, "verified_seconds": await verified_seconds(job, feed, one_pass), "callbacks": counted}


async def verified_seconds(job: dict[str, Any], feed: Any, one_pass: Callable[[], Awaitable[None]]) -> float | None:
    """Seconds of one pass over books with checksums verified; None where there are none, or where it finds one wrong."""
    if job["feed"] not in WITH_CHECKSUMS or job["channel"] != "orderbook":
        return None
    feed.checksum_validation = True
    try:
        return await best_seconds(one_pass)
    except BadChecksum:
        return None


def begin_again(feed: Any) -> None:
    """Forget the order books, as a new subscription does."""
    feed._l2_book = {}  # noqa: SLF001  there is no other way to it
    if hasattr(feed, "_reset"):
        feed._reset()  # noqa: SLF001


async def best_seconds(one_pass: Callable[[], Awaitable[None]]) -> float:
    """Processor seconds of a pass: the mean of a round of 0.7 s, the best of three rounds after a first one that warms up."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        passes = 0
        began = process_time()
        while (seconds := process_time() - began) < ROUND_SECONDS:
            await one_pass()
            passes += 1
        best = min(best, seconds / passes)
    return best


def main() -> None:
    """Answer jobs until there are no more."""
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        print(json.dumps(asyncio.run(speed(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
