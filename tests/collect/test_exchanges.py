"""The exchanges there are, and what they say when they say no market data. What they promise of records is in `conformance/`."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from src.collect.exchange import Control, ControlKind, Parsed
from src.collect.exchanges import EXCHANGES, exchange
from src.errors import ConfigurationError
from src.schema.records import Instrument, Region, Ticker
from tests.captures import Captured, captures_folder, read_frames

MARKETS = ("binance", "binance_futures", "bithumb", "bybit", "bybit_linear", "coinone", "gateio", "korbit", "kraken", "okx", "upbit")


def parse_text(market: str, message: str) -> list[Parsed]:
    return list(EXCHANGES[market].parse(Captured(message).frame(market)))


def test_every_exchange_is_found_by_its_name() -> None:
    assert tuple(EXCHANGES) == MARKETS
    assert all(exchange(name).name == name for name in MARKETS)


def test_regions() -> None:
    regions = {region: {venue.name for venue in EXCHANGES.values() if venue.region is region} for region in Region}
    assert regions == {
        Region.KOREA: {"upbit", "bithumb", "korbit", "coinone"},
        Region.ASIA: {"okx", "bybit", "bybit_linear", "gateio"},
        Region.NORTH_AMERICA_EUROPE: {"binance", "binance_futures", "kraken"},
    }


def test_an_unknown_exchange_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigurationError, match=r"'binace'.*did you mean binance\?.*upbit"):
        exchange("binace")


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


BINANCE_REFUSAL = ('{"error":{"code":2,"msg":"Invalid request"},"id":1}', "2: Invalid request")
BYBIT_REFUSAL = ('{"success":false,"ret_msg":"Invalid topic: x","op":"subscribe"}', "Invalid topic: x")
REFUSALS = {
    "upbit": ('{"error":{"name":"NO_TICKET","message":"no ticket"}}', "NO_TICKET: no ticket"),
    "bithumb": ('{"error":{"name":"INVALID_PARAM","message":"nope"}}', "INVALID_PARAM: nope"),
    "korbit": ('{"status":"fail","code":"INVALID_SYMBOL","message":"no such symbol","requestId":1}', "INVALID_SYMBOL: no such symbol"),
    "coinone": ('{"response_type":"ERROR","error_code":160012,"message":"Invalid Topic"}', "160012: Invalid Topic"),
    "okx": ('{"event":"error","code":"60018","msg":"Wrong URL or channel"}', "60018: Wrong URL or channel"),
    "bybit": BYBIT_REFUSAL,
    "bybit_linear": BYBIT_REFUSAL,
    "gateio": ('{"channel":"spot.tickers","event":"subscribe","error":{"code":2,"message":"unknown pair: X_Y"}}', "2: unknown pair: X_Y"),
    "binance": BINANCE_REFUSAL,
    "binance_futures": BINANCE_REFUSAL,
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
        ("korbit", '{"status":"success","requestId":1}', ControlKind.ACKNOWLEDGED),
        ("coinone", '{"response_type":"PONG"}', ControlKind.HEARTBEAT),
        ("coinone", '{"response_type":"CONNECTED","data":{"session_id":"s"}}', ControlKind.ACKNOWLEDGED),
        ("okx", "pong", ControlKind.HEARTBEAT),
        ("okx", '{"event":"subscribe","arg":{"channel":"tickers","instId":"BTC-USDT"}}', ControlKind.ACKNOWLEDGED),
        ("okx", '{"event":"notice","code":"64008","msg":"The connection will soon be closed"}', ControlKind.CLOSING),
        ("bybit", '{"success":true,"ret_msg":"pong","conn_id":"c","op":"ping"}', ControlKind.HEARTBEAT),
        ("bybit", '{"success":true,"ret_msg":"subscribe","conn_id":"c","op":"subscribe"}', ControlKind.ACKNOWLEDGED),
        ("bybit_linear", '{"success":true,"ret_msg":"","conn_id":"c","req_id":"1","op":"subscribe"}', ControlKind.ACKNOWLEDGED),
        ("gateio", '{"time":1,"channel":"spot.pong","event":"","error":null,"result":null}', ControlKind.HEARTBEAT),
        ("gateio", '{"type":"upgrade","msg":"The connection will soon be closed"}', ControlKind.CLOSING),
        ("binance", '{"result":null,"id":1}', ControlKind.ACKNOWLEDGED),
        ("binance", '{"e":"serverShutdown","E":1770123456789}', ControlKind.CLOSING),
        ("binance_futures", '{"result":null,"id":1}', ControlKind.ACKNOWLEDGED),
        ("kraken", '{"channel":"heartbeat"}', ControlKind.HEARTBEAT),
        ("kraken", '{"method":"pong","req_id":42}', ControlKind.HEARTBEAT),
        ("kraken", '{"channel":"status","type":"update","data":[{"system":"maintenance"}]}', ControlKind.NOTICE),
    ],
)
def test_control_frames_are_told_apart(market: str, message: str, kind: ControlKind) -> None:
    (control,) = parse_text(market, message)
    assert isinstance(control, Control)
    assert control.kind is kind


def test_nanoseconds_are_cut_to_milliseconds() -> None:
    (ticker,) = parse_text("kraken", '{"channel":"ticker","data":[{"symbol":"BTC/USD","timestamp":"2026-01-02T03:04:05.678999Z"}]}')
    assert isinstance(ticker, Ticker)
    assert datetime.fromtimestamp(ticker.event_time / 1000, UTC).isoformat(timespec="milliseconds") == "2026-01-02T03:04:05.678+00:00"
