"""What either Bybit market would say, read back; and multiplied coins, which are scaled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.exchanges.bybit import Bybit
from src.collect.exchanges.bybit_linear import BybitLinear
from src.collect.exchanges.bybit_protocol import BybitProtocol
from src.collect.parsed import BookUpdate, Frame, TickerChange
from src.schema.records import Region, Side, Source, Ticker, Trade

SPOT, LINEAR = Bybit(), BybitLinear()
RECEIVED = 1_790_000_000_050

venues = st.sampled_from([SPOT, LINEAR])
quotes = st.sampled_from(["USDT", "USDC"])
positive = st.decimals(min_value="0.00000001", max_value=1_000_000_000, places=8).map(float)
levels = st.lists(st.tuples(positive, st.just(0.0) | positive), max_size=5)
times = st.integers(min_value=0, max_value=4_102_444_800_000)
ids = st.integers(0, 2**64).map(str) | st.uuids().map(str)
fields = st.fixed_dictionaries(dict.fromkeys(["price", "high", "low", "prev_close", "volume_24h", "quote_volume_24h"], st.none() | positive))
best = st.fixed_dictionaries(dict.fromkeys(["bid", "bid_size", "ask", "ask_size"], st.none() | positive))


def read_back(venue: BybitProtocol, said: Ticker | Trade | BookUpdate) -> list[object]:
    return list(venue.parse(Frame(venue.name, Source.SIMULATED, RECEIVED, venue.simulate(said))))


@given(venue=venues, quote=quotes, time=times, day=fields, top=best)
def test_a_simulated_ticker(venue: BybitProtocol, quote: str, time: int, day: dict[str, Any], top: dict[str, Any]) -> None:
    """That of spot has no best bid and ask; that of a contract is a snapshot."""
    said = Ticker(
        region=Region.ASIA,
        market=venue.name,
        symbol="BTC",
        quote=quote,
        instrument=venue.instrument,
        source=Source.SIMULATED,
        event_time=time,
        received_time=RECEIVED,
        open=day["prev_close"],
        **day,
        **(top if venue is LINEAR else {}),
    )
    assert read_back(venue, said) == [said if venue is SPOT else TickerChange(said, snapshot=True)]


@given(
    venue=venues, quote=quotes, time=times, trade_id=st.integers(0, 2**64).map(str) | st.uuids().map(str), side=st.sampled_from(Side), data=st.data()
)
def test_a_simulated_trade(venue: BybitProtocol, quote: str, time: int, trade_id: str, side: Side, data: st.DataObject) -> None:
    said = Trade(
        region=Region.ASIA,
        market=venue.name,
        symbol="BTC",
        quote=quote,
        instrument=venue.instrument,
        source=Source.SIMULATED,
        event_time=time,
        received_time=RECEIVED,
        trade_id=trade_id,
        price=data.draw(positive),
        size=data.draw(positive),
        side=side,
    )
    assert read_back(venue, said) == [said]


@given(venue=venues, quote=quotes, time=times, bids=levels, asks=levels, number=st.integers(0, 2**63 - 1), snapshot=st.booleans())
def test_a_simulated_book(
    venue: BybitProtocol, quote: str, time: int, bids: list[tuple[float, float]], asks: list[tuple[float, float]], number: int, *, snapshot: bool
) -> None:
    said = BookUpdate(
        market=venue.name,
        symbol="BTC",
        quote=quote,
        instrument=venue.instrument,
        source=Source.SIMULATED,
        event_time=time,
        received_time=RECEIVED,
        snapshot=snapshot,
        bids=bids,
        asks=asks,
        first=number,
        last=number,
    )
    assert read_back(venue, said) == [said]


@pytest.mark.parametrize(("venue", "name"), [(SPOT, "1000SHIBUSDT"), (LINEAR, "1000SHIBUSDT"), (LINEAR, "SHIB1000USDT")])
def test_a_multiplied_coin_is_scaled(venue: BybitProtocol, name: str) -> None:
    """Made up, in the shape of the captures."""

    def said(topic: str, data: str) -> object:
        message = f'{{"topic":"{topic}.{name}","ts":1,"type":"snapshot","data":{data}}}'
        (record,) = venue.parse(Frame(venue.name, Source.SIMULATED, RECEIVED, message.replace("NAME", name)))
        return record

    trade = said("publicTrade", '[{"i":"1","T":1,"p":"0.5","v":"3","S":"Sell","s":"NAME"}]')
    assert isinstance(trade, Trade)
    assert (trade.symbol, trade.price, trade.size, trade.side) == ("SHIB", 0.0005, 3000.0, Side.SELL)
    book = said("orderbook.50", '{"s":"NAME","b":[["0.5","3"]],"a":[["0.75","0"]],"u":7}')
    assert isinstance(book, BookUpdate)
    assert (book.symbol, book.bids, book.asks) == ("SHIB", [(0.0005, 3000.0)], [(0.00075, 0.0)])
    ticker = said("tickers", '{"symbol":"NAME","lastPrice":"0.5","volume24h":"2","turnover24h":"4","bid1Price":"0.25","bid1Size":"1"}')
    ticker = ticker.ticker if isinstance(ticker, TickerChange) else ticker
    assert isinstance(ticker, Ticker)
    assert (ticker.symbol, ticker.price, ticker.volume_24h, ticker.quote_volume_24h) == ("SHIB", 0.0005, 2000.0, 4.0)
    assert (ticker.high, ticker.bid, ticker.bid_size, ticker.ask) == (None, 0.00025, 1000.0, None)
