"""What leaves the pipeline for Kafka."""

from __future__ import annotations

import msgspec

from src.collect.parsed import Channel
from src.schema.records import CollectorEvent, DeadLetter, OrderBook, RawMessage, Ticker, Trade


class RawOut(msgspec.Struct, frozen=True):
    """A derivative venue's own payload on its way to a topic of its own."""

    topic: str
    channel: Channel
    symbol: str
    """Base coin, which is part of the message's key."""
    message: RawMessage


Outgoing = Ticker | Trade | OrderBook | RawOut | CollectorEvent | DeadLetter
