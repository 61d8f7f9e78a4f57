"""Where each kind of record goes: its topic, key, market and channel."""

from __future__ import annotations

import msgspec

from src.collect.message import message_of, message_of_raw
from src.collect.outgoing import RawOut
from src.collect.parsed import Channel
from src.schema.records import CollectorEvent, EventKind, OrderBook, RawMessage, Region, Source, Trade
from tests.collect.tickers import START, ticker

COMMON = {
    "region": Region.ASIA,
    "market": "okx",
    "symbol": "BTC",
    "quote": "USDT",
    "source": Source.LIVE,
    "event_time": START,
    "received_time": START,
}


def test_each_kind_of_record_has_its_topic_key_market_and_channel() -> None:
    raw = RawMessage(
        symbol="BTCUSDT", stream="btcusdt@aggTrade", data=msgspec.Raw(b'{"a":1}'), ts=START, market="binance_futures", source=Source.LIVE
    )
    event = CollectorEvent(kind=EventKind.DISCONNECTED, market="okx", channel="trade", source=Source.LIVE, event_time=START)
    found = [
        message_of(record)
        for record in (
            ticker("upbit", price=1.0),
            Trade(**COMMON),
            OrderBook(**COMMON),
            RawOut("binance-aggtrade", Channel.TRADE, "BTC", raw),
            event,
        )
    ]
    assert [(message.topic, message.key, message.market, message.channel) for message in found] == [
        ("RegionKorea_TickerPreprocessing", b"upbit:BTC", "upbit", "ticker"),
        ("RegionAsia_TradePreprocessing", b"okx:BTC", "okx", "trade"),
        ("RegionAsia_OrderbookPreprocessing", b"okx:BTC", "okx", "orderbook"),
        ("binance-aggtrade", b"binance_futures:BTC", "binance_futures", "trade"),
        ("CollectorEvents", b"okx:trade:", "okx", ""),
    ]
    assert found[3] == message_of_raw("binance-aggtrade", raw, "BTC", Channel.TRADE)
    assert msgspec.json.decode(found[3].value)["data"] == {"a": 1}
