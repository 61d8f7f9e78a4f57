"""Whatever comes in, by socket or by REST, a parser gives records that keep their promises, or `MalformedFrame`; and nothing else."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.collect.exchange import Parsed
from src.collect.exchanges import EXCHANGES
from src.collect.exchanges.decoding import not_finite_numbers
from src.collect.exchanges.fields import END_OF_TIME
from src.collect.parsed import BookUpdate, Control, Frame, Listing, TickerChange
from src.errors import MalformedFrame
from src.schema.records import RawMessage, Source, Ticker, Trade
from tests.collect.conformance.mutations import anything, broken_once, places, with_text
from tests.collect.conformance.said import incoming
from tests.collect.conformance.seeds import TIME, full_book, full_ticker, full_trade, seeds
from tests.collect.conformance.sent_fields import BOOK, REST, TICKER

PRICE_KEYS = {
    "binance": "c",
    "bithumb": "trade_price",
    "bybit": "lastPrice",
    "bybit_linear": "lastPrice",
    "coinone": "last",
    "gateio": "last",
    "korbit": "close",
    "kraken": "last",
    "okx": "last",
    "upbit": "trade_price",
}


def repr_of(message: str | bytes) -> str:
    return repr(message[:10])


def assert_sound(market: str, frame: Frame) -> bool:
    """Whether the frame was read; if so, what came out can be sent, and read again by those who check."""
    not_finite_numbers(frame.message)
    try:
        said = EXCHANGES[market].parse(frame)
    except MalformedFrame:
        return False
    for one in said:
        assert_record(one, frame)
    if EXCHANGES[market].raw_topics and frame.url is None:
        raw = EXCHANGES[market].raw(frame)
        assert raw is None or msgspec.json.decode(msgspec.json.encode(raw), type=RawMessage)
    return True


def assert_record(said: Parsed, frame: Frame) -> None:
    match said:
        case Ticker() | Trade():
            assert msgspec.json.decode(msgspec.json.encode(said), type=type(said)) == said, frame
            assert 0 <= said.event_time < END_OF_TIME, frame
        case TickerChange():
            assert_record(said.ticker, frame)
        case BookUpdate():
            assert said.event_time is None or 0 <= said.event_time < END_OF_TIME, frame
            assert 0 < len(said.symbol) <= 64 >= len(said.quote) > 0, frame
            assert all(math.isfinite(number) and number >= 0 for level in (*said.bids, *said.asks) for number in level[:2]), frame
        case Listing() | Control():
            assert msgspec.json.encode(said)
        case _:
            raise AssertionError(type(said))


@pytest.mark.parametrize("market", EXCHANGES)
def test_a_frame_broken_in_any_one_place_is_read_or_refused(market: str) -> None:
    """Every place of every shape, with every odd value."""
    outcomes = {True: 0, False: 0}
    for frame in seeds(market):
        for message in broken_once(frame):
            outcomes[assert_sound(market, msgspec.structs.replace(frame, message=message))] += 1
    assert min(outcomes.values()) > 500


@pytest.mark.parametrize("market", EXCHANGES)
def test_the_unbroken_frames_are_read(market: str) -> None:
    """So that what is broken above was whole."""
    assert len(seeds(market)) >= 8
    assert {frame.url is None for frame in seeds(market)} == {True, False}
    for frame in seeds(market):
        assert assert_sound(market, frame), frame


@pytest.mark.parametrize("market", EXCHANGES)
def test_a_reason_holds_nothing_of_the_frame(market: str) -> None:
    """So that refusals can be counted by their reasons."""
    reasons = set()
    for frame in seeds(market):
        message = json.loads(frame.message)
        for path in places(message):
            for text in ('"XYZZY"', '{"XYZZY":"XYZZY"}', '["XYZZY"]', "271828182845"):
                try:
                    EXCHANGES[market].parse(msgspec.structs.replace(frame, message=with_text(message, path, text)))
                except MalformedFrame as refused:
                    reasons.add(refused.reason)
    assert len(reasons) > 3
    assert [reason for reason in reasons if "XYZZY" in reason.upper() or "271828" in reason] == []


@pytest.mark.parametrize("market", EXCHANGES)
@given(data=st.data())
@settings(max_examples=50)
def test_no_frame_brings_out_anything_but_records_or_malformed(market: str, data: st.DataObject) -> None:
    assert_sound(market, data.draw(anything(seeds(market))))


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.parametrize(
    "message",
    ["", "null", "[]", "{}", "7", '"text"', "[" * 100_000, '{"data":' * 100_000, b"\xff\xfe", b"\x00", "x" * 10_000_000, '{"a":' + "9" * 5000 + "}"],
    ids=repr_of,
)
def test_a_frame_without_sense_is_malformed(market: str, message: str | bytes) -> None:
    with pytest.raises(MalformedFrame):
        EXCHANGES[market].parse(Frame(market, Source.REPLAY, TIME, message))


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.parametrize("message", ["", "null", "7", '"text"', "[" * 100_000, '{"data":' * 100_000, b"\xff\xfe", "<html>"], ids=repr_of)
def test_an_answer_without_sense_is_malformed_or_a_refusal(market: str, message: str | bytes) -> None:
    """What a proxy or a failing server says; never a record."""
    for frame in seeds(market):
        if frame.url is not None:
            try:
                said = EXCHANGES[market].parse(msgspec.structs.replace(frame, message=message))
            except MalformedFrame:
                continue
            assert all(isinstance(one, Control) for one in said)


@pytest.mark.parametrize("market", EXCHANGES)
def test_the_answer_to_a_request_that_nobody_makes_is_no_record(market: str) -> None:
    for frame in seeds(market):
        if frame.url is not None:
            try:
                said = EXCHANGES[market].parse(msgspec.structs.replace(frame, url="https://example.org/unknown"))
            except MalformedFrame:
                continue
            assert all(isinstance(one, Control) for one in said)


@pytest.mark.parametrize("market", EXCHANGES)
def test_a_level_that_no_book_has_is_malformed(market: str) -> None:
    """The price of the one bid of 2.5, in a message of every kind that the market has."""
    taken = []
    for kind in BOOK[market]:
        if kind == REST and not EXCHANGES[market].book_rule.rest_snapshot:
            continue
        frame = incoming(full_book(market, kind))
        text = frame.message if isinstance(frame.message, str) else frame.message.decode()
        assert text.count("2.5") >= 3
        for odd in ("-2.5", "NaN", "Infinity", "-Infinity", "1e999", "2_5", "x"):
            try:
                said = EXCHANGES[market].parse(msgspec.structs.replace(frame, message=text.replace("2.5", odd)))
            except MalformedFrame:
                continue
            taken.append((kind, odd, said))
    assert taken == []


def with_price(market: str, price: str) -> str:
    """The market's ticker with this JSON text for the price."""
    message = json.loads(incoming(full_ticker(market)).message)
    (path,) = [path for path in places(message) if path and path[-1] == PRICE_KEYS[market]]
    return with_text(message, path, price)


