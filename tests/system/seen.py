"""What a collector under test left on its topics, and what of the exchanges' truth is not there."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from src.collect.exchanges import exchange
from src.collect.message import BINANCE_DEPTH_TOPIC, BINANCE_TRADE_TOPIC, TOPICS
from src.collect.parsed import Pair
from src.schema.records import (
    COLLECTOR_EVENTS_TOPIC,
    DEAD_LETTER_TOPIC,
    CollectorEvent,
    DeadLetter,
    EventKind,
    OrderBook,
    RawMessage,
    Region,
    Ticker,
    Trade,
    orderbook_topic,
    ticker_topic,
    trade_topic,
)
from tests.collect.dialects.following import said
from tests.collect.dialects.server import LocalExchange
from tests.system.local_exchanges import PATIENCE, SYMBOLS, Process, Venues, pairs_of, step


class Seen:
    """Everything that came to the collector's topics since it was made. In a list the records of one key keep their order."""

    def __init__(self, servers: str) -> None:
        """Empties the topics first: a collector reads there which trades it has sent, and those of another test are not its own."""
        self.trades: list[Trade] = []
        self.beginnings: list[Trade] = []
        """The marks that nothing is known of what was before; those on the raw topics are left out altogether."""
        self.books: list[OrderBook] = []
        self.tickers: list[Ticker] = []
        self.raw: dict[str, list[RawMessage]] = defaultdict(list)
        self.events: list[CollectorEvent] = []
        self.dead: list[DeadLetter] = []
        self._servers = servers
        self._consumer = KafkaConsumer(bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest")
        self._ends = _emptied(servers, self._consumer)

    def close(self) -> None:
        self._consumer.close()

    async def until(self, process: Process, holds: Callable[[Seen], bool]) -> None:
        """Return when what came is enough."""
        deadline = time.monotonic() + PATIENCE
        while True:
            await asyncio.to_thread(self._read)
            if holds(self):
                return
            process.check()
            assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s:\n{process.output}\n{self.said()}"
            await asyncio.sleep(0.05)

    async def meanwhile(self, process: Process, places: Venues, holds: Callable[[Seen], bool], pause: float = 0.1) -> None:
        """Let the markets move, each time after a `pause` (s), until what came is enough."""
        stepping = asyncio.create_task(step(places, 100_000, pause))
        try:
            await self.until(process, holds)
        finally:
            stepping.cancel()
            await asyncio.gather(stepping, return_exceptions=True)

    async def complete(self, process: Process, places: Venues, lost: AbstractSet[tuple[str, str, str]] = frozenset(), *, books: bool = True) -> None:
        """Return when all trades but `lost` are there, and, unless `books` is false, the newest record of every book is true."""
        try:
            await self.until(process, lambda seen: missing_trades(seen, places) <= lost and (not books or not broken_books(seen, places)))
        except AssertionError as error:
            lacking = f"{sorted(missing_trades(self, places) - lost)[:20]} {broken_books(self, places) if books else ''}"
            raise AssertionError(f"{error}\nlacking: {lacking}") from None

    async def rest(self) -> None:
        """Read what is there by now."""
        await asyncio.to_thread(self._read)

    def said(self) -> str:
        """What there is, for whoever reads a failure."""
        counts = f"{len(self.trades)} trades, {len(self.books)} books, {len(self.tickers)} tickers, {len(self.dead)} dead letters"
        lines = [
            f"{event.kind} {event.market} {event.channel} {event.symbol} {event.first_sequence}-{event.last_sequence} {event.detail}"
            for event in self.events
        ]
        return "\n".join([counts, *lines[-100:]])

    def of_kind(self, *kinds: EventKind) -> list[CollectorEvent]:
        """The lines of the ledger of those kinds."""
        return [event for event in self.events if event.kind in kinds]

    def trades_of(self, market: str, pair: Pair) -> list[Trade]:
        """The trades of a price, marks left aside."""
        return [trade for trade in self.trades if (trade.market, trade.symbol, trade.quote) == (market, pair.symbol, pair.quote) and trade.trade_id]

    def last_book(self, market: str, pair: Pair) -> OrderBook | None:
        """The newest record of a book."""
        mine = (book for book in reversed(self.books) if (book.market, book.symbol, book.quote) == (market, pair.symbol, pair.quote))
        return next(mine, None)

    def last_ticker(self, market: str, pair: Pair) -> Ticker | None:
        """The newest ticker of a price."""
        mine = (ticker for ticker in reversed(self.tickers) if (ticker.market, ticker.symbol, ticker.quote) == (market, pair.symbol, pair.quote))
        return next(mine, None)

    def _read(self) -> None:
        consumer = self._consumer
        present = consumer.topics()
        places = [TopicPartition(topic, number) for topic in TOPICS if topic in present for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        for place in places:
            consumer.seek(place, self._ends.get(place, 0))
        ends = consumer.end_offsets(places) if places else {}
        while any(self._ends.get(place, 0) < ends[place] for place in places):
            for place, messages in consumer.poll(timeout_ms=200).items():
                for message in messages:
                    self._take(place.topic, message.value)
                self._ends[place] = consumer.position(place)

    def _take(self, topic: str, value: bytes) -> None:
        records = msgspec.json.decode(value, type=list[msgspec.Raw]) if value.startswith(b"[") else [msgspec.Raw(value)]
        for record in records:
            if topic in _TRADES:
                trade = msgspec.json.decode(record, type=Trade)
                (self.beginnings if self._is_beginning(trade) else self.trades).append(trade)
            elif topic in _TICKERS:
                self.tickers.append(msgspec.json.decode(record, type=Ticker))
            elif topic in _BOOKS:
                self.books.append(msgspec.json.decode(record, type=OrderBook))
            elif topic == COLLECTOR_EVENTS_TOPIC:
                self.events.append(msgspec.json.decode(record, type=CollectorEvent))
            elif topic == DEAD_LETTER_TOPIC:
                self.dead.append(msgspec.json.decode(record, type=DeadLetter))
            else:
                assert topic in {BINANCE_TRADE_TOPIC, BINANCE_DEPTH_TOPIC}
                raw = msgspec.json.decode(record, type=RawMessage)
                is_first = topic == BINANCE_TRADE_TOPIC and all(each.symbol != raw.symbol for each in self.raw[topic])
                if not (is_first and raw.gap_since is not None):
                    self.raw[topic].append(raw)

    def _is_beginning(self, mark: Trade) -> bool:
        """Whether a mark stands before all trades of its price, not between two of them."""
        if mark.gap_since != mark.event_time:
            return False
        price = (mark.market, mark.symbol, mark.quote, mark.instrument)
        return all(
            mark.event_time < trade.event_time for trade in self.trades if (trade.market, trade.symbol, trade.quote, trade.instrument) == price
        )


def broken_books(seen: Seen, places: Venues, symbols: Sequence[str] = SYMBOLS) -> list[str]:
    """The books whose newest record is not what the exchange's book is now."""
    return [
        f"{market} {pair.symbol} {None if book is None else book.valid}"
        for market, venue in places.items()
        if not exchange(market).raw_topics
        for pair in pairs_of(exchange(market), symbols)[: len(symbols)]
        if (book := seen.last_book(market, pair)) is None or not book.valid or (book.bids, book.asks) != best(venue, pair)
    ]


def best(venue: LocalExchange, pair: Pair) -> tuple[object, object]:
    """The true ten best levels of each side."""
    bids, asks = venue.book(pair)
    return bids[:10], asks[:10]


def missing_trades(seen: Seen, places: Venues, symbols: Sequence[str] = SYMBOLS) -> set[tuple[str, str, str]]:
    """Market, symbol and id of the trades that happened and are not on the topics of records."""
    came = {(trade.market, trade.symbol, trade.trade_id) for trade in seen.trades}
    return {
        (market, pair.symbol, trade.trade_id or "")
        for market, venue in places.items()
        if not exchange(market).raw_topics
        for pair, trades in venue.trades.items()
        if pair.symbol in symbols
        for trade in trades
        if (market, pair.symbol, trade.trade_id) not in came
    }


def raw_ids(seen: Seen, pair: Pair) -> list[str]:
    """The ids of the trades of a contract that came as they are, in order."""
    return [
        str(msgspec.json.decode(raw.data)["a"])
        for raw in seen.raw[BINANCE_TRADE_TOPIC]
        if raw.symbol == pair.symbol + pair.quote and raw.gap_since is None
    ]


def told(trades: Sequence[Trade]) -> list[tuple[object, ...]]:
    """Every value that the exchange says of trades."""
    return [said(trade) for trade in trades]


def _emptied(servers: str, consumer: KafkaConsumer) -> dict[TopicPartition, int]:
    present = consumer.topics()
    places = [TopicPartition(topic, number) for topic in TOPICS if topic in present for number in consumer.partitions_for_topic(topic) or ()]
    ends: dict[TopicPartition, int] = consumer.end_offsets(places) if places else {}
    if ends:
        with closing(KafkaAdminClient(bootstrap_servers=servers)) as admin:
            admin.delete_records(ends)
    return ends


_TRADES = {trade_topic(region) for region in Region}
_TICKERS = {ticker_topic(region) for region in Region}
_BOOKS = {orderbook_topic(region) for region in Region}
