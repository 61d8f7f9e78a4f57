"""All order books of a collector: which are whole, which must be asked for, and when a record of each is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from src.collect.arrival import Need
from src.collect.book import Book, Fault, Outcome
from src.collect.exchange import Exchange
from src.collect.parsed import BookUpdate, Channel, Pair
from src.schema.records import CollectorEvent, EventKind, Instrument, OrderBook

ASK_AGAIN_MS = 2_000
_CROSSED_MS = 5_000
_Key = tuple[str, str, str, Instrument, str]


@dataclass(slots=True)
class _Kept:
    """A book, and what was told of it."""

    book: Book
    update: BookUpdate
    """The last one, for the names in it."""
    shift: int = 0
    received_time: int = 0
    told_time: int = -(2**53)
    """Received time of the last record."""
    due: bool = False
    whole_time: int | None = None
    """Event time of the last whole book."""
    gap_since: int | None = None
    """The same, while it is not whole, and until that is told."""
    asked_time: int = -(2**53)
    crossed_since: int | None = None


class Books:
    """Turns updates into records: at most one per book in `interval_ms`, all when that is 0. Pure, fed in frame order.

    `needs` gets a need whenever a book waits for a snapshot; whoever feeds the books takes them from there.
    """

    def __init__(self, exchanges: Mapping[str, Exchange], depth: int, interval_ms: int) -> None:
        self.needs: list[Need] = []
        self._exchanges = exchanges
        self._depth = depth
        self._interval = interval_ms
        self._books: dict[_Key, _Kept] = {}
        self._due: dict[_Key, int] = {}
        self._next_due = 2**63
        self._wanting: set[_Key] = set()
        """Those that were asked for and have not come."""

    def fresh(self) -> Books:
        """The same without any book."""
        return Books(self._exchanges, self._depth, self._interval)

    def take(self, update: BookUpdate, received_time: int, shift: int = 0) -> Sequence[OrderBook | CollectorEvent]:
        """What a message makes to tell now. `shift` moves its event time, ms, as a replay does."""
        key = (update.market, update.symbol, update.quote, update.instrument, update.contract)
        kept = self._books.get(key)
        if kept is None:
            kept = self._books[key] = _Kept(Book(self._exchanges[update.market].book_rule), update)
        outcome = kept.book.apply(update)
        if outcome is Outcome.UNCHANGED:
            return ()
        kept.update, kept.shift, kept.received_time = update, shift, received_time
        if outcome is Outcome.CHANGED:
            return self._changed(key, kept)
        told = self._broken(key, kept) if outcome is Outcome.BROKEN else []
        self._wanting.add(key)
        self._ask(kept, received_time)
        return told

    def ask_again(self, received_time: int) -> None:
        """Ask once more for the books that were asked for in vain: in a silent market no message comes that would."""
        self._wanting = {key for key in self._wanting if not self._books[key].book.is_whole}
        for key in self._wanting:
            self._ask(self._books[key], received_time)

    def want(self, market: str, pairs: Iterable[Pair]) -> None:
        """These pairs are subscribed to again: what is not whole, and has its snapshot by REST, is asked for also when no change comes."""
        if self._exchanges[market].book_rule.rest_snapshot:
            names = {(pair.symbol, pair.quote) for pair in pairs}
            self._wanting |= {key for key in self._books if key[0] == market and (key[1], key[2]) in names}

    def lose(self, market: str, pairs: Iterable[Pair], reason: str, received_time: int) -> Sequence[OrderBook | CollectorEvent]:
        """The messages of these pairs stopped coming: their books are not whole any more."""
        told: list[OrderBook | CollectorEvent] = []
        names = {(pair.symbol, pair.quote) for pair in pairs}
        for key, kept in self._books.items():
            if key[0] != market or (key[1], key[2]) not in names:
                continue
            # A snapshot that nothing follows would be no whole book: the first message of the next connection asks.
            self._wanting.discard(key)
            if kept.book.lose(reason) is Outcome.BROKEN:
                kept.received_time = received_time
                told += self._broken(key, kept, is_noticed_by_update=False)
        return told

    def due(self, received_time: int) -> Sequence[OrderBook]:
        """The records that have waited long enough at that time, oldest first."""
        if received_time < self._next_due:
            return ()
        ready = [key for key, time in self._due.items() if time <= received_time]
        records = [self._record(self._books[key]) for key in ready]
        for key in ready:
            self._told(key, self._books[key], received_time)
        self._next_due = min(self._due.values(), default=2**63)
        return records

    def finish(self) -> Sequence[OrderBook]:
        """Every record that still waits, at the end of a source."""
        return self.due(2**62)

    def _changed(self, key: _Key, kept: _Kept) -> Sequence[OrderBook | CollectorEvent]:
        told: list[OrderBook | CollectorEvent] = []
        if not kept.book.valid:
            # What waits to be told was replaced by this: it is told when it is no more crossed.
            self._due.pop(key, None)
            kept.due = False
            told += self._crossed(key, kept)
            if not kept.book.is_whole or kept.gap_since is not None:
                return told
        else:
            kept.crossed_since = None
        kept.whole_time = self._event_time(kept)
        since = kept.gap_since
        if since is not None:
            told.append(self._event(EventKind.RESYNC, kept, "the book is whole again", (since, kept.whole_time), (None, kept.book.sequence)))
        if since is not None or kept.received_time - kept.told_time >= self._interval:
            told.append(self._record(kept))
            kept.gap_since = None
            self._told(key, kept, kept.received_time)
        elif not kept.due:
            kept.due = True
            self._due[key] = kept.told_time + self._interval
            self._next_due = min(self._next_due, self._due[key])
        return told

    def _crossed(self, key: _Key, kept: _Kept) -> list[OrderBook | CollectorEvent]:
        """A best bid at or above the best ask passes at once, or something was lost that no number told."""
        if kept.crossed_since is None:
            kept.crossed_since = kept.received_time
        elif kept.received_time - kept.crossed_since > _CROSSED_MS and kept.book.lose("bid above ask for too long") is Outcome.BROKEN:
            self._wanting.add(key)
            self._ask(kept, kept.received_time)
            return self._broken(key, kept, is_noticed_by_update=False)
        return []

    def _broken(self, key: _Key, kept: _Kept, *, is_noticed_by_update: bool = True) -> list[OrderBook | CollectorEvent]:
        fault = kept.book.fault or Fault("the book is not whole", None, None, None)
        if kept.gap_since is None:
            kept.gap_since = kept.received_time if kept.whole_time is None else kept.whole_time
        kept.crossed_since = None
        last_time = None if not is_noticed_by_update or kept.update.event_time is None else kept.update.event_time + kept.shift
        event = self._event(EventKind.GAP, kept, fault.reason, (kept.gap_since, last_time), (fault.first_sequence, fault.last_sequence))
        record = self._record(kept)
        self._told(key, kept, kept.received_time)
        return [event, record]

    def _ask(self, kept: _Kept, received_time: int) -> None:
        if received_time - kept.asked_time >= ASK_AGAIN_MS:
            kept.asked_time = received_time
            update = kept.update
            self.needs.append(Need(market=update.market, channel=Channel.ORDERBOOK, pair=Pair(update.symbol, update.quote)))

    def _told(self, key: _Key, kept: _Kept, received_time: int) -> None:
        kept.told_time, kept.due = received_time, False
        self._due.pop(key, None)

    def _record(self, kept: _Kept) -> OrderBook:
        update, book = kept.update, kept.book
        bids, asks = book.best(self._depth)
        return OrderBook(
            region=self._exchanges[update.market].region,
            market=update.market,
            symbol=update.symbol,
            quote=update.quote,
            instrument=update.instrument,
            source=update.source,
            event_time=self._event_time(kept) if book.is_whole or kept.gap_since is None else kept.gap_since,
            received_time=kept.received_time,
            bids=bids,
            asks=asks,
            sequence=book.sequence,
            valid=book.valid,
            gap_since=kept.gap_since,
        )

    def _event_time(self, kept: _Kept) -> int:
        time = kept.book.event_time
        return kept.received_time if time is None else time + kept.shift

    def _event(
        self, kind: EventKind, kept: _Kept, detail: str, times: tuple[int, int | None], sequences: tuple[int | None, int | None]
    ) -> CollectorEvent:
        update = kept.update
        first, last = (None if sequence is None else str(sequence) for sequence in sequences)
        return CollectorEvent(
            kind=kind,
            market=update.market,
            channel=Channel.ORDERBOOK,
            symbol=update.symbol,
            quote=update.quote,
            source=update.source,
            event_time=kept.received_time,
            first_time=times[0],
            last_time=times[1],
            first_sequence=first,
            last_sequence=last,
            detail=detail,
        )
