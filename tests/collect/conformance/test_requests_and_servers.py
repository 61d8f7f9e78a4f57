"""What every exchange is asked, in its documented words; and what its server makes of it, for every channel and any number of pairs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from src.collect.exchange import Exchange
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Channel, Control, ControlKind, Frame, Pair
from src.schema.records import Source
from tests.captures import captured, captures_folder, read_frames
from tests.collect.dialects.dialect import Answer, Dialect
from tests.collect.dialects.found import dialects

TICKER, TRADE, ORDERBOOK = Channel
TICKET = "00000000-0000-4000-8000-000000000000"
NOW = 1_790_000_000
MARKET_CHANNELS = [(market, channel) for market, exchange in EXCHANGES.items() for channel in exchange.urls]


def upbit(kind: str, *codes: str) -> list[dict[str, Any]]:
    return [{"ticket": TICKET}, {"type": kind, "codes": list(codes)}, {"format": "DEFAULT"}]


def kraken(channel: str, **more: object) -> dict[str, Any]:
    return {"method": "subscribe", "params": {"channel": channel, "symbol": ["BTC/USD", "ETH/USD"], **more}, "req_id": 1}


def coinone(channel: str) -> list[dict[str, Any]]:
    topics = [{"quote_currency": "KRW", "target_currency": coin} for coin in ("BTC", "ETH")]
    return [{"request_type": "SUBSCRIBE", "channel": channel, "topic": topic} for topic in topics]


# Section 2 of the protocol reference, for BTC and ETH in each market's first quote currency.
DOCUMENTED: dict[str, dict[Channel, list[Any]]] = {
    "binance": {
        TICKER: [{"method": "SUBSCRIBE", "params": ["btcusdt@ticker", "ethusdt@ticker"], "id": 1}],
        TRADE: [{"method": "SUBSCRIBE", "params": ["btcusdt@aggTrade", "ethusdt@aggTrade"], "id": 1}],
        ORDERBOOK: [{"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms", "ethusdt@depth@100ms"], "id": 1}],
    },
    "binance_futures": {
        TRADE: [{"method": "SUBSCRIBE", "params": ["btcusdt@aggTrade", "ethusdt@aggTrade"], "id": 1}],
        ORDERBOOK: [{"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms", "ethusdt@depth@100ms"], "id": 1}],
    },
    "bithumb": {channel: [upbit(channel.value, "KRW-BTC", "KRW-ETH")] for channel in Channel},
    "bybit": {
        TICKER: [{"req_id": "1", "op": "subscribe", "args": ["tickers.BTCUSDT", "tickers.ETHUSDT"]}],
        TRADE: [{"req_id": "1", "op": "subscribe", "args": ["publicTrade.BTCUSDT", "publicTrade.ETHUSDT"]}],
        ORDERBOOK: [{"req_id": "1", "op": "subscribe", "args": ["orderbook.50.BTCUSDT", "orderbook.50.ETHUSDT"]}],
    },
    "bybit_linear": {
        TICKER: [{"req_id": "1", "op": "subscribe", "args": ["tickers.BTCUSDT", "tickers.ETHUSDT"]}],
        TRADE: [{"req_id": "1", "op": "subscribe", "args": ["publicTrade.BTCUSDT", "publicTrade.ETHUSDT"]}],
        ORDERBOOK: [{"req_id": "1", "op": "subscribe", "args": ["orderbook.50.BTCUSDT", "orderbook.50.ETHUSDT"]}],
    },
    "coinone": {TICKER: coinone("TICKER"), TRADE: coinone("TRADE"), ORDERBOOK: coinone("ORDERBOOK")},
    "gateio": {
        TICKER: [{"time": NOW, "channel": "spot.tickers", "event": "subscribe", "payload": ["BTC_USDT", "ETH_USDT"]}],
        TRADE: [{"time": NOW, "channel": "spot.trades", "event": "subscribe", "payload": ["BTC_USDT", "ETH_USDT"]}],
        ORDERBOOK: [{"time": NOW, "channel": "spot.obu", "event": "subscribe", "payload": ["ob.BTC_USDT.50", "ob.ETH_USDT.50"]}],
    },
    "korbit": {channel: [[{"requestId": 1, "method": "subscribe", "type": channel.value, "symbols": ["btc_krw", "eth_krw"]}]] for channel in Channel},
    "kraken": {
        TICKER: [kraken("ticker", event_trigger="bbo", snapshot=True)],
        TRADE: [kraken("trade", snapshot=False)],
        ORDERBOOK: [kraken("book", depth=25, snapshot=True)],
    },
    "okx": {
        channel: [{"op": "subscribe", "args": [{"channel": name, "instId": "BTC-USDT"}, {"channel": name, "instId": "ETH-USDT"}]}]
        for channel, name in ((TICKER, "tickers"), (TRADE, "trades"), (ORDERBOOK, "books"))
    },
    "upbit": {channel: [upbit(channel.value, "KRW-BTC", "KRW-ETH")] for channel in Channel},
}


def plain(request: Any) -> Any:
    """The request with the parts of it that are new each time as the table has them."""
    if isinstance(request, list) and isinstance(request[0], dict) and "ticket" in request[0]:
        return [{"ticket": TICKET}, *request[1:]]
    return request | {"time": NOW} if isinstance(request, dict) and "time" in request else request


def pairs_of(exchange: Exchange, count: int = 2) -> list[Pair]:
    coins = ["BTC", "ETH", *(f"C{number}" for number in range(count - 2))]
    return [Pair(coin, exchange.quotes[0]) for coin in coins]


def answered(dialect: Dialect, requests: list[str]) -> tuple[set[tuple[Channel, Pair]], list[Answer]]:
    """What a socket is subscribed to after these requests, and each answer."""
    subscribed: set[tuple[Channel, Pair]] = set()
    answers = []
    for request in requests:
        answer = dialect.answer(request)
        assert not answer.closes
        subscribed = (set() if answer.replaces else subscribed) - set(answer.unsubscribed) | set(answer.subscribed)
        answers.append(answer)
    return subscribed, answers


def controls(market: str, answers: list[Answer]) -> list[Control]:
    """The replies, as the parser reads them."""
    replies = [reply for answer in answers for reply in answer.replies]
    said = [one for reply in replies for one in EXCHANGES[market].parse(Frame(market, Source.LIVE, 0, reply))]
    assert all(isinstance(one, Control) for one in said)
    return [one for one in said if isinstance(one, Control)]


def test_every_exchange_has_a_server_and_a_documented_request() -> None:
    assert set(dialects()) == set(EXCHANGES) == set(DOCUMENTED)


@pytest.mark.parametrize(("market", "channel"), MARKET_CHANNELS)
def test_requests_are_those_of_the_documentation(market: str, channel: Channel) -> None:
    exchange = EXCHANGES[market]
    requests = [json.loads(message) for message in exchange.subscribe(channel, pairs_of(exchange))]
    assert [plain(request) for request in requests] == DOCUMENTED[market][channel]
    assert all(abs(request["time"] - time.time()) < 60 for request in requests if "time" in request)


@pytest.mark.parametrize("market", EXCHANGES)
def test_the_hosts_are_those_that_captured_and_documented_clients_used(market: str) -> None:
    """Kraken's and Bithumb's captured clients were on sockets that are retired now, Binance's futures on the unrouted path."""
    used = {line.url for file in (captures_folder() / market).glob("requests*.jsonl") for line in read_frames(file)}
    ours = {url for urls in EXCHANGES[market].urls.values() for url in urls}
    assert any(str(url).startswith(address) for url in used for address in ours)


