"""What is sent when a socket opens, against what the exchanges document and what a captured client sent."""

from __future__ import annotations

import json

import pytest

from src.collect.exchange import Channel, Pair
from src.collect.exchanges import EXCHANGES
from tests.captures import captured


def subscribed(market: str, *pairs: Pair) -> list[object]:
    return [json.loads(message) for message in EXCHANGES[market].subscribe(Channel.TICKER, pairs)]


BTC_USDT = Pair("BTC", "USDT")


@pytest.mark.parametrize("market", ["upbit", "bithumb"])
def test_korean_subscriptions_are_one_request_for_everything(market: str) -> None:
    (request,) = subscribed(market, Pair("BTC", "KRW"), Pair("USDT", "KRW"))
    documented = captured(market, "requests.doc.jsonl")
    assert documented.message is not None
    ticket, ticker, *_, form = json.loads(documented.message)
    assert isinstance(request, list)
    assert request[0].keys() == ticket.keys()
    assert request[1:] == [ticker, form]
    assert documented.url in EXCHANGES[market].urls[Channel.TICKER]


def test_okx_subscription() -> None:
    documented = captured("okx", "requests.doc.jsonl")
    assert documented.message is not None
    assert subscribed("okx", BTC_USDT) == [{"op": "subscribe", "args": json.loads(documented.message)["args"][:1]}]
    assert documented.url in EXCHANGES["okx"].urls[Channel.TICKER]


def test_bybit_subscription_is_what_the_captured_client_sent() -> None:
    sent = captured("bybit", "requests.jsonl", 1)
    assert sent.message is not None
    assert subscribed("bybit", BTC_USDT, Pair("ETH", "USDT")) == [{"req_id": "1", **json.loads(sent.message)}]
    assert sent.url in EXCHANGES["bybit"].urls[Channel.TICKER]


def test_bybit_asks_for_ten_topics_at_a_time() -> None:
    pairs = [Pair(f"COIN{number}", "USDT") for number in range(23)]
    requests = [json.loads(message) for message in EXCHANGES["bybit"].subscribe(Channel.TICKER, pairs)]
    assert [len(request["args"]) for request in requests] == [10, 10, 3]
    assert [topic for request in requests for topic in request["args"]] == [f"tickers.{pair.symbol}USDT" for pair in pairs]


def test_binance_subscription() -> None:
    documented = captured("binance", "requests.doc.jsonl")
    assert documented.message is not None
    expected = json.loads(documented.message)
    assert subscribed("binance", BTC_USDT) == [{**expected, "params": expected["params"][:1]}]
    assert documented.url in EXCHANGES["binance"].urls[Channel.TICKER]


def test_kraken_subscription() -> None:
    params = {"channel": "ticker", "symbol": ["BTC/USD", "USDT/USD"], "event_trigger": "bbo", "snapshot": True}
    expected = [{"method": "subscribe", "params": params, "req_id": 1}]
    assert subscribed("kraken", Pair("BTC", "USD"), Pair("USDT", "USD")) == expected
    assert captured("kraken", "requests.doc.jsonl").url in EXCHANGES["kraken"].urls[Channel.TICKER]


@pytest.mark.parametrize("market", EXCHANGES)
def test_nothing_is_asked_for_when_there_is_nothing_to_ask(market: str) -> None:
    assert not EXCHANGES[market].subscribe(Channel.TICKER, [])
