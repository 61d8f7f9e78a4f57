"""Ticker messages as nine collectors would send them, the same ones every time: 20 symbols of 9 markets, five records of one pair in a message."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from src.collect.message import partition_of
from src.preprocess.venues import Venue
from src.schema.records import Source, Ticker, ticker_topic

MARKETS = ("upbit", "bithumb", "korbit", "coinone", "okx", "bybit", "gateio", "binance", "kraken")
SYMBOLS = (
    "BTC",
    "ETH",
    "XRP",
    "SOL",
    "DOGE",
    "ADA",
    "AVAX",
    "DOT",
    "LINK",
    "TRX",
    "LTC",
    "BCH",
    "ATOM",
    "NEAR",
    "APT",
    "SUI",
    "UNI",
    "ETC",
    "XLM",
    "FIL",
)
RECORDS_A_MESSAGE = 5
START_MS = 1_760_000_100_000  # 2025-10-09 08:55, a beginning of windows
_SEED = 5
_KRW_A_USD = 1_402.5
_MOVE = 5e-5
_SPAN_RECORDS = 2_000_000
_encode = msgspec.json.Encoder().encode


class Sent(NamedTuple):
    """A message and where it goes."""

    topic: str
    partition: int
    key: bytes
    value: bytes


def spacing_ms(records: int) -> int:
    """Event time from one record to the next: 1 ms for 2 million and more (33 minutes), more for fewer, so that they span as much."""
    return max(1, _SPAN_RECORDS // records)


def messages(
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
    """The messages of `records` records in the order of event time; of them those on every `shares`-th partition, from `share` on.

    Event times rise from `start` by `spacing` ms (0: that of `spacing_ms`) from record to record over all messages, so first and last are never
    a matter of equal times.
    """
    rng = random.Random(_SEED)  # noqa: S311  (no secret)
    pairs = [_Pair(venue, symbol, place, partitions) for venue in venues for place, symbol in enumerate(symbols)]
    spacing = spacing or spacing_ms(records)
    for number in range(records // RECORDS_A_MESSAGE):
        pair = pairs[int(rng.random() * len(pairs))]
        if pair.partition % shares == share:
            yield pair.message(start + number * RECORDS_A_MESSAGE * spacing, spacing)


class _Pair:
    """One symbol of one market. Its price is a walk of its own, so that a share of the messages is made without the others."""

    def __init__(self, venue: Venue, symbol: str, place: int, partitions: int) -> None:
        self.venue, self.symbol = venue, symbol
        self.topic = ticker_topic(venue.region)
        self.key = f"{venue.market}:{symbol}".encode()
        self.partition = partition_of(self.key, partitions)
        self._rng = random.Random(f"{_SEED} {venue.market} {symbol}")  # noqa: S311  (no secret)
        self._is_korean = venue.quote == "KRW"
        self._usd_rate = 1 / _KRW_A_USD if self._is_korean else 1.0
        self._price = 64_000.0 / (1 + place) ** 2 / self._usd_rate * self._rng.uniform(0.99, 1.01)
        self._volume = self._rng.uniform(1_000, 90_000)
        self._counted = self._rng.uniform(100, 900)

    def message(self, event_time: int, spacing: int) -> Sent:
        """The next five records, an array as the collector sends it."""
        records = [self._record(event_time + place * spacing) for place in range(RECORDS_A_MESSAGE)]
        return Sent(self.topic, self.partition, self.key, _encode(records))

    def _record(self, event_time: int) -> Ticker:
        rng, venue = self._rng, self.venue
        self._price *= 1 + rng.gauss(0, _MOVE)
        self._volume *= 1 + rng.gauss(0, _MOVE)
        traded = round(rng.random(), 6)
        self._counted += traded
        price, volume = round(self._price, 4), round(self._volume, 6)
        counts = venue.market in {"upbit", "bithumb"}
        return Ticker(
            region=venue.region,
            market=venue.market,
            symbol=self.symbol,
            quote=venue.quote,
            source=Source.SIMULATED,
            event_time=event_time,
            received_time=event_time + 20 + int(rng.random() * 200),
            usd_rate=self._usd_rate,
            rate_source="krw_usdt_median" if self._is_korean else "usdt_par",
            bank_usd_rate=1 / 1_398.2 if self._is_korean else None,
            bank_rate_source="open.er-api.com" if self._is_korean else None,
            price=price,
            open=round(price * 0.99, 4),
            high=round(price * 1.01, 4),
            low=round(price * 0.98, 4),
            prev_close=round(price * 0.995, 4),
            volume_24h=volume,
            quote_volume_24h=round(volume * price, 2),
            bid=round(price * 0.9999, 4),
            bid_size=traded,
            ask=round(price * 1.0001, 4),
            ask_size=traded,
            acc_volume=round(self._counted, 6) if counts else None,
            acc_since=event_time - event_time % 86_400_000 if counts else None,
            traded_volume=traded if counts else None,
        )
