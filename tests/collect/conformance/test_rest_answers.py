"""Every exchange's REST answers: its list of pairs, its latest trades and, where books are anchored so, its book."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from src.collect.exchange import Parsed
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Control, Frame, Listing, Pair
from src.schema.records import Side, Source, Trade
from tests.collect.conformance.said import incoming
from tests.collect.conformance.seeds import TIME, full_book, full_trade
from tests.collect.conformance.sent_fields import REST
from tests.collect.dialects.dialect import Asking
from tests.collect.dialects.found import dialects

# Their lists have no state: a pair that is not traded is not on them.
UNLISTED_WHEN_HALTED = frozenset({"bithumb", "upbit"})
REST_BOOKS = [market for market, exchange in EXCHANGES.items() if exchange.book_rule.rest_snapshot]


def parse(market: str, path: str, body: bytes | str) -> Sequence[Parsed]:
    url = f"{EXCHANGES[market].rest_urls[0]}{path}"
    return EXCHANGES[market].parse(Frame(market, Source.LIVE, TIME + 5000, body, url))


def trades_of(market: str) -> list[Trade]:
    """Two of one moment, then one of a later one."""
    moments = [(1, TIME, Side.BUY), (2, TIME, Side.SELL), (3, TIME + 1, Side.BUY)]
    dialect, first = dialects()[market], full_trade(market)
    return [
        msgspec.structs.replace(first, trade_id=dialect.trade_id(number), event_time=time, received_time=TIME + 5000, side=side, source=Source.LIVE)
        for number, time, side in moments
    ]


@pytest.mark.parametrize("market", EXCHANGES)
def test_a_list_of_pairs_says_which_are_traded(market: str) -> None:
    exchange, dialect = EXCHANGES[market], dialects()[market]
    path = exchange.listings_path
    assert path is not None
    assert dialect.asking(path) == (Asking.LISTINGS, None)
    traded = [Pair("BTC", exchange.quotes[0]), Pair("SHIB", exchange.quotes[0])]
    halted = Pair("LUNA", exchange.quotes[0])
    expected = [Listing(pair, exchange.instrument, trading=True) for pair in traded]
    if market not in UNLISTED_WHEN_HALTED:
        expected.append(Listing(halted, exchange.instrument, trading=False))
    assert list(parse(market, path, dialect.listings(traded, [halted]))) == expected


@pytest.mark.parametrize("market", EXCHANGES)
def test_latest_trades_come_oldest_first_and_as_backfilled(market: str) -> None:
    exchange, dialect = EXCHANGES[market], dialects()[market]
    pair = Pair("BTC", exchange.quotes[0])
    path = exchange.trades_path(pair, None)
    assert path is not None
    assert dialect.asking(path) == (Asking.TRADES, pair)
    trades = trades_of(market)
    assert list(parse(market, path, dialect.recent_trades(trades, path))) == [msgspec.structs.replace(trade, backfilled=True) for trade in trades]


@pytest.mark.parametrize("market", EXCHANGES)
def test_trades_after_a_known_one_are_asked_for(market: str) -> None:
    """Whatever the market can start at, the newer ones are all in the answer."""
    exchange, dialect = EXCHANGES[market], dialects()[market]
    trades = trades_of(market)
    path = exchange.trades_path(Pair("BTC", exchange.quotes[0]), trades[1])
    assert path is not None
    said = [trade for trade in parse(market, path, dialect.recent_trades(trades, path)) if isinstance(trade, Trade)]
    assert said[-1] == msgspec.structs.replace(trades[2], backfilled=True)


@pytest.mark.parametrize("market", REST_BOOKS)
def test_a_book_is_named_by_the_address_that_was_asked(market: str) -> None:
    exchange, dialect = EXCHANGES[market], dialects()[market]
    book = msgspec.structs.replace(full_book(market, REST), symbol="ETH")
    frame = incoming(book)
    assert dialect.asking(exchange.book_path(Pair("ETH", exchange.quotes[0])) or "") == (Asking.BOOK, Pair("ETH", exchange.quotes[0]))
    (said,) = exchange.parse(frame)
    assert isinstance(said, BookUpdate)
    assert (said.symbol, said.quote, said.snapshot, said.last) == ("ETH", exchange.quotes[0], True, 9)


REFUSED = {
    "binance": ('{"code":-1121,"msg":"Invalid symbol."}', "-1121: Invalid symbol."),
    "binance_futures": ('{"code":-1121,"msg":"Invalid symbol."}', "-1121: Invalid symbol."),
    "bithumb": ('{"error":{"name":404,"message":"Code not found"}}', "404: Code not found"),
    "bybit": ('{"retCode":10001,"retMsg":"Not supported symbols","result":{},"time":1786310819126}', "10001: Not supported symbols"),
    "bybit_linear": ('{"retCode":10001,"retMsg":"Not supported symbols","result":{},"time":1786310819126}', "10001: Not supported symbols"),
    "coinone": ('{"result":"error","error_code":"108","error_msg":"Unknown CryptoCurrency"}', "108: Unknown CryptoCurrency"),
    "gateio": ('{"label":"INVALID_CURRENCY_PAIR","message":"Invalid currency pair X_Y"}', "INVALID_CURRENCY_PAIR: Invalid currency pair X_Y"),
    "korbit": ('{"success":false,"error":{"code":"INVALID_SYMBOL","message":"no such symbol"}}', "INVALID_SYMBOL: no such symbol"),
    "kraken": ('{"error":["EQuery:Unknown asset pair"]}', "EQuery:Unknown asset pair"),
    "okx": ('{"code":"51001","msg":"Instrument ID does not exist","data":[]}', "51001: Instrument ID does not exist"),
    "upbit": ('{"error":{"name":404,"message":"Code not found"}}', "404: Code not found"),
}


@pytest.mark.parametrize("market", EXCHANGES)
def test_a_refusal_carries_the_exchanges_own_words(market: str) -> None:
    exchange = EXCHANGES[market]
    message, words = REFUSED[market]
    said = parse(market, exchange.trades_path(Pair("X", exchange.quotes[0]), None) or "", message)
    assert [(type(one), one.text if isinstance(one, Control) else None) for one in said] == [(Control, words)]