def parse_ticker(market: str, message: str) -> Ticker:
    (said,) = EXCHANGES[market].parse(Frame(market, Source.REPLAY, TIME, message))
    ticker = said.ticker if isinstance(said, TickerChange) else said
    assert isinstance(ticker, Ticker)
    return ticker


@pytest.mark.parametrize("market", TICKER)
@pytest.mark.parametrize("price", ['"NaN"', '"Infinity"', '"-Infinity"', "1e999", '"1e999"'])
def test_a_number_that_is_not_finite_is_null_and_counted(market: str, price: str) -> None:
    message = with_price(market, price)
    ticker = parse_ticker(market, message)
    assert (ticker.price, ticker.high) == (None, 2.5)
    assert not_finite_numbers(message) == not_finite_numbers(message.encode()) == 1


@pytest.mark.parametrize("market", TICKER)
def test_finite_numbers_are_not_counted(market: str) -> None:
    assert not_finite_numbers(with_price(market, "1e100")) == 0
    assert not_finite_numbers('{"code":"KRW-INF","note":"nan is a word","hash":"9e999ab"}') == 0


@pytest.mark.parametrize("market", TICKER)
@pytest.mark.parametrize("price", ["0", "-1", '"0"', '"-2.5"', "true", "[]", "{}", '"abc"', "NaN", '" 1x"'])
def test_a_price_that_no_trade_has_is_malformed(market: str, price: str) -> None:
    with pytest.raises(MalformedFrame):
        parse_ticker(market, with_price(market, price))


@pytest.mark.parametrize("market", TICKER)
@pytest.mark.parametrize("price", ["null", '""'])
def test_an_empty_price_is_null(market: str, price: str) -> None:
    assert parse_ticker(market, with_price(market, price)).price is None


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.parametrize("symbol", ["bİc", "B C", "ＢＴＣ", "BTC'; DROP", "", "B" * 30, "🚀"])
def test_a_symbol_with_odd_characters_is_malformed(market: str, symbol: str) -> None:
    with pytest.raises(MalformedFrame):
        EXCHANGES[market].parse(incoming(msgspec.structs.replace(full_trade(market), symbol=symbol)))


@pytest.mark.parametrize("market", sorted(set(EXCHANGES) - {"korbit"}))
def test_a_symbol_in_lower_case_is_malformed(market: str) -> None:
    """Korbit's names are lower case on the wire."""
    with pytest.raises(MalformedFrame):
        EXCHANGES[market].parse(incoming(msgspec.structs.replace(full_trade(market), symbol="btc")))
