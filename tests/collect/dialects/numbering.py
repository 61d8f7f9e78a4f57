"""How many numbers a change of a made-up book takes, by the venue's rule."""

from __future__ import annotations

from src.collect.book_rule import BookRule, Chained, ChainedAfterRest, Consecutive
from src.collect.exchange import Exchange
from src.collect.parsed import BookUpdate, Frame, Pair
from src.schema.records import Source


def numbers_of_a_change(rule: BookRule, exchange: Exchange) -> tuple[int, int]:
    """How many numbers one change takes, from and to; (0, 0) where a whole message takes one."""
    if isinstance(rule, Chained):
        return 1, 40
    if isinstance(rule, ChainedAfterRest):
        return 1, 3
    return (0, 0) if isinstance(rule, Consecutive) and not _says_ranges(exchange) else (1, 1)


def _says_ranges(exchange: Exchange) -> bool:
    """Whether the venue's message can say that it stands for several numbers."""
    pair = Pair("BTC", exchange.quotes[0])
    several = BookUpdate(
        market=exchange.name,
        symbol=pair.symbol,
        quote=pair.quote,
        instrument=exchange.instrument,
        source=Source.LIVE,
        event_time=1_700_000_000_000,
        received_time=1_700_000_000_000,
        snapshot=False,
        bids=[(1.0, 1.0, "1.0", "1.0")],
        asks=[],
        first=5,
        last=7,
    )
    parsed = exchange.parse(Frame(exchange.name, Source.LIVE, several.received_time, exchange.simulate(several)))
    return [update.first for update in parsed if isinstance(update, BookUpdate)] == [5]
