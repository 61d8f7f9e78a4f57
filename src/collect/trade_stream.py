"""What is known of the trades of one price: which came, which is the newest, and what is missing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from src.collect.parsed import Pair, TradeIds
from src.schema.records import Trade

REMEMBERED = 20_000
"""Ids of each pair that are kept to tell a trade that comes twice."""
_LONGEST_NUMBER = 30


@dataclass(slots=True)
class Gap:
    """Trades that are missing, or may be, after `first` and before `until`."""

    first: Trade
    """The last one known before it."""
    until: Trade | None
    after: Trade
    """The last one known before what is still to be fetched."""
    asked: int = 0
    """Since an answer last brought something new."""
    fetched: int = 0
    told: bool = False
    renewed: bool = False
    """It grew while an answer was on its way, which cannot tell of what was lost since."""
    given_up: bool = False


@dataclass(slots=True)
class Stream:
    """The trades of one price."""

    ids: set[str] = field(default_factory=set)
    order: deque[str] = field(default_factory=deque)
    last: Trade | None = None
    gap: Gap | None = None
    pair: Pair | None = None
    """As it was subscribed to."""

    def is_new(self, trade_id: str) -> bool:
        """Whether this id comes for the first time; from now on it does not."""
        if trade_id in self.ids:
            return False
        self.ids.add(trade_id)
        self.order.append(trade_id)
        if len(self.order) > REMEMBERED:
            self.ids.discard(self.order.popleft())
        return True


def reaches(oldest: Trade, after: Trade, rule: TradeIds) -> bool:
    """Whether an answer that begins with `oldest` leaves nothing out after `after`."""
    if rule is TradeIds.CONSECUTIVE:
        return number(oldest) <= number(after) + 1
    return oldest.trade_id == after.trade_id or not is_newer(oldest, after, rule)


def lacks_ids(stream: Stream, after: Trade, until: Trade) -> bool:
    """Whether a trade between these two, whose ids are consecutive, was not seen."""
    return any(str(missing) not in stream.ids for missing in range(number(after) + 1, number(until))[:REMEMBERED])


def is_newer(trade: Trade, than: Trade, rule: TradeIds) -> bool:
    """Whether the id says so; of ids that do not tell, the time, where equal times count as newer."""
    if rule is TradeIds.UNIQUE:
        return trade.event_time >= than.event_time
    return number(trade) > number(than)


def is_part_of(trade: Trade, merged: Trade) -> bool:
    """Whether a single fill is in a trade of the socket, which merges the fills of one order at one price, or comes after it."""
    same_order = (trade.event_time, trade.price, trade.side) == (merged.event_time, merged.price, merged.side)
    return same_order or number(trade) >= number(merged)


def number(trade: Trade) -> int:
    """The id as a number; -1 for one that is none."""
    text = trade.trade_id or ""
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_NUMBER else -1
