"""A record as it lies on Kafka: topic, key, JSON value, and in a replay the place it has in it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec
from kafka.partitioner.default import murmur2

from src.collect.exchange import Exchange
from src.collect.outgoing import Outgoing, RawOut
from src.collect.parsed import Channel
from src.schema.records import (
    COLLECTOR_EVENTS_TOPIC,
    DEAD_LETTER_TOPIC,
    CollectorEvent,
    DeadLetter,
    OrderBook,
    RawMessage,
    Region,
    Ticker,
    Trade,
    orderbook_topic,
    ticker_topic,
    trade_topic,
)

REPLAY_HEADER = "replay"
BINANCE_TRADE_TOPIC = "binance-aggtrade"
BINANCE_DEPTH_TOPIC = "binance-depth"
_TICKER = {region: ticker_topic(region) for region in Region}
_TRADE = {region: trade_topic(region) for region in Region}
_ORDERBOOK = {region: orderbook_topic(region) for region in Region}
TOPICS = (
    *_TICKER.values(),
    *_TRADE.values(),
    *_ORDERBOOK.values(),
    BINANCE_TRADE_TOPIC,
    BINANCE_DEPTH_TOPIC,
    COLLECTOR_EVENTS_TOPIC,
    DEAD_LETTER_TOPIC,
)
"""Every topic that a collector writes to."""

_encode = msgspec.json.Encoder().encode


class Position(NamedTuple):
    """Place of a message in a replay: which frame, and which of that frame's messages, both from 0."""

    frame: int
    record: int


class Message(NamedTuple):
    """One record for Kafka; every field of it is in the value, null where it is not known."""

    topic: str
    key: bytes
    value: bytes
    position: Position | None = None
    market: str = ""
    """Whose record it is; empty for a dead letter of no market."""
    channel: str = ""
    """`ticker`, `trade` or `orderbook`; empty for a line of the ledger and a dead letter."""


def message_of(record: Outgoing, position: Position | None = None) -> Message:
    """The message that carries a record.

    Market data is keyed market:symbol on its region's topic, the ledger market:channel:symbol (a part it does not name stays empty), dead
    letters by their origin.
    """
    match record:
        case Trade():
            return Message(_TRADE[record.region], _key(record.market, record.symbol), _encode(record), position, record.market, Channel.TRADE.value)
        case Ticker():
            return Message(_TICKER[record.region], _key(record.market, record.symbol), _encode(record), position, record.market, Channel.TICKER.value)
        case OrderBook():
            key = _key(record.market, record.symbol)
            return Message(_ORDERBOOK[record.region], key, _encode(record), position, record.market, Channel.ORDERBOOK.value)
        case RawOut():
            return message_of_raw(record.topic, record.message, record.symbol, record.channel, position)
        case CollectorEvent():
            key = f"{record.market}:{record.channel or ''}:{record.symbol or ''}".encode()
            return Message(COLLECTOR_EVENTS_TOPIC, key, _encode(record), position, record.market)
        case DeadLetter():
            return Message(DEAD_LETTER_TOPIC, record.origin.encode(), _encode(record), position, record.market or "")


def message_of_raw(topic: str, raw: RawMessage, symbol: str, channel: Channel, position: Position | None = None) -> Message:
    """The message that carries a venue's own payload; `symbol` is the base coin, which is in the key like that of other records."""
    return Message(topic, _key(raw.market, symbol), _encode(raw), position, raw.market, channel.value)


@lru_cache(maxsize=8192)
def _key(market: str, symbol: str) -> bytes:
    return f"{market}:{symbol}".encode()


@lru_cache(maxsize=8192)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's own default partitioner gives a key."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions


def topics_of(channels: Iterable[Channel], exchanges: Iterable[Exchange]) -> tuple[str, ...]:
    """The topics that a collector of these channels writes to: all regions', and those of venues with raw topics."""
    wanted = tuple(channels)
    by_channel = {Channel.TICKER: _TICKER, Channel.TRADE: _TRADE, Channel.ORDERBOOK: _ORDERBOOK}
    records = [topic for channel in wanted for topic in by_channel[channel].values()]
    raw = [topic for exchange in exchanges for channel, topic in exchange.raw_topics.items() if channel in wanted]
    return (*records, *dict.fromkeys(raw), COLLECTOR_EVENTS_TOPIC, DEAD_LETTER_TOPIC)
