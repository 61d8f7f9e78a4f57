"""Whatever comes in, a parser gives records or `MalformedFrame`; and what a simulated frame says is what is read from it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.collect.exchange import Control, Frame
from src.collect.exchanges import EXCHANGES
from src.collect.exchanges.decoding import not_finite_numbers
from src.errors import MalformedFrame
from src.schema.records import Source, Ticker

DAY_FIELDS = {"price", "open", "high", "low", "prev_close", "volume_24h", "quote_volume_24h"}
BOOK_FIELDS = {"bid", "bid_size", "ask", "ask_size"}
SENT = {
    "upbit": DAY_FIELDS | {"acc_volume", "acc_since"},
    "bithumb": DAY_FIELDS | {"acc_volume", "acc_since"},
    "okx": (DAY_FIELDS | BOOK_FIELDS) - {"prev_close"},
    "bybit": DAY_FIELDS,
    "binance": DAY_FIELDS | BOOK_FIELDS,
    "kraken": DAY_FIELDS | BOOK_FIELDS,
}
MIDNIGHT_ZONES = {"upbit": ZoneInfo("UTC"), "bithumb": ZoneInfo("Asia/Seoul")}
OPEN_IS_PREV_CLOSE = {"bybit", "kraken"}
PRICE_KEYS = {"upbit": "trade_price", "bithumb": "trade_price", "okx": "last", "bybit": "lastPrice", "binance": "c", "kraken": "last"}

positive = st.decimals(min_value="0.00000001", max_value=1_000_000_000, places=8).map(float)
volumes = st.decimals(min_value=0, max_value=1_000_000_000_000, places=8).map(float)
event_times = st.integers(min_value=0, max_value=4_102_444_800_000)


def midnight(market: str, event_time: int) -> int:
    """Found by the calendar, where the parser finds it by arithmetic."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=event_time)
    start = moment.astimezone(MIDNIGHT_ZONES[market]).replace(hour=0, minute=0, second=0, microsecond=0)
    return (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@st.composite
def tickers(draw: st.DrawFn, market: str) -> Ticker:
    """A ticker with just the fields that the market's frames can say."""
    exchange = EXCHANGES[market]
    values: dict[str, Any] = {field: draw(st.none() | positive) for field in sorted(SENT[market] & (DAY_FIELDS | BOOK_FIELDS))}
    for field in sorted(SENT[market] & {"volume_24h", "quote_volume_24h", "bid_size", "ask_size"}):
        values[field] = draw(st.none() | volumes)
    if market in OPEN_IS_PREV_CLOSE:
        values["open"] = values["prev_close"]
    if market == "kraken":  # it sends a change of the price and a mean price of the volume: nothing where there is no price or volume
        if values["price"] is None:
            values["open"] = values["prev_close"] = None
        if not values["volume_24h"]:
            values["quote_volume_24h"] = values["volume_24h"]
    event_time = draw(event_times)
    if "acc_volume" in SENT[market] and (acc_volume := draw(st.none() | volumes)) is not None:
        values |= {"acc_volume": acc_volume, "acc_since": midnight(market, event_time)}
    return Ticker(
        region=exchange.region,
        market=market,
        symbol=draw(st.sampled_from(["BTC", "XRP", "1INCH", "T", "1000SATS"])),
        quote=draw(st.sampled_from(exchange.quotes)),
        source=Source.SIMULATED,
        event_time=event_time,
        received_time=event_time + 50,
        **values,
    )


def frame_of(ticker: Ticker) -> Frame:
    return Frame(ticker.market, ticker.source, ticker.received_time, EXCHANGES[ticker.market].simulate(ticker))


@pytest.mark.parametrize("market", EXCHANGES)
@given(data=st.data())
def test_a_simulated_frame_says_what_the_ticker_says(market: str, data: st.DataObject) -> None:
    ticker = data.draw(tickers(market))
    assert list(EXCHANGES[market].parse(frame_of(ticker))) == [ticker]


def full_ticker(market: str) -> Ticker:
    return Ticker(
        region=EXCHANGES[market].region,
        market=market,
        symbol="BTC",
        quote=EXCHANGES[market].quotes[0],
        source=Source.REPLAY,
        event_time=1_790_000_000_000,
        received_time=1_790_000_000_050,
        **dict.fromkeys(SENT[market] - {"acc_since"}, 2.5),
    )


def message_of(market: str) -> Any:
    return json.loads(EXCHANGES[market].simulate(full_ticker(market)))


def replayed(market: str, message: str | bytes) -> Frame:
    return Frame(market, Source.REPLAY, 1_790_000_000_050, message)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", "NaN", "-Infinity", "1e999", "KRW-BTC", 10**400, -1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def frames(draw: st.DrawFn, market: str) -> str | bytes:
    """Anything: noise, other JSON, the venue's own frame with a part replaced or cut off."""
    message = message_of(market)
    text = json.dumps(replaced(message, draw(st.sampled_from(list(places(message)))), draw(json_values)))
    cut = text[: draw(st.integers(0, len(text)))]
    lone_surrogates = st.text(st.characters(categories=["Cs", "L"]), max_size=20)
    return draw(st.sampled_from([text, text.encode(), cut, cut.encode()]) | st.text() | st.binary() | json_values.map(json.dumps) | lone_surrogates)


@pytest.mark.parametrize("market", EXCHANGES)
@given(data=st.data())
@settings(max_examples=200)
def test_no_frame_brings_out_anything_but_records_or_malformed(market: str, data: st.DataObject) -> None:
    message = data.draw(frames(market))
    not_finite_numbers(message)
    try:
        records = EXCHANGES[market].parse(replayed(market, message))
    except MalformedFrame:
        return
    assert all(isinstance(record, Ticker | Control) for record in records)
    assert len(json.loads(msgspec.json.encode(records))) == len(records)


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.parametrize(
    "message",
    ["", "null", "[]", "{}", "7", '"text"', "[" * 100_000, '{"data":' * 100_000, b"\xff\xfe", b"\x00", "x" * 10_000_000, '{"a":' + "9" * 5000 + "}"],
    ids=lambda message: repr(message[:10]),
)
def test_a_frame_without_sense_is_malformed(market: str, message: str | bytes) -> None:
    with pytest.raises(MalformedFrame):
        EXCHANGES[market].parse(replayed(market, message))


def with_price(market: str, price: str) -> str:
    """The venue's frame with this JSON text for the price."""
    key = PRICE_KEYS[market]
    message = message_of(market)
    (path,) = [path for path in places(message) if path and path[-1] == key]
    return json.dumps(replaced(message, path, "@")).replace('"@"', price)


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.parametrize("price", ['"NaN"', '"Infinity"', '"-Infinity"', "1e999", '"1e999"'])
def test_a_number_that_is_not_finite_is_null_and_counted(market: str, price: str) -> None:
    message = with_price(market, price)
    (ticker,) = EXCHANGES[market].parse(replayed(market, message))
    assert isinstance(ticker, Ticker)
    assert ticker.price is None
    assert ticker.high == 2.5
    assert not_finite_numbers(message) == not_finite_numbers(message.encode()) == 1


@pytest.mark.parametrize("market", EXCHANGES)
def test_finite_numbers_are_not_counted(market: str) -> None:
    assert not_finite_numbers(with_price(market, "1e100")) == 0
    assert not_finite_numbers('{"code":"KRW-INF","note":"nan is a word","hash":"9e999ab"}') == 0


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.parametrize("price", ["0", "-1", '"0"', '"-2.5"', "true", "[]", "{}", '"abc"', "NaN", '" 1x"'])
def test_a_price_that_no_spot_trade_has_is_malformed(market: str, price: str) -> None:
    with pytest.raises(MalformedFrame):
        EXCHANGES[market].parse(replayed(market, with_price(market, price)))


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.parametrize("price", ["null", '""'])
def test_an_empty_price_is_null(market: str, price: str) -> None:
    (ticker,) = EXCHANGES[market].parse(replayed(market, with_price(market, price)))
    assert isinstance(ticker, Ticker)
    assert ticker.price is None


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.parametrize("symbol", ["btc", "B C", "ＢＴＣ", "BTC'; DROP", "", "B" * 30, "🚀"])
def test_a_symbol_with_odd_characters_is_malformed(market: str, symbol: str) -> None:
    ticker = msgspec.structs.replace(full_ticker(market), symbol=symbol)
    with pytest.raises(MalformedFrame):
        EXCHANGES[market].parse(frame_of(ticker))


@pytest.fixture(params=["UTC", "Asia/Seoul", "America/New_York"])
def _host_time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("market", EXCHANGES)
@pytest.mark.usefixtures("_host_time_zone")
def test_times_do_not_depend_on_the_hosts_time_zone(market: str) -> None:
    (ticker,) = EXCHANGES[market].parse(frame_of(full_ticker(market)))
    assert isinstance(ticker, Ticker)
    assert ticker.event_time == 1_790_000_000_000  # 2026-09-21 14:13:20 UTC, 23:13:20 in Seoul
    expected = {"upbit": 1_789_948_800_000, "bithumb": 1_789_916_400_000}
    assert ticker.acc_since == expected.get(market)
