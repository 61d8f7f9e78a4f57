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

from src.collect.exchanges.fields import coins, pair_without_separator, per_coin
from src.collect.message import BINANCE_TRADE_TOPIC
from src.collect.trade_stream import number
from src.errors import MalformedFrame, TransientError
from src.schema.records import Instrument, RawMessage, Region, Side, Source, Trade

TradeKey = tuple[str, str, str, Instrument]
"""Market, symbol, quote, instrument."""
_SECONDS = 4.0
_FIRST_STEP = 500
_STEP_GROWTH = 3
_POLL_MS = 200
_REACH_MS = 3_000
_FUTURES_QUOTES = ("USDT", "USDC")


@dataclass(frozen=True, slots=True)
class TradeTail:
    """What is known of the trades of one price."""

    last: Trade
    """The newest one; its `event_time` is in ms since 1970 UTC."""
    ids: tuple[str, ...]
    """In the order in which they were sent."""


class _AggregateTrade(msgspec.Struct):
    """Binance's payload, in its own one-letter names."""

    trade_id: int = msgspec.field(name="a")
    symbol: str = msgspec.field(name="s")
    price: str = msgspec.field(name="p")
    size: str = msgspec.field(name="q")
    time: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


_trades = msgspec.json.Decoder(Trade | list[Trade])
_payloads = msgspec.json.Decoder(RawMessage | list[RawMessage])
_aggregate = msgspec.json.Decoder(_AggregateTrade | None)


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
            return [trade for raw in (payloads if isinstance(payloads, list) else [payloads]) if (trade := _aggregate_trade(raw)) is not None]
        trades = _trades.decode(value or b"[]")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    every = trades if isinstance(trades, list) else [trades]
    return [trade for trade in every if trade.source is Source.LIVE and trade.trade_id is not None]


def _aggregate_trade(raw: RawMessage) -> Trade | None:
    """The trade in Binance's payload; None for a gap mark, and for what the name of a perpetual does not fit."""
    payload = _aggregate.decode(raw.data) if raw.source is Source.LIVE else None
    if payload is None:
        return None
    try:
        pair = pair_without_separator(payload.symbol, _FUTURES_QUOTES)
        price, size = float(payload.price), float(payload.size)
    except (MalformedFrame, ValueError):
        return None
    return Trade(
        region=Region.NORTH_AMERICA_EUROPE,
        market=raw.market,
        symbol=pair.symbol,
        quote=pair.quote,
        instrument=Instrument.PERPETUAL,
        source=raw.source,
        event_time=payload.time,
        received_time=raw.ts,
        trade_id=str(payload.trade_id),
        price=per_coin(price, pair),
        size=coins(size, pair),
        side=Side.SELL if payload.buyer_is_maker else Side.BUY,
    )


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
        bootstrap_servers=bootstrap_servers.split(","),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        bootstrap_timeout_ms=_REACH_MS,
        request_timeout_ms=_REACH_MS,
    )
