"""What an exchange would say is what is read from it, for any ticker, trade and book message."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.collect.exchange import Parsed
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Channel, Pair, TickerChange
from src.schema.records import Ticker, Trade
from tests.captures import BINARY_MARKETS
from tests.collect.conformance.said import books, incoming, read_ticker, tickers, trades
from tests.collect.conformance.seeds import full_book, full_ticker, full_trade
from tests.collect.conformance.sent_fields import BOOK, REST, TICKER

MESSAGES = [(market, kind) for market in EXCHANGES for kind in BOOK[market] if kind != REST or EXCHANGES[market].book_rule.rest_snapshot]


def levels(update: Parsed) -> Parsed:
    """The same without how its levels were spelled."""
    assert isinstance(update, BookUpdate)
    bids, asks = ([level[:2] for level in side] for side in (update.bids, update.asks))
    return msgspec.structs.replace(update, bids=bids, asks=asks)


def test_the_tables_name_every_market() -> None:
    assert set(BOOK) == set(EXCHANGES)
    assert set(TICKER) == {market for market, exchange in EXCHANGES.items() if Channel.TICKER in exchange.urls}
    assert {market for market in EXCHANGES if REST in BOOK[market]} == {"binance", "binance_futures", "gateio"}


@pytest.mark.parametrize("market", TICKER)
@given(data=st.data())
@settings(max_examples=30)
def test_a_ticker_is_read_back(market: str, data: st.DataObject) -> None:
    ticker = data.draw(tickers(market))
    assert list(EXCHANGES[market].parse(incoming(ticker))) == [read_ticker(ticker)]


@pytest.mark.parametrize("market", EXCHANGES)
@given(data=st.data())
@settings(max_examples=30)
def test_a_trade_is_read_back(market: str, data: st.DataObject) -> None:
    trade = data.draw(trades(market))
    assert list(EXCHANGES[market].parse(incoming(trade))) == [trade]


@pytest.mark.parametrize(("market", "kind"), MESSAGES)
@given(data=st.data())
@settings(max_examples=30)
def test_a_book_message_is_read_back(market: str, kind: str, data: st.DataObject) -> None:
    update = data.draw(books(market, kind))
    assert [levels(said) for said in EXCHANGES[market].parse(incoming(update))] == [update]


@pytest.mark.parametrize("market", EXCHANGES)
def test_a_multiplied_coin_is_scaled_to_the_coin(market: str) -> None:
    """1000PEPE at 2.5 is PEPE at 0.0025, and 2.5 of it are 2500."""
    exchange = EXCHANGES[market]
    (trade,) = exchange.parse(incoming(msgspec.structs.replace(full_trade(market), symbol="1000PEPE")))
    assert isinstance(trade, Trade)
    assert (trade.symbol, trade.price, trade.size) == ("PEPE", 0.0025, 2500.0)
    for kind in BOOK[market]:
        if (market, kind) in MESSAGES:
            (book,) = exchange.parse(incoming(msgspec.structs.replace(full_book(market, kind), symbol="1000PEPE")))
            assert isinstance(book, BookUpdate)
            assert book.symbol == "PEPE"
            assert [level[:2] for level in (*book.bids, *book.asks)] == [(0.0025, 2500.0), (0.0035, 2500.0)]
    for channel in exchange.urls:
        (request,) = exchange.subscribe(channel, [Pair("PEPE", exchange.quotes[0], 1000)])
        assert "1000PEPE" in request.upper()


@pytest.mark.parametrize("market", TICKER)
def test_the_ticker_of_a_multiplied_coin_is_scaled_to_the_coin(market: str) -> None:
    """Prices are divided and sizes multiplied; what is counted in the quote currency stays."""
    (said,) = EXCHANGES[market].parse(incoming(msgspec.structs.replace(full_ticker(market), symbol="1000PEPE")))
    ticker = said.ticker if isinstance(said, TickerChange) else said
    assert isinstance(ticker, Ticker)
    assert ticker.symbol == "PEPE"
    scaled = {"volume_24h": 2500.0, "bid_size": 2500.0, "ask_size": 2500.0, "acc_volume": 2500.0, "quote_volume_24h": 2.5}
    for field in TICKER[market] - {"acc_since"}:
        assert getattr(ticker, field) == scaled.get(field, 0.0025), field


@pytest.mark.parametrize("market", EXCHANGES)
@given(data=st.data())
@settings(max_examples=10)
def test_a_message_is_of_the_kind_of_the_markets_socket(market: str, data: st.DataObject) -> None:
    message = incoming(data.draw(trades(market))).message
    assert isinstance(message, bytes) is (market in BINARY_MARKETS)
