"""What the jobs are fed with: generated and recorded tickers and trades in the order of their arrival, a share before each kill."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from kafka import KafkaProducer

from src.collect.message import partition_of
from src.schema.records import Source, Ticker, Trade, ticker_topic, trade_topic
from tests.collect.conformance.reading import everything
from tests.generated import tickers
from tests.generated_trades import START_MS, trades

RECORDS_A_MESSAGE = 4
SYMBOLS = ("BTC", "ETH", "SOL", "XRP")
SPAN_MS = 2 * 3_600_000
"""Of event time: shorter than what windows stay open for, so that nothing is dropped whatever is killed."""
_PATIENCE_SECONDS = 300
_RECORDED_APART_MS = 100
_RATES = {"KRW": 1 / 1450, "USDT": 1.0, "USD": 0.999}
"""USD a unit."""
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Fed:
    """All records, and the messages that carry them: topic, key, value."""

    tickers: Sequence[Ticker]
    trades: Sequence[Trade]
    messages: Sequence[tuple[str, bytes, bytes]]


def fed(seed: int, records: int) -> Fed:
    """All that was recorded, then generated ones: three tickers to two trades."""
    found = [_of_today(record, place) for place, record in enumerate(_recorded())]
    prices = [record for record in found if isinstance(record, Ticker)]
    traded = [record for record in found if isinstance(record, Trade)]
    left = records - len(found)
    prices += tickers(seed, left * 3 // 5, span_ms=SPAN_MS, symbols=SYMBOLS)
    traded += trades(seed, records - len(prices) - len(traded), span_ms=SPAN_MS, symbols=SYMBOLS)
    prices.sort(key=_received)
    traded.sort(key=_received)
    given = [
        *_messages([(ticker, ticker_topic(ticker.region)) for ticker in prices]),
        *_messages([(trade, trade_topic(trade.region)) for trade in traded]),
    ]
    given.sort(key=lambda each: each[0])
    return Fed(prices, traded, [message for _, message in given])


def _recorded() -> list[Ticker | Trade]:
    """Of the captured frames of all markets; without them the test is skipped, or fails in CI."""
    found = [said for frame in everything() for said in frame.data]
    return [said for said in found if isinstance(said, Ticker | Trade) and said.event_time is not None]


def _of_today(record: Ticker | Trade, place: int) -> Ticker | Trade:
    """The record within the span of the generated ones, a tenth of a second behind the one before, with a rate."""
    time = START_MS + place * _RECORDED_APART_MS % SPAN_MS
    rate = _RATES.get(record.quote)
    return msgspec.structs.replace(record, source=Source.REPLAY, event_time=time, received_time=time + 20, usd_rate=rate, rate_source="recorded")


def _received(record: Ticker | Trade) -> int:
    return record.received_time


def _messages(records: Sequence[tuple[Ticker | Trade, str]]) -> list[tuple[int, tuple[str, bytes, bytes]]]:
    """Arrays of records of one key, as the collector sends them, with the time at which the last of them came."""
    waiting: dict[tuple[str, str, str], list[Ticker | Trade]] = {}
    found = []
    for record, topic in records:
        key = (topic, record.market, record.symbol)
        mine = waiting.setdefault(key, [])
        mine.append(record)
        if len(mine) == RECORDS_A_MESSAGE:
            found.append(_message(key, waiting.pop(key)))
    return found + [_message(key, mine) for key, mine in waiting.items()]


def _message(key: tuple[str, str, str], records: Sequence[Ticker | Trade]) -> tuple[int, tuple[str, bytes, bytes]]:
    topic, market, symbol = key
    return max(record.received_time for record in records), (topic, f"{market}:{symbol}".encode(), _encode(records))


class Feeder:
    """Sends the messages, a share at a time, and waits until the broker has them, whatever happens to it meanwhile."""

    def __init__(self, fed: Fed, bootstrap_servers: str, partitions: int) -> None:
        self._fed = fed
        self._partitions = partitions
        self._sent = 0
        self._lock = threading.Lock()
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap_servers,
            acks="all",
            enable_idempotence=True,
            delivery_timeout_ms=_PATIENCE_SECONDS * 1000,
            max_block_ms=_PATIENCE_SECONDS * 1000,
            reconnect_backoff_max_ms=500,
        )

    @property
    def left(self) -> int:
        """Messages that were not sent yet."""
        return len(self._fed.messages) - self._sent

    def feed(self, count: int) -> None:
        """Send so many; returns when the broker has them."""
        with self._lock:
            share = self._fed.messages[self._sent : self._sent + count]
            self._sent += len(share)
            waiting = [self._producer.send(topic, key=key, value=value, partition=partition_of(key, self._partitions)) for topic, key, value in share]
            for each in waiting:
                each.get(timeout=_PATIENCE_SECONDS)

    def close(self) -> None:
        """No more."""
        self._producer.close(timeout=5)
