"""Lines of the collectors' ledger, and dead letters: how each is filled in."""

from __future__ import annotations

import hashlib

import msgspec

from src.collect.parsed import Channel
from src.schema.records import RAW_LIMIT, CollectorEvent, DeadLetter, EventKind, Source


def ledger_line(
    kind: EventKind,
    market: str,
    source: Source,
    time: int,
    detail: str,
    channel: Channel | None = None,
    symbol: str | None = None,
    quote: str | None = None,
    count: int | None = None,
) -> CollectorEvent:
    """A line about a market, a channel of it, or one price; `time` is when it was noticed, ms since 1970 UTC."""
    return CollectorEvent(
        kind=kind, market=market, channel=channel, symbol=symbol, quote=quote, source=source, event_time=time, count=count, detail=detail
    )


def moved_line(event: CollectorEvent, shift: int, received_time: int) -> CollectorEvent:
    """An event about trades, whose times are those of the trades as parsed."""
    first, last = event.first_time, event.last_time
    return msgspec.structs.replace(
        event,
        event_time=received_time,
        first_time=None if first is None else first + shift,
        last_time=None if last is None else last + shift,
    )


def dead_frame(market: str, source: Source, received_time: int, raw: bytes, reason: str) -> DeadLetter:
    """The dead letter of a frame, under an origin that is the same when the frame is read again."""
    return DeadLetter(
        reason=reason,
        origin=f"{market}/{source}/{received_time}/{hashlib.sha256(raw).hexdigest()[:16]}",
        market=market,
        source=source,
        received_time=received_time,
        raw=raw[:RAW_LIMIT],
        raw_size=len(raw),
    )
