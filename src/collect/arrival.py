"""What a source hands to the pipeline: a frame, live or played again, or a line of a recording that is no frame."""

from __future__ import annotations

import msgspec

from src.collect.exchange import Frame
from src.schema.records import Source


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
