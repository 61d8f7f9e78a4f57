"""Trades and order books (10 levels a side) for the bench of those jobs, the same ones every time; five records of one pair in a message.

Trades are like those that venues send: the five of a message come within 5 ms and are one taker's (of frames of Binance futures, Bybit and OKX,
110 of 110 trades that follow another within 5 ms are of its side); half of them are below 100 USD, one of a thousand is above 48,000 USD.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence

import msgspec

from bench.throughput_records import RECORDS_A_MESSAGE, START_MS, SYMBOLS, Sent, spacing_ms
from src.collect.message import partition_of
from src.preprocess.venues import Venue
from src.schema.records import OrderBook, Region, Side, Source, Trade, orderbook_topic, trade_topic

LEVELS = 10
_SEED = 6
_KRW_A_USD = 1_402.5
_MOVE = 5e-5
_MEDIAN_USD = 100.0
_SPREAD_OF_NOTIONALS = 2.0
"""Standard deviation of the logarithm."""
_STEP = 1e-4
"""Between levels, of the price."""
_encode = msgspec.json.Encoder().encode

_Make = Callable[["_Pair", int, int], Trade | OrderBook]
"""A record of a pair, its event time (ms) and its number among all."""


def trade_messages(
    records: int,
    venues: tuple[Venue, ...],
    partitions: int,
    share: int = 0,
    shares: int = 1,
    *,
    symbols: Sequence[str] = SYMBOLS,
    spacing: int = 0,
    start: int = START_MS,
) -> Iterator[Sent]:
    """As `bench.throughput_records.messages`, of trades."""
    return _messages(records, [_Pair(*each, partitions) for each in _pairs(venues, symbols)], share, shares, trade_topic, _trade, spacing, start)


def orderbook_messages(records: int, venues: tuple[Venue, ...], partitions: int, share: int = 0, shares: int = 1) -> Iterator[Sent]:
    """As `bench.throughput_records.messages`, of order books."""
    return _messages(records, [_Pair(*each, partitions) for each in _pairs(venues, SYMBOLS)], share, shares, orderbook_topic, _book)


def _pairs(venues: tuple[Venue, ...], symbols: Sequence[str]) -> Iterator[tuple[Venue, str, int]]:
    return ((venue, symbol, place) for venue in venues for place, symbol in enumerate(symbols))


def _messages(
    records: int,
    pairs: Sequence[_Pair],
    share: int,
    shares: int,
    topic: Callable[[Region], str],
    make: _Make,
    spacing: int = 0,
    start: int = START_MS,
) -> Iterator[Sent]:
    rng = random.Random(_SEED)  # noqa: S311  (no secret)
    spacing = spacing or spacing_ms(records)
    for number in range(0, records, RECORDS_A_MESSAGE):
        pair = pairs[int(rng.random() * len(pairs))]
        if pair.partition % shares == share:
            made = [make(pair, start + each * spacing, each) for each in range(number, number + RECORDS_A_MESSAGE)]
            yield Sent(topic(pair.venue.region), pair.partition, pair.key, _encode(made))


class _Pair:
    """One symbol of one market, its price a walk of its own."""

    def __init__(self, venue: Venue, symbol: str, place: int, partitions: int) -> None:
        self.venue, self.symbol = venue, symbol
        self.key = f"{venue.market}:{symbol}".encode()
        self.partition = partition_of(self.key, partitions)
        self.rng = random.Random(f"{_SEED} {venue.market} {symbol}")  # noqa: S311  (no secret)
        self.usd_rate = 1 / _KRW_A_USD if venue.quote == "KRW" else 1.0
        self.side = Side.BUY
        self._price = 64_000.0 / (1 + place) ** 2 / self.usd_rate

    def next_price(self) -> float:
        """A small step on, quote currency."""
        self._price *= 1 + self.rng.gauss(0, _MOVE)
        return self._price


def _trade(pair: _Pair, event_time: int, number: int) -> Trade:
    rng, price = pair.rng, round(pair.next_price(), 4)
    if number % RECORDS_A_MESSAGE == 0:
        pair.side = Side.BUY if rng.random() < 0.5 else Side.SELL  # noqa: PLR2004
    notional_usd = rng.lognormvariate(math.log(_MEDIAN_USD), _SPREAD_OF_NOTIONALS)
    return Trade(
        region=pair.venue.region,
        market=pair.venue.market,
        symbol=pair.symbol,
        quote=pair.venue.quote,
        source=Source.SIMULATED,
        event_time=event_time,
        received_time=event_time + 20 + int(rng.random() * 200),
        usd_rate=pair.usd_rate,
        rate_source="bench",
        trade_id=str(number),
        price=price,
        size=max(round(notional_usd / (price * pair.usd_rate), 8), 1e-8),
        side=pair.side,
    )


def _book(pair: _Pair, event_time: int, number: int) -> OrderBook:
    rng = pair.rng
    price = pair.next_price()
    sizes = [max(round(rng.random() * 3, 6), 1e-6) for _ in range(2 * LEVELS)]
    return OrderBook(
        region=pair.venue.region,
        market=pair.venue.market,
        symbol=pair.symbol,
        quote=pair.venue.quote,
        source=Source.SIMULATED,
        event_time=event_time,
        received_time=event_time + 20 + int(rng.random() * 200),
        usd_rate=pair.usd_rate,
        rate_source="bench",
        bids=tuple((round(price * (1 - _STEP * (level + 1)), 6), sizes[level]) for level in range(LEVELS)),
        asks=tuple((round(price * (1 + _STEP * (level + 1)), 6), sizes[LEVELS + level]) for level in range(LEVELS)),
        sequence=number,
    )
