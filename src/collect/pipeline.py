"""From what a source gives to what goes on Kafka: whole books, each trade once, USD rates, a ledger of gaps, dead letters with their reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from src.collect.arrival import Arrival, Happening, Need, Unanswered, Unreadable
from src.collect.books import Books
from src.collect.clock import ClockGuard
from src.collect.completion import Completion
from src.collect.exchange import Exchange
from src.collect.frame_reader import Data, FrameReader, bytes_of
from src.collect.ledger_line import dead_frame, ledger_line, moved_line
from src.collect.outgoing import Outgoing, RawOut
from src.collect.parsed import Channel, Frame, Pair
from src.collect.rates import UsdRates
from src.collect.raw_payload import backfilled_out, raw_mark, raw_out
from src.collect.source import Coming
from src.collect.status import MarketStatus
from src.collect.trades import TradeStreams
from src.errors import BadInput, MalformedFrame
from src.schema.records import CollectorEvent, DeadLetter, EventKind, OrderBook, Source, Ticker, Trade


class Pipeline:
    """All that happens to a frame between its source and Kafka. A pure function of what was fed, in its order: it reads no clock.

    `symbols` are the base coins asked for; None asks for all. `say` gets a line that the user must read. After each `process`, `prices` says of
    which (symbol, quote) market data came, and `closing` whether the exchange announced the end of the connection. `wanted` is what was subscribed
    to, where anything was.
    """

    def __init__(
        self,
        exchanges: Mapping[str, Exchange],
        symbols: AbstractSet[str] | None,
        rates: UsdRates,
        clock: ClockGuard,
        say: Callable[[str], None],
        *,
        book_depth: int = 10,
        book_interval_ms: int = 100,
        wanted: Mapping[str, Mapping[Channel, Sequence[Pair]]] | None = None,
    ) -> None:
        self.markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
        self.prices: set[tuple[str, str]] = set()
        self.closing = False
        self.trades = TradeStreams(exchanges)
        self._last_time = self._last_shift = 0
        self._exchanges = exchanges
        self._pairs = {
            (market, pair.symbol, pair.quote): pair for market, channels in (wanted or {}).items() for pairs in channels.values() for pair in pairs
        }
        self._rates = rates
        self._clock = clock
        self._say = say
        self._books = Books(exchanges, book_depth, book_interval_ms)
        self._reader = FrameReader(exchanges, rates)
        self._completion = Completion(exchanges, symbols, rates, self.markets)

    def take_needs(self) -> Sequence[Need]:
        """What has shown to be missing and only the source can get; each need is given once."""
        if not self._books.needs and not self.trades.needs:
            return ()
        needs = self._books.needs + self.trades.needs
        self._books.needs.clear()
        self.trades.needs.clear()
        return needs

    def process(self, coming: Coming) -> list[Outgoing]:
        """What to send for one thing that came, in order. Counts are kept in `markets`."""
        self.prices.clear()
        self.closing = False
        self._last_time = coming.received_time
        out = self.due(coming.received_time)
        match coming:
            case Arrival():
                if coming.starts_pass:
                    out += self._start_pass()
                out += self._arrived(coming)
            case Happening():
                out += self._happened(coming)
            case Unanswered():
                out += self._told(self.trades.give_up(coming.need, coming.received_time, coming.reason), 0, coming.received_time)
            case Unreadable():
                self.markets[coming.market].frames += 1
                out.append(self._dead(coming.market, coming.source, coming.received_time, coming.raw, coming.reason))
        return out

    def due(self, received_time: int) -> list[Outgoing]:
        """The order books whose turn has come at that time."""
        return self._told(self._books.due(self._clock.corrected(received_time)), 0, received_time)

    def ask_again(self, received_time: int) -> None:
        """Make it a need once more to get the order books that are not whole and were asked for in vain."""
        self._books.ask_again(received_time)

    def finish(self) -> list[Outgoing]:
        """What waits at the end of a source."""
        last = self._last_time
        return [*self._told(self.trades.finish(), self._last_shift, last), *self._told(self._books.finish(), 0, last)]

    def _start_pass(self) -> list[Outgoing]:
        """A looped recording begins again: its numbers and volumes go back to where they were."""
        waiting = self.finish()
        self._completion.start_pass()
        self._reader.start_pass()
        self.trades = TradeStreams(self._exchanges)
        self._books = self._books.fresh()
        return waiting

    def _arrived(self, arrival: Arrival) -> list[Outgoing]:
        frame = arrival.frame
        status = self.markets[frame.market]
        status.frames += 1
        try:
            reading = self._reader.read(frame, status)
        except MalformedFrame as error:
            self._answered_without(frame, is_refused=True)
            return [self._dead_frame(arrival, error.reason)]
        self.closing = reading.is_closing
        out: list[Outgoing] = [
            ledger_line(EventKind.REFUSED, frame.market, frame.source, arrival.received_time, refusal[:500]) for refusal in reading.refusals
        ]
        if reading.data:
            return out + self._records(arrival, reading.data)
        self._answered_without(frame, is_refused=bool(reading.refusals))
        return out

    def _answered_without(self, frame: Frame, *, is_refused: bool) -> None:
        if frame.url is not None and frame.market in self._exchanges:
            self.trades.answered_without(frame.market, frame.url, is_refused=is_refused)

    def _records(self, arrival: Arrival, data: Sequence[Data]) -> list[Outgoing]:
        frame = arrival.frame
        newest = max(_time(item) for item in data)
        shift = arrival.received_time - (newest if arrival.undated else frame.received_time)
        out: list[Outgoing] = []
        # The answer to a request tells of the past: its age says nothing of a clock.
        line = self._clock.observe(frame.market, newest + shift, arrival.received_time) if frame.url is None else None
        if line:
            self._say(line)
            out.append(ledger_line(EventKind.CLOCK_SKEW, frame.market, frame.source, arrival.received_time, line))
        self._last_shift = shift
        received_time = self._clock.corrected(arrival.received_time)
        refused: str | None = None
        good: list[Data] = []
        for item in data:
            try:
                self._clock.check(_time(item) + shift, received_time)
            except BadInput as error:
                refused = refused or error.reason
            else:
                good.append(item)
        if frame.url is not None and good and isinstance(good[0], Trade):
            found = self.trades.answer([item for item in good if isinstance(item, Trade)], frame.url)
            out += self._told(found, shift, received_time)
        else:
            for item in good:
                self.prices.add((item.symbol, item.quote))
                out += self._taken(frame, item, shift, received_time)
        if refused:
            out.append(self._dead_frame(arrival, refused))
        return out

    def _taken(self, frame: Frame, item: Data, shift: int, received_time: int) -> list[Outgoing]:
        """What one record or update makes to tell."""
        if isinstance(item, Ticker):
            return self._told((item,), shift, received_time)
        exchange = self._exchanges[item.market]
        if isinstance(item, Trade):
            return self._told(self.trades.take(item), shift, received_time, raw_out(exchange, Channel.TRADE, frame, item, shift, received_time))
        out = self._told(self._books.take(item, received_time, shift), 0, received_time)
        raw = raw_out(exchange, Channel.ORDERBOOK, frame, item, shift, received_time)
        if raw is not None and self._completion.wants(item.symbol):
            self.markets[item.market].records += 1
            out.append(raw)
        return out

    def _told(
        self, told: Sequence[Ticker | Trade | OrderBook | CollectorEvent], shift: int, received_time: int, payload: RawOut | None = None
    ) -> list[Outgoing]:
        """Records completed, as far as they were asked for, and lines of the ledger, all counted. `payload` is a trade's own, if it goes raw."""
        out: list[Outgoing] = []
        for item in told:
            if isinstance(item, CollectorEvent):
                self.markets[item.market].count(item.kind)
                out.append(moved_line(item, shift, received_time) if item.channel == Channel.TRADE else item)
            elif (record := self._completion.complete(item, shift, received_time)) is not None:
                raw = self._instead(record, payload)
                done: Sequence[Outgoing] = [record] if raw is None else raw
                self.markets[record.market].records += len(done)
                out += done
        return out

    def _instead(self, record: Ticker | Trade | OrderBook, payload: RawOut | None) -> list[RawOut] | None:
        """What goes out instead of the records of a channel whose payloads have a topic of their own; None for the others."""
        exchange = self._exchanges[record.market]
        channel = Channel.TRADE if isinstance(record, Trade) else Channel.ORDERBOOK
        if isinstance(record, Ticker) or channel not in exchange.raw_topics:
            return None
        pair = self._pairs.get((record.market, record.symbol, record.quote)) or Pair(record.symbol, record.quote)
        mark = raw_mark(exchange, channel, record, pair)
        if mark is not None:
            return [mark]
        if payload is not None:
            return [payload]
        return [backfilled_out(exchange, record, pair)] if isinstance(record, Trade) else []

    def _happened(self, happening: Happening) -> list[Outgoing]:
        market, channel, time = happening.market, happening.channel, happening.received_time
        out: list[Outgoing] = []
        # One line for a whole connection, one for each price where it is about prices.
        about_prices = happening.kind not in {EventKind.CONNECTED, EventKind.SUBSCRIBED, EventKind.DISCONNECTED, EventKind.DROPPED}
        named: list[tuple[str | None, str | None]] = [(pair.symbol, pair.quote) for pair in happening.pairs] if about_prices else []
        for symbol, quote in named or [(None, None)]:
            event = ledger_line(happening.kind, market, happening.source, time, happening.detail, channel, symbol, quote, happening.count)
            out += self._told((event,), 0, time)
        if happening.kind is EventKind.DROPPED:
            self.markets[market].dropped += happening.count or 0
        if happening.kind is EventKind.DISCONNECTED and channel is Channel.ORDERBOOK:
            out += self._told(self._books.lose(market, happening.pairs, f"connection lost: {happening.detail}", time), 0, time)
        # Trades may be missing after both: while nobody was subscribed, and among frames that were dropped.
        if happening.kind in {EventKind.SUBSCRIBED, EventKind.DROPPED} and channel is Channel.TRADE:
            self.trades.subscribed(market, happening.pairs)
        return out

    def _dead_frame(self, arrival: Arrival, reason: str) -> DeadLetter:
        frame = arrival.frame
        return self._dead(frame.market, frame.source, arrival.received_time, bytes_of(frame.message), reason)

    def _dead(self, market: str, source: Source, received_time: int, raw: bytes, reason: str) -> DeadLetter:
        status = self.markets[market]
        status.malformed += 1
        status.note = reason
        return dead_frame(market, source, received_time, raw, reason)


def _time(item: Data) -> int:
    """The event time; of a REST snapshot, which has none, its reception. Both ms since 1970 UTC."""
    return item.received_time if item.event_time is None else item.event_time
