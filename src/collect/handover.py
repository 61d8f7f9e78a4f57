"""One connection takes the place of another while both run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from src.collect.exchange import Exchange
from src.collect.parsed import BookUpdate, Channel, Frame, Pair, TickerChange
from src.errors import MalformedFrame
from src.schema.records import Ticker, Trade


class Handover:
    """Knows which pairs the new connection has given data of, and which frames of the old one still count.

    Trades count from both, as each is told apart by its id, and so do changes of a book that has its snapshot by REST, as they are numbered. A book
    that begins anew with a snapshot, or a ticker, has its new state from the new connection: an older message after that would break it.
    """

    def __init__(self, exchange: Exchange, channel: Channel, pairs: Sequence[Pair]) -> None:
        self.complete = asyncio.Event()
        """Set when the new connection has given data of every pair."""
        self._exchange = exchange
        self._pairs = pairs
        self._waiting = {(pair.symbol, pair.quote) for pair in pairs}
        numbered = channel is Channel.ORDERBOOK and exchange.book_rule.rest_snapshot
        self._both_count = channel is Channel.TRADE or numbered

    @property
    def waiting(self) -> tuple[Pair, ...]:
        """The pairs that the new connection has given no data of."""
        return tuple(pair for pair in self._pairs if (pair.symbol, pair.quote) in self._waiting)

    def came_by_new(self, frame: Frame) -> None:
        """A frame of the new connection came."""
        if self._waiting:
            self._waiting -= _prices(self._exchange, frame)
        if not self._waiting:
            self.complete.set()

    def still_counts(self, frame: Frame) -> bool:
        """Whether a frame of the old connection is to be used."""
        if self._both_count:
            return True
        prices = _prices(self._exchange, frame)
        return not prices or not prices.isdisjoint(self._waiting)


def _prices(exchange: Exchange, frame: Frame) -> set[tuple[str, str]]:
    try:
        items = exchange.parse(frame)
    except MalformedFrame:
        return set()
    data = (item.ticker if isinstance(item, TickerChange) else item for item in items)
    return {(item.symbol, item.quote) for item in data if isinstance(item, Ticker | Trade | BookUpdate)}
