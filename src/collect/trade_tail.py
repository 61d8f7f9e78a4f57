"""The last trades that are on Kafka, so that a collector that starts again sends none of them twice and knows what it missed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from src.broker.connection import client_options
from src.collect.aggregate_trade import aggregate_trade
from src.collect.message import BINANCE_TRADE_TOPIC
from src.collect.trade_stream import number
from src.errors import MalformedFrame, TransientError
from src.schema.records import Instrument, RawMessage, Source, Trade

TradeKey = tuple[str, str, str, Instrument]
"""Market, symbol, quote, instrument."""
_SECONDS = 4.0
_FIRST_STEP = 500
_STEP_GROWTH = 3
_POLL_MS = 200
_REACH_MS = 3_000


@dataclass(frozen=True, slots=True)
class TradeTail:
    """What is known of the trades of one price."""

    last: Trade
    """The newest one; its `event_time` is in ms since 1970 UTC."""
    ids: tuple[str, ...]
    """In the order in which they were sent."""


_trades = msgspec.json.Decoder(Trade | list[Trade])
_payloads = msgspec.json.Decoder(RawMessage | list[RawMessage])


def last_trades(bootstrap_servers: str, topics: Sequence[str], limit_per_partition: int = 5_000) -> list[Trade]:
    """The live trades in the last `limit_per_partition` messages of each partition, in the order in which they were sent.

    Of a topic that does not exist there are none.

    Takes a few seconds at most, and then gives the newest it has found. What is no trade is passed over. Raises `TransientError` when Kafka
    does not answer in that time.
    """
    deadline = time.monotonic() + _SECONDS
    found: list[list[Trade]] = []
    try:
        with closing(_consumer(bootstrap_servers)) as consumer:
            known = consumer.topics()
            partitions = [
                TopicPartition(topic, number) for topic in topics if topic in known for number in consumer.partitions_for_topic(topic) or ()
            ]
            consumer.assign(partitions)
            ends = consumer.end_offsets(partitions) if partitions else {}
            starts = consumer.beginning_offsets(partitions) if partitions else {}
            step, left = _FIRST_STEP, limit_per_partition
            while left > 0 and any(ends[place] > starts[place] for place in partitions):
                firsts = {place: max(starts[place], ends[place] - min(step, left)) for place in partitions}
                trades = _between(consumer, firsts, ends, deadline)
                if trades is None:
                    break
                found.append(trades)
                ends, left, step = firsts, left - step, step * _STEP_GROWTH
    except KafkaError as error:
        raise TransientError(f"Kafka at {bootstrap_servers} does not say which trades it has: {error}") from error
    if time.monotonic() >= deadline and not found:
        raise TransientError(f"Kafka at {bootstrap_servers} does not give its last trades within {_SECONDS:.0f} s")
    return [trade for trades in reversed(found) for trade in trades]


def _between(
    consumer: KafkaConsumer, firsts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], deadline: float
) -> list[Trade] | None:
    """The trades between those offsets, in order within a partition; None when the time is up before all are read."""
    todo = {place for place, first in firsts.items() if first < ends[place]}
    consumer.assign(sorted(todo))
    for place in todo:
        consumer.seek(place, firsts[place])
    trades: list[Trade] = []
    while todo:
        if time.monotonic() >= deadline:
            return None
        for place, messages in consumer.poll(timeout_ms=_POLL_MS).items():
            for message in messages:
                if message.offset < ends[place]:
                    trades += live_trades(place.topic, message.value)
        # Marks of transactions have offsets too: the position tells, not the last message.
        todo = {place for place in todo if consumer.position(place) < ends[place]}
    return trades


def live_trades(topic: str, value: bytes | None) -> Sequence[Trade]:
    """The live trades of one message; none when it cannot be read."""
    try:
        if topic == BINANCE_TRADE_TOPIC:
            payloads = _payloads.decode(value or b"[]")
            live = [raw for raw in (payloads if isinstance(payloads, list) else [payloads]) if raw.source is Source.LIVE]
            # A dated price stands for several contracts, with ids of their own.
            return [trade for raw in live if (trade := _told(raw)) is not None and trade.instrument is Instrument.PERPETUAL]
        trades = _trades.decode(value or b"[]")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    every = trades if isinstance(trades, list) else [trades]
    return [trade for trade in every if trade.source is Source.LIVE and trade.trade_id is not None]


def _told(raw: RawMessage) -> Trade | None:
    """The trade in a payload; None for a mark and for what cannot be read."""
    try:
        trade = aggregate_trade(raw)
    except MalformedFrame:
        return None
    return None if trade is None or trade.trade_id is None else trade


def tails_of(trades: Iterable[Trade]) -> Mapping[TradeKey, TradeTail]:
    """By price, what is known of trades that are given in the order in which they were sent."""
    ids: dict[TradeKey, list[str]] = defaultdict(list)
    last: dict[TradeKey, Trade] = {}
    for trade in trades:
        key = (trade.market, trade.symbol, trade.quote, trade.instrument)
        ids[key].append(trade.trade_id or "")
        # Fetched trades are sent after newer ones.
        last[key] = max(last.get(key, trade), trade, key=lambda one: (one.event_time, number(one)))
    return {key: TradeTail(last[key], tuple(there)) for key, there in ids.items()}


def _consumer(bootstrap_servers: str) -> KafkaConsumer:
    return KafkaConsumer(
        **client_options(bootstrap_servers),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        bootstrap_timeout_ms=_REACH_MS,
        request_timeout_ms=_REACH_MS,
    )
