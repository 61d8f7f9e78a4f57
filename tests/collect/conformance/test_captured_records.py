"""What every record promises, whatever its exchange: names, times, numbers, ids, sides, and null for what is not sent."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate
from src.schema.records import Instrument, Ticker, Trade
from tests.collect.conformance.reading import MarketData, Read, frames_of, parse
from tests.collect.conformance.sent_fields import BOOK, BOOK_FIELDS, TAKER_SIDE, TICKER, TICKER_FIELDS, TRADE, TRADE_KEYS, book_kind

EARLIEST, LATEST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000) for year in (2019, 2027))
DAY = 86_400_000
MADE_UP_TIMES = frozenset({"binance_futures/orderbook.doc.jsonl:1", "binance_futures/trade.doc.jsonl:1"})
"""Binance's own documentation writes 123456789 where a time is."""
QUOTES = {"KRW", "USDT", "USDC", "USD", "BTC", "ETH", "EUR", "CHF"}
"""Of all captured pairs."""
PAST_DOUBLES = frozenset({"bithumb", "bybit", "upbit"})
"""Markets with ids that no double holds among the captured ones."""


def said_by(market: str, kind: type[MarketData]) -> Iterator[tuple[Read, Any]]:
    for frame in frames_of(market):
        for said in frame.data:
            if isinstance(said, kind):
                yield frame, said


def sent(said: MarketData) -> set[str]:
    return {field for field, value in msgspec.structs.asdict(said).items() if value is not None}


def values(message: Any, keys: frozenset[str]) -> Iterator[Any]:
    """What stands under any of these keys, however deep, in the order of the text."""
    if isinstance(message, dict):
        for key, value in message.items():
            if key in keys and not isinstance(value, dict | list):
                yield value
            else:
                yield from values(value, keys)
    elif isinstance(message, list):
        for value in message:
            yield from values(value, keys)


@pytest.mark.parametrize("market", EXCHANGES)
def test_names_are_upper_case_and_the_market_is_its_own(market: str) -> None:
    for frame in frames_of(market):
        for said in frame.data:
            assert said.market == market
            assert said.symbol == said.symbol.upper() != "", str(frame)
            assert said.quote in QUOTES, str(frame)
            if isinstance(said, Ticker | Trade):
                assert said.region is EXCHANGES[market].region
                assert (said.usd_rate, said.rate_source, said.bank_usd_rate, said.bank_rate_source) == (None, None, None, None)
                assert said.backfilled is False


def test_the_instruments_of_each_market() -> None:
    """A spot market says spot of everything. OKX's captures hold derivatives too, which came on the same socket."""
    found = {market: {said.instrument for frame in frames_of(market) for said in frame.data} for market in EXCHANGES}
    assert found.pop("okx") == {Instrument.SPOT, Instrument.PERPETUAL, Instrument.FUTURE, Instrument.OPTION}
    for market, instruments in found.items():
        assert instruments == {EXCHANGES[market].instrument}, market
    assert {market for market in found if EXCHANGES[market].instrument is not Instrument.SPOT} == {"binance_futures", "bybit_linear"}


@pytest.mark.parametrize("market", EXCHANGES)
def test_times_are_milliseconds_of_our_years_and_of_the_day_of_reception(market: str) -> None:
    made_up = set()
    for frame in frames_of(market):
        for said in frame.data:
            assert said.received_time == int((frame.received or 0) * 1000)
            if said.event_time is None:
                assert isinstance(said, BookUpdate), str(frame)
            elif not EARLIEST < said.event_time < LATEST:
                made_up.add(str(frame))
            elif frame.received is not None:
                assert abs(said.received_time - said.event_time) < DAY, str(frame)
    assert made_up == {place for place in MADE_UP_TIMES if place.startswith(f"{market}/")}


