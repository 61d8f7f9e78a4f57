"""What an exchange would say is what is read from it, for any ticker, trade and book message."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.collect.exchange import Parsed
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Channel
from tests.captures import BINARY_MARKETS
from tests.collect.conformance.said import books, incoming, read_ticker, tickers, trades
from tests.collect.conformance.sent_fields import BOOK, REST, TICKER

MESSAGES = [(market, kind) for market in EXCHANGES for kind in BOOK[market] if kind != REST or EXCHANGES[market].book_rule.rest_snapshot]

_BYBIT = pytest.mark.xfail(strict=True, reason="Bybit's simulated spot tickers have the bid and ask that its spot socket never sends")


def levels(update: Parsed) -> Parsed:
    """The same without how its levels were spelled."""
    assert isinstance(update, BookUpdate)
    bids, asks = ([level[:2] for level in side] for side in (update.bids, update.asks))
    return msgspec.structs.replace(update, bids=bids, asks=asks)


def test_the_tables_name_every_market() -> None:
    assert set(BOOK) == set(EXCHANGES)
    assert set(TICKER) == {market for market, exchange in EXCHANGES.items() if Channel.TICKER in exchange.urls}
    assert {market for market in EXCHANGES if REST in BOOK[market]} == {"binance", "binance_futures", "gateio"}


@pytest.mark.parametrize("market", [pytest.param(market, marks=_BYBIT) if market == "bybit" else market for market in TICKER])
@given(data=st.data())
@settings(max_examples=50)
def test_a_ticker_is_read_back(market: str, data: st.DataObject) -> None:
    ticker = data.draw(tickers(market))
    assert list(EXCHANGES[market].parse(incoming(ticker))) == [read_ticker(ticker)]


@pytest.mark.parametrize("market", EXCHANGES)
@given(data=st.data())
@settings(max_examples=50)
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
@given(data=st.data())
@settings(max_examples=10)
def test_a_message_is_of_the_kind_of_the_markets_socket(market: str, data: st.DataObject) -> None:
    message = incoming(data.draw(trades(market))).message
    assert isinstance(message, bytes) is (market in BINARY_MARKETS)