def test_bybit_is_asked_what_its_captured_client_asked() -> None:
    """`bybit/requests.jsonl`, line 2: two tickers."""
    sent = json.loads(captured("bybit", "requests.jsonl", 1).message or "")
    assert DOCUMENTED["bybit"][TICKER] == [{"req_id": "1", **sent}]


@pytest.mark.parametrize(("market", "channel"), MARKET_CHANNELS)
@pytest.mark.parametrize("count", [2, 3, 47])
def test_a_server_understands_every_pair_that_is_asked_for(market: str, channel: Channel, count: int) -> None:
    exchange = EXCHANGES[market]
    pairs = pairs_of(exchange, count)
    subscribed, answers = answered(dialects()[market], list(exchange.subscribe(channel, pairs)))
    assert subscribed == {(channel, pair) for pair in pairs}
    assert {control.kind for control in controls(market, answers)} == (set() if market in ("upbit", "bithumb") else {ControlKind.ACKNOWLEDGED})


@pytest.mark.parametrize(("market", "channel"), MARKET_CHANNELS)
def test_a_renewed_pair_is_begun_anew_and_no_other_is_lost(market: str, channel: Channel) -> None:
    """Only where a request replaces the one before are the others asked for again."""
    exchange, dialect = EXCHANGES[market], dialects()[market]
    pairs = pairs_of(exchange, 5)
    requests, renewal = list(exchange.subscribe(channel, pairs)), list(exchange.renew(channel, pairs[1], pairs))
    subscribed, answers = answered(dialect, [*requests, *renewal])
    assert subscribed == {(channel, pair) for pair in pairs}
    begun = [topic for answer in answers[len(requests) :] for topic in answer.subscribed]
    if market in ("upbit", "bithumb"):
        assert begun == [(channel, pair) for pair in pairs]
        assert answers[-1].replaces
    else:
        assert begun == [(channel, pairs[1])]
        assert [topic for answer in answers[len(requests) :] for topic in answer.unsubscribed] == begun
    assert all(control.kind is ControlKind.ACKNOWLEDGED for control in controls(market, answers))


@pytest.mark.parametrize(("market", "channel"), MARKET_CHANNELS)
def test_nothing_is_asked_for_when_there_is_nothing_to_ask(market: str, channel: Channel) -> None:
    assert not EXCHANGES[market].subscribe(channel, [])


@pytest.mark.parametrize("market", EXCHANGES)
def test_greetings_are_known(market: str) -> None:
    kinds = {control.kind for control in controls(market, [Answer(dialects()[market].greeting())])}
    assert kinds <= {ControlKind.ACKNOWLEDGED, ControlKind.NOTICE}


@pytest.mark.parametrize("market", EXCHANGES)
def test_keep_alive_messages_are_answered(market: str) -> None:
    keep_alive = EXCHANGES[market].keep_alive
    if keep_alive is None or keep_alive.message is None:
        return  # the websocket library's pings and pongs
    assert [control.kind for control in controls(market, [dialects()[market].answer(keep_alive.message)])] == [ControlKind.HEARTBEAT]
