"""What a source hands to the pipeline: a frame, live or played again, or a line of a recording that is no frame."""

from __future__ import annotations

import msgspec

from src.collect.parsed import Channel, Frame, Pair
from src.schema.records import EventKind, Source, Trade


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One frame, and when it is to count as received."""

    frame: Frame
    """As it came or as it was recorded."""
    received_time: int
    """ms since 1970 UTC; a replay moves it, live and simulated frames keep their own."""
    undated: bool = False
    """The recording does not say when the frame was received, so its events are taken to have happened at their reception."""
    number: int | None = None
    """Place in a replay, from 0; None elsewhere."""
    starts_pass: bool = False
    """The first frame of a recording, which a looped replay plays again and again."""
    connection: int | None = None
    """Which live connection it came by."""


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a recording that holds no frame; it goes to the dead letters."""

    market: str
    source: Source
    received_time: int
    raw: bytes
    reason: str
    number: int | None = None


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What befell a connection or a subscription, in its place among the frames: it becomes a line of the ledger.

    `connected` and `subscribed` (the requests were sent), `disconnected`, `refused`, `stale`, `dropped`, `halted`, `trading`.
    """

    kind: EventKind
    market: str
    source: Source
    received_time: int
    """ms since 1970 UTC."""
    channel: Channel | None
    pairs: tuple[Pair, ...] = ()
    """The pairs that it is about; all of a connection's, when it is about the connection."""
    detail: str = ""
    count: int | None = None


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What a frame has shown to be missing, and only the source can get: the snapshot of a book, or trades."""

    market: str
    channel: Channel
    """ORDERBOOK: a snapshot of the pair's book. TRADE: the pair's trades after `after`."""
    pair: Pair
    after: Trade | None = None
    """The last trade known."""


class Unanswered(msgspec.Struct, frozen=True, kw_only=True):
    """A need for trades that the source gives up. A need for a book is never given up."""

    need: Need
    received_time: int
    reason: str
