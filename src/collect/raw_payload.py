"""Payloads of derivative venues that go to a topic of their own, and the gap marks among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from src.collect.exchange import Exchange
from src.collect.exchanges.fields import decimal_text, traded_name
from src.collect.outgoing import RawOut
from src.collect.parsed import BookUpdate, Channel, Frame, Pair
from src.schema.records import OrderBook, RawMessage, Trade

_NULL = msgspec.Raw(b"null")
_TIMES = ("E", "T")
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def raw_out(exchange: Exchange, channel: Channel, frame: Frame, item: Trade | BookUpdate, shift: int, received_time: int) -> RawOut | None:
    """The payload of a frame that held `item`; None where it goes as records. A replay moves the times in it."""
    topic = exchange.raw_topics.get(channel)
    message = None if topic is None or frame.url is not None else exchange.raw(frame)
    if topic is None or message is None:
        return None
    data = message.data if shift == 0 else _shifted(message.data, shift)
    return RawOut(topic, channel, item.symbol, msgspec.structs.replace(message, data=data, ts=received_time))


def raw_mark(exchange: Exchange, channel: Channel, record: Trade | OrderBook, pair: Pair) -> RawOut | None:
    """The mark that payloads may be missing; None for a record that tells of no gap. `pair` is as it was subscribed to."""
    gap_since = record.gap_since
    if gap_since is None:
        return None
    symbol = traded_name(pair) + pair.quote
    stream = f"{symbol.lower()}@{'aggTrade' if channel is Channel.TRADE else 'depth@100ms'}"
    mark = RawMessage(
        symbol=symbol, stream=stream, data=_NULL, ts=record.received_time, market=record.market, source=record.source, gap_since=gap_since
    )
    return RawOut(exchange.raw_topics[channel], channel, record.symbol, mark)


def backfilled_out(exchange: Exchange, trade: Trade, pair: Pair) -> RawOut:
    """A trade that was fetched afterwards, in the payload's own shape and in what the venue trades (`pair.multiple` coins)."""
    symbol = traded_name(pair) + pair.quote
    payload: Mapping[str, Any] = {
        "e": "aggTrade",
        "E": trade.event_time,
        "s": symbol,
        "a": int(trade.trade_id or 0),
        "p": decimal_text(None if trade.price is None else trade.price * pair.multiple),
        "q": decimal_text(None if trade.size is None else trade.size / pair.multiple),
        "T": trade.event_time,
        "m": trade.side == "sell",
        "backfilled": True,
    }
    message = RawMessage(
        symbol=symbol,
        stream=f"{symbol.lower()}@aggTrade",
        data=msgspec.Raw(msgspec.json.encode(payload)),
        ts=trade.received_time,
        market=trade.market,
        source=trade.source,
    )
    return RawOut(exchange.raw_topics[Channel.TRADE], Channel.TRADE, trade.symbol, message)


def _shifted(data: msgspec.Raw, shift: int) -> msgspec.Raw:
    """Only the times are read: whatever else is in the payload stays as it was spelled."""
    payload = _fields(data)
    times = {name: bytes(payload[name]).strip(b'"') for name in _TIMES if name in payload}
    moved = {name: msgspec.Raw(str(int(float(time)) + shift).encode()) for name, time in times.items() if time != b"null"}
    return msgspec.Raw(msgspec.json.encode(payload | moved))
