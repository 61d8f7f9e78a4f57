"""Trades once each, and every gap in them known: what was seen, what is missing, what was fetched afterwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from src.collect.arrival import Need
from src.collect.exchange import Exchange
from src.collect.parsed import Channel, Pair, TradeIds
from src.schema.records import CollectorEvent, EventKind, Instrument, Trade

REMEMBERED = 20_000
"""Ids of each pair that are kept to tell a trade that comes twice."""
ASKS = 3
"""How often missing trades are asked for before they are given up."""
_DATED = frozenset({Instrument.FUTURE, Instrument.OPTION})
TradeKey = tuple[str, str, str, Instrument]
"""Market, symbol, quote, instrument."""


@dataclass(slots=True)
class _Gap:
    """Trades that are missing, or may be, after `first` and before `until`."""

    first: Trade
    """The last one known before it."""
    until: Trade | None
    after: Trade
    """The last one known before what is still to be fetched."""
    asked: int = 0
    fetched: int = 0
    told: bool = False


@dataclass(slots=True)
class _Stream:
    """The trades of one price."""

    ids: set[str] = field(default_factory=set)
    order: deque[str] = field(default_factory=deque)
    last: Trade | None = None
    gap: _Gap | None = None
    pair: Pair | None = None
    """As it was subscribed to."""

    def is_new(self, trade_id: str) -> bool:
        if trade_id in self.ids:
            return False
        self.ids.add(trade_id)
        self.order.append(trade_id)
        if len(self.order) > REMEMBERED:
            self.ids.discard(self.order.popleft())
        return True


class TradeStreams:
    """Lets each trade through once. Pure, fed in frame order; times are those of the trades as parsed.

    `needs` gets a need when trades are missing or may be; the answer comes back by `answer`, or `give_up` when there is none.
    """

    def __init__(self, exchanges: Mapping[str, Exchange]) -> None:
        self.needs: list[Need] = []
        self.repeated = 0
        """Trades that came again and were left out."""
        self._exchanges = exchanges
        self._streams: dict[TradeKey, _Stream] = {}

    def remember(self, last: Trade, ids: Iterable[str]) -> None:
        """What was sent before this start, oldest first; `last` is the newest trade of them."""
        stream = self._stream(last)
        for trade_id in ids:
            stream.is_new(trade_id)
        stream.last = last

    def take(self, trade: Trade) -> Sequence[Trade | CollectorEvent]:
        """The trade, unless it came before, and what it shows to be missing before it."""
        if trade.trade_id is None or trade.instrument in _DATED:
            return (trade,)  # formats of the past number none; a dated price stands for several contracts with ids of their own
        stream = self._stream(trade)
        if not stream.is_new(trade.trade_id):
            self.repeated += 1
            return ()
        last = stream.last
        if last is None:
            stream.last = trade
            return (trade,)
        told: list[Trade | CollectorEvent] = []
        rule = self._exchanges[trade.market].trade_ids
        if _is_newer(trade, last, rule):
            gap = stream.gap
            if gap is not None and gap.until is None:
                gap.until = trade
            if rule is TradeIds.CONSECUTIVE:
                told += self._jump(stream, last, trade)
            stream.last = trade
        told.append(trade)
        return told

    def subscribed(self, market: str, pairs: Iterable[Pair]) -> None:
        """These pairs were subscribed to anew: what was traded since the last trade known may be missing."""
        names = {(pair.symbol, pair.quote): pair for pair in pairs}
        for (of_market, symbol, quote, _), stream in self._streams.items():
            if of_market == market and (symbol, quote) in names and stream.last is not None:
                stream.pair = names[symbol, quote]
                if stream.gap is None:
                    stream.gap = _Gap(stream.last, None, stream.last)
                self._ask(stream.gap)

    def answer(self, trades: Sequence[Trade]) -> Sequence[Trade | CollectorEvent]:
        """The trades of one pair that were fetched, oldest first: those that were missing, and whether that closes the gap.

        Some exchanges answer with the latest trades, some with the first ones after the one known: then the next are asked for.
        """
        if not trades or trades[0].instrument in _DATED:
            return trades
        stream = self._stream(trades[0])
        gap, stream.gap = stream.gap, None
        rule = self._exchanges[trades[0].market].trade_ids
        wanted = trades if gap is None else [trade for trade in trades if _is_newer(trade, gap.after, rule)]
        found = [trade for trade in wanted if trade.trade_id is None or stream.is_new(trade.trade_id)]
        if found and (stream.last is None or _is_newer(found[-1], stream.last, rule)):
            stream.last = found[-1]
        if gap is None:
            return found
        return [*found, *self._judged(stream, gap, trades, len(found), rule)]

    def answered_without(self, market: str, url: str) -> None:
        """An answer without a trade: there were none after the last one known."""
        exchange = self._exchanges[market]
        for (of_market, symbol, quote, _), stream in self._streams.items():
            if of_market == market and stream.gap is not None:
                path = exchange.trades_path(stream.pair or Pair(symbol, quote), stream.gap.after)
                if path is not None and url.endswith(path):
                    stream.gap = None

    def give_up(self, need: Need, received_time: int, reason: str) -> Sequence[Trade | CollectorEvent]:
        """Missing trades cannot be fetched: the gap is marked."""
        if need.after is None:
            return ()
        stream = self._stream(need.after)
        gap, stream.gap = stream.gap, None
        if gap is None:
            return ()
        until = gap.until or msgspec.structs.replace(gap.after, event_time=max(received_time, gap.after.event_time), trade_id=None)
        return self._lost(gap, until, reason)

    def _stream(self, trade: Trade) -> _Stream:
        key = (trade.market, trade.symbol, trade.quote, trade.instrument)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream()
        return stream

    def _jump(self, stream: _Stream, last: Trade, trade: Trade) -> list[Trade | CollectorEvent]:
        jumped = _number(trade) - _number(last) - 1
        if jumped == 0:
            if stream.gap is not None and stream.gap.after is last:
                stream.gap = None  # nothing was traded while the connection was lost
            return []
        if stream.gap is None:
            stream.gap = _Gap(last, trade, last)
        stream.gap.until, stream.gap.told = trade, True
        self._ask(stream.gap)
        return [_event(EventKind.GAP, last, trade, "trade ids are missing", jumped)]

    def _ask(self, gap: _Gap) -> None:
        gap.asked += 1
        after = gap.after
        self.needs.append(Need(market=after.market, channel=Channel.TRADE, pair=Pair(after.symbol, after.quote), after=after))

    def _judged(self, stream: _Stream, gap: _Gap, trades: Sequence[Trade], found: int, rule: TradeIds) -> list[Trade | CollectorEvent]:
        """What an answer that held `found` missing trades says of the gap: more is asked for, or it is filled, or lost."""
        gap.fetched += found
        if not _reaches(trades[0], gap.after, rule):
            return self._lost(gap, trades[0], "the exchange does not have them any more")
        newest = trades[-1]
        if found and (gap.until is None or _is_newer(gap.until, newest, rule)):
            stream.gap, gap.after, gap.asked = gap, newest, 0
            self._ask(gap)
            return []
        if rule is TradeIds.CONSECUTIVE and self._lacks_ids(stream, gap):
            if gap.asked >= ASKS:
                return self._lost(gap, gap.until or newest, "the exchange does not give them")
            stream.gap = gap
            self._ask(gap)
            return []
        if not gap.fetched:
            return []
        return [_event(EventKind.FILLED, gap.first, gap.until or newest, "missing trades were fetched", gap.fetched)]

    def _lacks_ids(self, stream: _Stream, gap: _Gap) -> bool:
        if gap.until is None:
            return False
        numbers = range(_number(gap.first) + 1, _number(gap.until))
        return any(str(number) not in stream.ids for number in numbers[:REMEMBERED])

    def _lost(self, gap: _Gap, until: Trade, reason: str) -> list[Trade | CollectorEvent]:
        mark = msgspec.structs.replace(
            gap.after,
            event_time=until.event_time,
            received_time=until.received_time,
            trade_id=None,
            price=None,
            size=None,
            side=None,
            backfilled=False,
            gap_since=gap.after.event_time,
        )
        told = [] if gap.told else [_event(EventKind.GAP, gap.after, until, f"trades may be missing: {reason}", None)]
        return [*told, mark]


def _reaches(oldest: Trade, after: Trade, rule: TradeIds) -> bool:
    """Whether an answer that begins with `oldest` leaves nothing out after `after`."""
    if rule is TradeIds.CONSECUTIVE:
        return _number(oldest) <= _number(after) + 1
    return oldest.trade_id == after.trade_id or not _is_newer(oldest, after, rule)


def _is_newer(trade: Trade, than: Trade, rule: TradeIds) -> bool:
    if rule is TradeIds.UNIQUE:
        return trade.event_time >= than.event_time
    return _number(trade) > _number(than)


def _number(trade: Trade) -> int:
    text = trade.trade_id or ""
    return int(text) if text.isdecimal() else -1


def _event(kind: EventKind, after: Trade, until: Trade, detail: str, count: int | None) -> CollectorEvent:
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
