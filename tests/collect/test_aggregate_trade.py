"""Payloads of Binance's perpetuals as trades, and the marks among them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from src.collect.aggregate_trade import aggregate_trade
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Channel, Pair
from src.collect.raw_payload import backfilled_out, raw_mark
from src.errors import MalformedFrame
from src.schema.records import Instrument, RawMessage, Region, Side, Source, Trade
from tests.collect.tickers import START

# Names and types as in Binance's documentation of the stream <symbol>@aggTrade.
PAYLOAD = {"e": "aggTrade", "E": START + 3, "s": "BTCUSDT", "a": 5933014, "p": "70296.60", "q": "0.002", "f": 100, "l": 105, "T": START, "m": True}
TRADE = Trade(
    region=Region.NORTH_AMERICA_EUROPE,
    market="binance_futures",
    symbol="BTC",
    quote="USDT",
    instrument=Instrument.PERPETUAL,
    source=Source.REPLAY,
    event_time=START,
    received_time=START + 9,
    usd_rate=1.0,
    rate_source="usdt_par",
    trade_id="5933014",
    price=70296.6,
    size=0.002,
    side=Side.SELL,
)


def raw(data: bytes | None = None, symbol: str = "BTCUSDT", gap_since: int | None = None, **payload: Any) -> RawMessage:
    return RawMessage(
        symbol=symbol,
        stream=f"{symbol.lower()}@aggTrade",
        data=msgspec.Raw(msgspec.json.encode(PAYLOAD | payload) if data is None else data),
        ts=START + 9,
        market="binance_futures",
        source=Source.REPLAY,
        gap_since=gap_since,
    )


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ({}, {}),
        ({"m": False}, {"side": Side.BUY}),
        ({"backfilled": True}, {"backfilled": True}),
        ({"T": str(START + 1), "p": 2, "q": 3.5}, {"event_time": START + 1, "price": 2.0, "size": 3.5}),
        ({"s": "1000SHIBUSDT", "p": "0.02", "q": "7"}, {"symbol": "SHIB", "price": 0.00002, "size": 7_000.0}),
        ({"s": "ETHUSDC"}, {"symbol": "ETH", "quote": "USDC", "usd_rate": None, "rate_source": None}),
        ({"s": "BTCUSDT_261225"}, {"instrument": Instrument.FUTURE}),
        ({"a": 2**62}, {"trade_id": str(2**62)}),
        ({"st": 1}, {}),
    ],
)
def test_a_payload_is_a_trade(payload: dict[str, Any], fields: dict[str, Any]) -> None:
    assert aggregate_trade(raw(**payload)) == msgspec.structs.replace(TRADE, **fields)


def test_a_price_of_zero_is_no_trade() -> None:
    assert aggregate_trade(raw(p="0")) is None


@pytest.mark.parametrize(
    "message",
    [
        raw(b"null"),
        raw(b"[]"),
        raw(b'"x"'),
        raw(b"{}"),
        raw(p="x"),
        raw(p="-1"),
        raw(p="1e999"),
        raw(q=None),
        raw(a=-1),
        raw(T=-5),
        raw(s="BTC/USDT"),
        raw(st=2),
        raw(b"null", symbol="?", gap_since=START),
    ],
)
def test_what_is_no_payload_is_refused(message: RawMessage) -> None:
    with pytest.raises(MalformedFrame):
        aggregate_trade(message)


def test_a_mark_reaches_to_when_it_was_made() -> None:
    mark = aggregate_trade(raw(b"null", symbol="1000SHIBUSDT", gap_since=START - 70_000))
    assert isinstance(mark, Trade)
    assert (mark.market, mark.symbol, mark.quote, mark.instrument) == ("binance_futures", "SHIB", "USDT", Instrument.PERPETUAL)
    assert (mark.gap_since, mark.event_time, mark.received_time, mark.backfilled) == (START - 70_000, START + 9, START + 9, True)
    assert (mark.trade_id, mark.price, mark.size, mark.side) == (None, None, None, None)
    ahead = aggregate_trade(raw(b"null", gap_since=START + 50))
    assert isinstance(ahead, Trade)
    assert (ahead.gap_since, ahead.event_time) == (START + 50, START + 50)


def test_what_the_collector_writes_itself_is_read_back() -> None:
    exchange, pair = EXCHANGES["binance_futures"], Pair("SHIB", "USDT", 1000)
    trade = msgspec.structs.replace(TRADE, symbol="SHIB", price=0.03125, size=5_000.0, backfilled=True)
    assert aggregate_trade(backfilled_out(exchange, trade, pair).message) == trade
    gap = msgspec.structs.replace(trade, trade_id=None, price=None, size=None, side=None, gap_since=START - 5_000, usd_rate=None, rate_source=None)
    out = raw_mark(exchange, Channel.TRADE, gap, pair)
    assert out is not None
    assert aggregate_trade(out.message) == msgspec.structs.replace(gap, event_time=START + 9)
