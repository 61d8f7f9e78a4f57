"""Every captured frame is read as what it is: a ticker, a known control frame, or refused."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from src.collect.exchange import Control, ControlKind, Frame, Pair
from src.collect.exchanges import EXCHANGES, exchange
from src.errors import ConfigurationError, MalformedFrame
from src.schema.records import Instrument, Region, Source, Ticker
from tests.captures import Captured, captured, captures_folder, read_frames

MARKETS = ("binance", "bithumb", "bybit", "kraken", "okx", "upbit")
RETIRED = {
    "kraken/ticker.v1.jsonl": "Kraken's v1 socket",
    "kraken/control.v1.jsonl": "Kraken's v1 socket",
    "bithumb/control.legacy.jsonl": "Bithumb's pubwss socket",
}
"""Captures of sockets that nothing subscribes to any more: every frame must be refused, not misread."""


def parse_text(market: str, message: str) -> list[Ticker | Control]:
    return list(EXCHANGES[market].parse(Captured(message).frame(market)))


def test_every_exchange_is_found_by_its_name() -> None:
    assert tuple(EXCHANGES) == MARKETS
    assert all(exchange(name).name == name for name in MARKETS)


def test_regions_and_rate_pairs() -> None:
    assert {venue.name for venue in EXCHANGES.values() if venue.region is Region.KOREA} == {"upbit", "bithumb"}
    assert {name: venue.rate_pair for name, venue in EXCHANGES.items() if venue.rate_pair} == {
        "upbit": Pair("USDT", "KRW"),
        "bithumb": Pair("USDT", "KRW"),
        "kraken": Pair("USDT", "USD"),
    }


def test_an_unknown_exchange_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigurationError, match=r"'binace'.*did you mean binance\?.*upbit"):
        exchange("binace")


@pytest.mark.parametrize("market", MARKETS)
def test_every_captured_ticker_frame_is_a_ticker(market: str) -> None:
    files = [path for path in (captures_folder() / market).glob("ticker*.jsonl") if f"{market}/{path.name}" not in RETIRED]
    assert files
    for path in files:
        for line in read_frames(path):
            if market == "bithumb" and line.message is not None and line.message.startswith('{"ty":'):
                continue  # the SIMPLE format: see test_bithumbs_simple_format_is_refused
            (ticker,) = EXCHANGES[market].parse(line.frame(market))
            assert isinstance(ticker, Ticker)
            assert ticker.market == market
            assert ticker.source is Source.REPLAY
            assert ticker.price is None or ticker.price > 0


@pytest.mark.parametrize("market", MARKETS)
def test_every_captured_control_frame_is_a_known_control_frame(market: str) -> None:
    files = [path for path in (captures_folder() / market).glob("control*.jsonl") if f"{market}/{path.name}" not in RETIRED]
    assert files
    for path in files:
        for line in read_frames(path):
            (control,) = EXCHANGES[market].parse(line.frame(market))
            assert isinstance(control, Control)
            assert control.text


@pytest.mark.parametrize("file", RETIRED)
def test_frames_of_retired_sockets_are_refused(file: str) -> None:
    market = file.partition("/")[0]
    for line in read_frames(captures_folder() / file):
        with pytest.raises(MalformedFrame):
            EXCHANGES[market].parse(line.frame(market))


def test_bithumbs_simple_format_is_refused() -> None:
    """Its short keys (`ty`, `cd`) are in the documentation, but DEFAULT is what is subscribed to."""
    simple = [line for line in read_frames(captures_folder() / "bithumb/ticker.doc.jsonl") if line.message and '"ty":' in line.message]
    assert len(simple) == 2
    for line in simple:
        with pytest.raises(MalformedFrame, match="neither a ticker"):
            EXCHANGES["bithumb"].parse(line.frame("bithumb"))


def test_okx_instruments_are_told_apart() -> None:
    """Captured 2021-07-22: 47 tickers of spot pairs, swaps, futures and options."""
    tickers = [EXCHANGES["okx"].parse(line.frame("okx"))[0] for line in read_frames(captures_folder() / "okx/ticker.jsonl")]
    assert all(isinstance(ticker, Ticker) for ticker in tickers)
    assert Counter(ticker.instrument for ticker in tickers if isinstance(ticker, Ticker)) == {
        Instrument.SPOT: 32,
        Instrument.PERPETUAL: 7,
        Instrument.FUTURE: 3,
        Instrument.OPTION: 5,
    }
    named = {(t.symbol, t.quote, t.instrument) for t in tickers if isinstance(t, Ticker) and t.instrument is not Instrument.SPOT}
    assert named == {
        ("XMR", "USDT", Instrument.PERPETUAL),
        ("TRX", "USDT", Instrument.FUTURE),
        ("BTC", "USD", Instrument.OPTION),
        ("ETH", "USD", Instrument.OPTION),
    }
    option = next(t for t in tickers if isinstance(t, Ticker) and t.instrument is Instrument.OPTION and t.symbol == "BTC")
    assert option.price == 0.0065
    assert option.volume_24h == 0.2  # base coin, not the 2 contracts of vol24h
    assert (option.quote_volume_24h, option.bid_size, option.ask_size) == (None, None, None)


def test_tickers_of_derivatives_are_not_taken_for_spot() -> None:
    """Bybit's linear and Binance's futures sockets send frames of the same shape."""
    for market, file in (
        ("bybit", "bybit_linear/ticker.jsonl"),
        ("bybit", "bybit_linear/ticker.doc.jsonl"),
        ("binance", "binance_futures/ticker.doc.jsonl"),
    ):
        for line in read_frames(captures_folder() / file):
            with pytest.raises(MalformedFrame):
                EXCHANGES[market].parse(line.frame(market))


REFUSALS = {
    "upbit": ('{"error":{"name":"NO_TICKET","message":"no ticket"}}', "NO_TICKET: no ticket"),
    "bithumb": ('{"error":{"name":"INVALID_PARAM","message":"nope"}}', "INVALID_PARAM: nope"),
    "okx": ('{"event":"error","code":"60018","msg":"Wrong URL or channel"}', "60018: Wrong URL or channel"),
    "bybit": ('{"success":false,"ret_msg":"Invalid topic: x","op":"subscribe"}', "Invalid topic: x"),
    "binance": ('{"error":{"code":2,"msg":"Invalid request"},"id":1}', "2: Invalid request"),
    "kraken": ('{"error":"Currency pair not supported XBT/USD","method":"subscribe","success":false}', "Currency pair not supported XBT/USD"),
}


@pytest.mark.parametrize("market", MARKETS)
def test_a_refusal_carries_the_exchanges_own_words(market: str) -> None:
    message, words = REFUSALS[market]
    assert parse_text(market, message) == [Control(ControlKind.REFUSED, words)]


@pytest.mark.parametrize(
    ("market", "message", "kind"),
    [
        ("upbit", '{"status":"UP"}', ControlKind.HEARTBEAT),
        ("bithumb", '{"status":"UP"}', ControlKind.HEARTBEAT),
        ("okx", "pong", ControlKind.HEARTBEAT),
        ("okx", '{"event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USDT"}}', ControlKind.ACKNOWLEDGED),
        ("okx", '{"event":"notice","code":"64008","msg":"The connection will soon be closed"}', ControlKind.NOTICE),
        ("bybit", '{"success":true,"ret_msg":"pong","conn_id":"c","op":"ping"}', ControlKind.HEARTBEAT),
        ("bybit", '{"success":true,"ret_msg":"subscribe","conn_id":"c","op":"subscribe"}', ControlKind.ACKNOWLEDGED),
        ("binance", '{"result":null,"id":1}', ControlKind.ACKNOWLEDGED),
        ("binance", '{"e":"serverShutdown","E":1770123456789}', ControlKind.NOTICE),
        ("kraken", '{"channel":"heartbeat"}', ControlKind.HEARTBEAT),
        ("kraken", '{"method":"pong","req_id":42}', ControlKind.HEARTBEAT),
        ("kraken", '{"channel":"status","type":"update","data":[{"system":"maintenance"}]}', ControlKind.NOTICE),
    ],
)
def test_control_frames_are_told_apart(market: str, message: str, kind: ControlKind) -> None:
    (control,) = parse_text(market, message)
    assert isinstance(control, Control)
    assert control.kind is kind


def test_text_and_binary_frames_are_read_alike() -> None:
    line = captured("upbit", "ticker.doc.jsonl")
    assert line.message is not None
    binary = line.frame("upbit")
    assert EXCHANGES["upbit"].parse(Frame("upbit", binary.source, binary.received_time, line.message)) == EXCHANGES["upbit"].parse(binary)


def test_nanoseconds_are_cut_to_milliseconds() -> None:
    (ticker,) = parse_text("kraken", '{"channel":"ticker","data":[{"symbol":"BTC/USD","timestamp":"2026-01-02T03:04:05.678999Z"}]}')
    assert isinstance(ticker, Ticker)
    assert datetime.fromtimestamp(ticker.event_time / 1000, UTC).isoformat(timespec="milliseconds") == "2026-01-02T03:04:05.678+00:00"
