"""What every exchange says of itself keeps within what is documented or was measured of it."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import msgspec
import pytest

from src.collect.exchange import RateLimit
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Channel, Pair, TradeIds
from src.schema.records import RawMessage, Trade
from tests.collect.conformance.reading import frames_of
from tests.collect.conformance.said import incoming
from tests.collect.conformance.seeds import TIME, full_book, full_trade
from tests.collect.conformance.sent_fields import CHANGE

SOCKETS = {
    "binance": ("stream.binance.com:9443", "data-stream.binance.vision"),
    "binance_futures": ("fstream.binance.com",),
    "bithumb": ("ws-api.bithumb.com",),
    "bybit": ("stream.bybit.com",),
    "bybit_linear": ("stream.bybit.com",),
    "coinone": ("stream.coinone.co.kr",),
    "gateio": ("api.gateio.ws",),
    "korbit": ("ws-api.digitalx.miraeasset.com", "ws-api.korbit.co.kr"),
    "kraken": ("ws.kraken.com",),
    "okx": ("ws.okx.com:8443",),
    "upbit": ("api.upbit.com",),
}
"""Hosts, the first first."""

IDLE_SECONDS = {"bithumb": 60, "bybit": 600, "bybit_linear": 600, "coinone": 60, "gateio": 30, "kraken": 60, "okx": 30, "upbit": 60}
"""When a socket over which the client sends nothing is closed; the servers of the others ping, and the library answers."""

CONNECTS_A_MINUTE = {"binance": 60, "binance_futures": 60, "bithumb": 600, "bybit": 100, "bybit_linear": 100, "kraken": 15, "okx": 180, "upbit": 300}
"""Where a limit is known."""

FRAMES_A_SECOND = {"binance": 5, "binance_futures": 10, "upbit": 100 / 60, "bithumb": 100 / 60, "okx": 3}
"""The same of what a client sends on one connection."""

STREAMS = {"binance": 1024, "binance_futures": 1024}
"""Of one connection, all channels together."""

CHARACTERS = {"bybit": 21_000, "bybit_linear": 21_000, "okx": 65_536}
"""Of all arguments of one connection, all channels together."""


def many_pairs(market: str) -> list[Pair]:
    """As many as a connection takes, with names as long as the longest there are."""
    exchange = EXCHANGES[market]
    return [Pair(f"LONGCOIN{number:03d}", exchange.quotes[0]) for number in range(exchange.pairs_per_connection)]


def test_every_market_is_in_the_table() -> None:
    assert set(SOCKETS) == set(EXCHANGES)


@pytest.mark.parametrize("market", EXCHANGES)
def test_addresses_are_encrypted_and_of_the_documented_hosts(market: str) -> None:
    exchange = EXCHANGES[market]
    for channel, addresses in exchange.urls.items():
        parts = [urlsplit(address) for address in addresses]
        assert {part.scheme for part in parts} == {"wss"}, channel
        assert tuple(part.netloc for part in parts) == SOCKETS[market], channel
    assert exchange.rest_urls
    for address in exchange.rest_urls:
        assert urlsplit(address).scheme == "https"
        assert not address.endswith("/")
    assert (exchange.listings_path or "").startswith("/")


def test_the_two_sockets_of_binances_contracts() -> None:
    """Depth comes on one path and aggregate trades on the other; on the wrong one nothing ever comes."""
    assert EXCHANGES["binance_futures"].urls == {
        Channel.TRADE: ("wss://fstream.binance.com/market/stream",),
        Channel.ORDERBOOK: ("wss://fstream.binance.com/public/stream",),
    }


@pytest.mark.parametrize("market", EXCHANGES)
def test_a_quiet_socket_is_kept_open(market: str) -> None:
    keep_alive = EXCHANGES[market].keep_alive
    assert (keep_alive is not None) is (market in IDLE_SECONDS)
    if keep_alive is not None:
        assert 0 < keep_alive.every_seconds <= IDLE_SECONDS[market] * 2 / 3


@pytest.mark.parametrize(("market", "limit"), CONNECTS_A_MINUTE.items())
def test_connections_are_opened_within_the_limit(market: str, limit: float) -> None:
    assert per_second(EXCHANGES[market].connects) * 60 <= limit


@pytest.mark.parametrize(("market", "limit"), FRAMES_A_SECOND.items())
def test_requests_are_sent_within_the_limit(market: str, limit: float) -> None:
    requests = EXCHANGES[market].requests
    assert per_second(requests) <= limit
    assert requests.count <= limit * max(requests.seconds, 1)


def test_bybits_two_markets_share_the_limit_of_their_hosts() -> None:
    """500 connections in five minutes, 600 REST requests in five seconds."""
    pair = [EXCHANGES[market] for market in ("bybit", "bybit_linear")]
    assert sum(per_second(exchange.connects) for exchange in pair) <= 500 / 300
    assert sum(per_second(exchange.rest_requests) for exchange in pair) <= 600 / 5


def per_second(limit: RateLimit) -> float:
    assert limit.count > 0
    assert limit.seconds > 0
    return limit.count / limit.seconds


@pytest.mark.parametrize("market", EXCHANGES)
def test_a_full_connection_is_within_its_limits(market: str) -> None:
    exchange, pairs = EXCHANGES[market], many_pairs(market)
    requests = {channel: exchange.subscribe(channel, pairs) for channel in exchange.urls}
    assert len(pairs) * len(exchange.urls) <= STREAMS.get(market, 1_000_000)
    if market in CHARACTERS:
        asked = [json.dumps(json.loads(request)["args"], separators=(",", ":")) for of_channel in requests.values() for request in of_channel]
        assert sum(len(args) for args in asked) <= CHARACTERS[market]
    if market == "bybit":
        assert max(len(json.loads(request)["args"]) for of_channel in requests.values() for request in of_channel) <= 10


def test_binance_is_left_before_it_cuts() -> None:
    assert {market: exchange.connection_seconds for market, exchange in EXCHANGES.items() if exchange.connection_seconds is not None} == {
        "binance": 86_400,
        "binance_futures": 86_400,
    }


def test_the_pairs_that_give_a_dollar_rate() -> None:
    """Of every market whose first quote currency is neither the dollar nor a coin that is at par with it."""
    assert {market: exchange.rate_pair for market, exchange in EXCHANGES.items() if exchange.rate_pair is not None} == {
        **dict.fromkeys(("bithumb", "coinone", "korbit", "upbit"), Pair("USDT", "KRW")),
        "kraken": Pair("USDT", "USD"),
    }
    assert {exchange.quotes[0] for exchange in EXCHANGES.values() if exchange.rate_pair is None} == {"USDT"}


@pytest.mark.parametrize("market", EXCHANGES)
def test_captured_ids_are_what_the_market_promises_of_them(market: str) -> None:
    last: dict[tuple[str, ...], int] = {}
    seen: set[tuple[str, ...]] = set()
    promise = EXCHANGES[market].trade_ids
    for frame in frames_of(market):
        for trade in frame.data:
            if not isinstance(trade, Trade) or trade.trade_id is None or frame.received is None:
                continue
            pair = (trade.symbol, trade.quote, trade.instrument)
            assert (*pair, trade.trade_id) not in seen or trade.instrument is not EXCHANGES[market].instrument, str(frame)
            seen.add((*pair, trade.trade_id))
            if promise is not TradeIds.UNIQUE and trade.instrument is EXCHANGES[market].instrument:
                number = int(trade.trade_id)
                assert number > last.get(pair, 0), str(frame)
                assert promise is TradeIds.RISING or pair not in last or number == last[pair] + 1, str(frame)
                last[pair] = number


def test_the_topics_of_payloads_that_go_on_as_they_are() -> None:
    assert {market: exchange.raw_topics for market, exchange in EXCHANGES.items() if exchange.raw_topics} == {
        "binance_futures": {Channel.TRADE: "binance-aggtrade", Channel.ORDERBOOK: "binance-depth"}
    }


@pytest.mark.parametrize(
    ("said", "stream"),
    [(full_trade("binance_futures"), "btcusdt@aggTrade"), (full_book("binance_futures", CHANGE), "btcusdt@depth@100ms")],
    ids=["aggTrade", "depth"],
)
def test_a_payload_goes_on_as_it_came(said: Trade | BookUpdate, stream: str) -> None:
    exchange, frame = EXCHANGES["binance_futures"], incoming(said)
    data = json.loads(frame.message)["data"]
    raw = exchange.raw(frame)
    assert isinstance(raw, RawMessage)
    assert json.loads(bytes(raw.data)) == data
    assert msgspec.structs.asdict(raw) | {"data": None} == {
        "symbol": "BTCUSDT",
        "stream": stream,
        "data": None,
        "ts": TIME + 50,
        "market": "binance_futures",
        "source": frame.source,
        "gap_since": None,
    }


@pytest.mark.parametrize("market", EXCHANGES)
def test_only_markets_with_such_topics_have_payloads_to_pass_on(market: str) -> None:
    exchange = EXCHANGES[market]
    for frame in frames_of(market):
        if frame.data and frame.frame.url is None:
            assert (exchange.raw(frame.frame) is not None) is bool(exchange.raw_topics), str(frame)
