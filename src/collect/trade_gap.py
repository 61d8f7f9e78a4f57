"""How missing trades are told: by a mark among the trades and by a line of the ledger."""

from __future__ import annotations

import msgspec

from src.collect.parsed import Channel
from src.schema.records import CollectorEvent, EventKind, Trade


def gap_mark(after: Trade, until: int, received_time: int) -> Trade:
    """The mark that trades of that price may be missing from the time of `after` to `until`."""
    return msgspec.structs.replace(
        after,
        event_time=until,
        received_time=received_time,
        trade_id=None,
        price=None,
        size=None,
        side=None,
        backfilled=True,  # told after the fact, it corrects the windows it lies in
        gap_since=after.event_time,
    )


def gap_event(kind: EventKind, after: Trade, until: Trade, detail: str, count: int | None) -> CollectorEvent:
    """The line of the ledger about the trades after `after` and before `until`."""
    return CollectorEvent(
        kind=kind,
        market=after.market,
        channel=Channel.TRADE,
        symbol=after.symbol,
        quote=after.quote,
        source=until.source,
        event_time=until.received_time,
        first_time=after.event_time,
        last_time=until.event_time,
        first_sequence=after.trade_id,
        last_sequence=until.trade_id,
        count=count,
        detail=detail,
    )
