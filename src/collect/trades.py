"""Trades once each, and every gap in them known: what was seen, what is missing, what was fetched afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from src.collect.arrival import Need
from src.collect.exchange import Exchange
from src.collect.parsed import Channel, Pair, TradeIds
from src.collect.trade_gap import gap_event, gap_mark
from src.collect.trade_stream import Gap, Stream, is_newer, is_part_of, lacks_ids, number, reaches
from src.schema.records import CollectorEvent, EventKind, Instrument, Trade

ASKS = 3
"""How often missing trades are asked for before they are given up."""
_LARGEST_COUNT = 2**53
_LONG_AGO = 0
_DATED = frozenset({Instrument.FUTURE, Instrument.OPTION})
TradeKey = tuple[str, str, str, Instrument]
"""Market, symbol, quote, instrument."""


class TradeStreams:
    """Lets each trade through once. Pure, fed in frame order; times are those of the trades as parsed.

    `needs` gets a need when trades are missing or may be; the answer comes back by `answer`, or `give_up` when there is none.
    """

    def __init__(self, exchanges: Mapping[str, Exchange]) -> None:
        self.needs: list[Need] = []
        self.repeated = 0
        """Trades that came again and were left out."""
        self._exchanges = exchanges
        self._streams: dict[TradeKey, Stream] = {}
        self._begun: dict[TradeKey, int] = {}
        """From when on (event time, ms) the trades of a price are known."""

    def remember(self, last: Trade, ids: Iterable[str]) -> None:
        """What was sent before this start, oldest first; `last` is the newest trade of them."""
        stream = self._stream(last)
        for trade_id in ids:
            stream.is_new(trade_id)
        stream.last = last
        self._begun[_key(last)] = _LONG_AGO

    def take(self, trade: Trade) -> Sequence[Trade | CollectorEvent]:
        """The trade, unless it came before, and what it shows to be missing before it.

        Before the first trade of a price of which nothing is known stands a mark at its own time: what was traded earlier in its windows is not
        known. One that is older than that first trade moves the beginning.
        """
        if trade.trade_id is None or trade.instrument in _DATED:
            # Formats of the past number none; a dated price stands for several contracts with ids of their own.
            return (*self._beginning(trade), trade)
        stream = self._stream(trade)
        if not stream.is_new(trade.trade_id):
            self.repeated += 1
            return ()
        told: list[Trade | CollectorEvent] = [*self._beginning(trade)]
        last = stream.last
        if last is None:
            stream.last = trade
            return [*told, trade]
        rule = self._exchanges[trade.market].trade_ids
        if is_newer(trade, last, rule):
            gap = stream.gap
            if gap is not None and gap.given_up:
                told += self._lost(gap, trade, "the exchange does not give them")
                stream.gap = None
            elif gap is not None and gap.until is None:
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
                    stream.gap = Gap(stream.last, None, stream.last)
                else:
                    stream.gap.until, stream.gap.renewed, stream.gap.given_up, stream.gap.asked = None, True, False, 0
                self._ask(stream.gap)

    def answer(self, trades: Sequence[Trade], url: str | None = None) -> Sequence[Trade | CollectorEvent]:
        """The trades of one pair that were fetched from `url`, oldest first: those that were missing, and whether that closes the gap.

        Some exchanges answer with the latest trades, some with the first ones after the one known: then the next are asked for.
        """
        if not trades or trades[0].instrument in _DATED:
            return trades
        stream = self._stream(trades[0])
        gap, stream.gap = stream.gap, None
        if gap is None:
            return ()  # closed meanwhile: what else is in the answer was there before we came, or comes by the socket
        rule = self._exchanges[trades[0].market].trade_ids
        wanted = [trade for trade in trades if is_newer(trade, gap.after, rule)]
        if self._exchanges[trades[0].market].merges_fills and gap.until is not None:
            wanted = [trade for trade in wanted if not is_part_of(trade, gap.until)]
        found = [trade for trade in wanted if trade.trade_id is None or stream.is_new(trade.trade_id)]
        if not found and not self._is_asked(stream, gap, url) and not is_newer(trades[-1], gap.after, rule):
            stream.gap = gap  # what was asked for earlier, from further back, tells nothing of what came after it
            return ()
        if found and (stream.last is None or is_newer(found[-1], stream.last, rule)):
            stream.last = found[-1]
            if rule is TradeIds.CONSECUTIVE and gap.until is not None:
                gap.until = found[-1]  # it was asked for before anything newer showed that it is missing, too
        return [*found, *self._judged(stream, gap, trades, len(found), rule)]

    def answered_without(self, market: str, url: str, *, is_refused: bool = False) -> None:
        """An answer without a trade: there were none after the last one known.

        Where it is known that there are, or where the answer is a refusal or cannot be read, they are asked for again.
        """
        for (of_market, *_), stream in self._streams.items():
            gap = stream.gap
            if of_market != market or gap is None or not self._is_asked(stream, gap, url):
                continue
            if gap.until is None and not gap.renewed and not is_refused:
                stream.gap = None
            elif gap.asked < ASKS:
                gap.renewed = False
                self._ask(gap)
            else:
                gap.given_up = True

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

    def finish(self) -> Sequence[Trade | CollectorEvent]:
        """Every gap that is open at the end is marked: nobody will ask for its trades any more."""
        told: list[Trade | CollectorEvent] = []
        for stream in self._streams.values():
            gap, stream.gap = stream.gap, None
            if gap is not None:
                told += self._lost(gap, gap.until or msgspec.structs.replace(gap.after, trade_id=None), "the collector stopped before they came")
        return told

    def _beginning(self, trade: Trade) -> Sequence[Trade]:
        """The mark of a trade that is older than all that is known of its price; nothing for another."""
        key = _key(trade)
        begun = self._begun.get(key)
        if begun is not None and begun <= trade.event_time:
            return ()
        self._begun[key] = trade.event_time
        return (gap_mark(trade, trade.event_time if begun is None else begun, trade.received_time),)

    def _stream(self, trade: Trade) -> Stream:
        key = _key(trade)
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Stream()
        return stream

    def _is_asked(self, stream: Stream, gap: Gap, url: str | None) -> bool:
        """Whether an answer is to what is asked for now."""
        after = gap.after
        path = self._exchanges[after.market].trades_path(stream.pair or Pair(after.symbol, after.quote), after)
        return url is None or (path is not None and url.endswith(path))

    def _jump(self, stream: Stream, last: Trade, trade: Trade) -> list[Trade | CollectorEvent]:
        jumped = min(number(trade) - number(last) - 1, _LARGEST_COUNT)
        if jumped == 0:
            if stream.gap is not None and stream.gap.after.trade_id == last.trade_id:
                stream.gap = None  # nothing was traded while the connection was lost
            return []
        if stream.gap is None:
            stream.gap = Gap(last, trade, last)
        stream.gap.until, stream.gap.told = trade, True
        self._ask(stream.gap)
        return [gap_event(EventKind.GAP, last, trade, "trade ids are missing", jumped)]

    def _ask(self, gap: Gap) -> None:
        gap.asked += 1
        after = gap.after
        self.needs.append(Need(market=after.market, channel=Channel.TRADE, pair=Pair(after.symbol, after.quote), after=after))

    def _judged(self, stream: Stream, gap: Gap, trades: Sequence[Trade], found: int, rule: TradeIds) -> list[Trade | CollectorEvent]:
        """What an answer that held `found` missing trades says of the gap: more is asked for, or it is filled, or lost."""
        gap.fetched += found
        if not reaches(trades[0], gap.after, rule):
            return self._lost(gap, trades[0], "the exchange does not have them any more")
        newest, until = trades[-1], gap.until
        is_short = until is not None and is_newer(until, newest, rule) and not any(trade.trade_id == until.trade_id for trade in trades)
        is_holed = False
        if rule is TradeIds.CONSECUTIVE:
            is_holed = lacks_ids(stream, gap.after, newest if until is None or is_short else until)
            is_short = is_short and until is not None and lacks_ids(stream, newest, until)
        # Also a page of trades that all came by the socket may end before the next one that is missing.
        goes_further = newest.trade_id != gap.after.trade_id and is_newer(newest, gap.after, rule)
        goes_on = goes_further and (until is None or is_short)
        if goes_on and not is_holed:
            gap.after, gap.asked = newest, 0
        if goes_on or is_holed or is_short or gap.renewed:
            if gap.asked >= ASKS:
                return self._lost(gap, until or newest, "the exchange does not give them")
            stream.gap, gap.renewed = gap, False
            self._ask(gap)
            return []
        if not gap.fetched:
            return []
        return [gap_event(EventKind.FILLED, gap.first, until or newest, "missing trades were fetched", gap.fetched)]

    def _lost(self, gap: Gap, until: Trade, reason: str) -> list[Trade | CollectorEvent]:
        mark = gap_mark(gap.after, until.event_time, until.received_time)
        told = [] if gap.told else [gap_event(EventKind.GAP, gap.after, until, f"trades may be missing: {reason}", None)]
        return [*told, mark]


def _key(trade: Trade) -> TradeKey:
    return trade.market, trade.symbol, trade.quote, trade.instrument