@pytest.mark.parametrize("market", EXCHANGES)
def test_prices_are_above_zero_and_sizes_not_below(market: str) -> None:
    for frame in frames_of(market):
        for said in frame.data:
            match said:
                case Ticker():
                    prices = [said.price, said.open, said.high, said.low, said.prev_close, said.bid, said.ask]
                    sizes = [said.volume_24h, said.quote_volume_24h, said.bid_size, said.ask_size, said.acc_volume]
                case Trade():
                    prices, sizes = [said.price], [said.size]
                case BookUpdate():
                    prices = [level[0] for level in (*said.bids, *said.asks)]
                    sizes = [level[1] for level in (*said.bids, *said.asks)]
            derivative = said.instrument in (Instrument.OPTION, Instrument.FUTURE)
            assert all(math.isfinite(price) and (price > 0 or derivative) for price in prices if price is not None), str(frame)
            assert all(math.isfinite(size) and size >= 0 for size in sizes if size is not None), str(frame)


@pytest.mark.parametrize("market", EXCHANGES)
def test_snapshots_come_best_first(market: str) -> None:
    for frame, book in said_by(market, BookUpdate):
        if book.snapshot:
            bids, asks = ([level[0] for level in side] for side in (book.bids, book.asks))
            assert bids == sorted(set(bids), reverse=True), str(frame)
            assert asks == sorted(set(asks)), str(frame)


@pytest.mark.parametrize("market", EXCHANGES)
def test_ids_and_taker_sides_are_those_on_the_wire(market: str) -> None:
    """Read here by the tables alone, with integers as the text of their digits; frames of retired sockets have no ids."""
    side_keys, sides = TAKER_SIDE[market]
    ids = []
    for frame in frames_of(market):
        trades = [said for said in frame.data if isinstance(said, Trade)]
        if not trades or frame.is_retired:
            continue
        message = json.loads(frame.text, parse_int=str)
        assert [trade.trade_id for trade in trades] == list(values(message, TRADE_KEYS[market])), str(frame)
        assert [trade.side for trade in trades] == [sides[word] for word in values(message, side_keys)], str(frame)
        ids += [trade.trade_id for trade in trades]
    assert ids
    assert market not in PAST_DOUBLES or any(int(trade_id or 0) > 2**53 for trade_id in ids)


@pytest.mark.parametrize("market", EXCHANGES)
def test_trades_have_every_field(market: str) -> None:
    """Sizes of OKX's derivatives are counted in contracts: null. Retired sockets gave no ids."""
    for frame, trade in said_by(market, Trade):
        contracts = {"size"} if trade.instrument is not EXCHANGES[market].instrument else set()
        no_id = {"trade_id"} if frame.is_retired else set()
        assert sent(trade) & TRADE == TRADE - contracts - no_id, str(frame)
        assert trade.gap_since is None


@pytest.mark.parametrize("market", EXCHANGES)
def test_tickers_have_the_fields_that_are_sent_and_no_others(market: str) -> None:
    found: set[str] = set()
    for frame, ticker in said_by(market, Ticker):
        if ticker.instrument is EXCHANGES[market].instrument and not frame.is_retired:
            found |= sent(ticker) & TICKER_FIELDS
    assert found == TICKER.get(market, frozenset())


@pytest.mark.parametrize("market", EXCHANGES)
def test_books_have_the_numbers_that_are_sent_and_no_others(market: str) -> None:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for frame, book in said_by(market, BookUpdate):
        if not frame.is_retired:
            found[book_kind(book, from_rest=frame.frame.url is not None)] |= sent(book) & BOOK_FIELDS
    assert found == BOOK[market]


@pytest.fixture(params=["UTC", "Asia/Seoul", "America/New_York"])
def _host_time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.usefixtures("_host_time_zone")
def test_no_frame_reads_otherwise_in_another_time_zone(market: str) -> None:
    """Every captured frame, against what it was first read as; exact times are written out in the exchanges' own tests."""
    for frame in frames_of(market):
        assert parse(frame.frame) == (frame.parsed, frame.refusal), str(frame)
