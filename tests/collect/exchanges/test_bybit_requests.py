"""What both Bybit markets ask for, and the answers of their REST interface."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pytest

from src.collect.exchanges.bybit import Bybit
from src.collect.exchanges.bybit_linear import BybitLinear
from src.collect.exchanges.bybit_protocol import BybitProtocol
from src.collect.parsed import Channel, Control, ControlKind, Frame, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Source, Trade
from tests.captures import captured
from tests.collect.dialects.bybit import BybitDialect
from tests.collect.dialects.bybit_linear import BybitLinearDialect

SPOT, LINEAR = Bybit(), BybitLinear()
BTC, SHIB = Pair("BTC", "USDT"), Pair("SHIB", "USDT", 1000)
RECEIVED = 1_790_000_000_050


def answered(venue: BybitProtocol, body: str | bytes, path: str | None) -> list[object]:
    assert path is not None
    return list(venue.parse(Frame(venue.name, Source.REPLAY, RECEIVED, body, venue.rest_urls[0] + path)))


def test_what_is_subscribed_to_is_what_is_documented() -> None:
    """`bybit/requests.doc.jsonl`, and the linear address of `bybit_linear/requests.jsonl`."""
    documented = captured("bybit", "requests.doc.jsonl")
    assert documented.message is not None
    requests = [json.loads(SPOT.subscribe(channel, [BTC])[0]) for channel in Channel]
    assert [topic for request in requests for topic in request["args"]] == json.loads(documented.message)["args"]
    assert {SPOT.urls[channel] for channel in Channel} == {(documented.url,)}
    assert {LINEAR.urls[channel] for channel in Channel} == {(captured("bybit_linear", "requests.jsonl").url,)}
    assert SPOT.subscribe(Channel.TRADE, []) == []


@pytest.mark.parametrize("venue", [SPOT, LINEAR])
def test_a_request_has_ten_topics_and_a_renewal_one(venue: BybitProtocol) -> None:
    pairs = [Pair(f"COIN{number}A", "USDT") for number in range(23)]
    requests = [json.loads(request) for request in venue.subscribe(Channel.ORDERBOOK, pairs)]
    assert [len(request["args"]) for request in requests] == [10, 10, 3]
    assert [topic for request in requests for topic in request["args"]] == [f"orderbook.50.{pair.symbol}USDT" for pair in pairs]
    assert [json.loads(request) for request in venue.renew(Channel.ORDERBOOK, BTC, pairs)] == [
        {"req_id": "1", "op": "unsubscribe", "args": ["orderbook.50.BTCUSDT"]},
        {"req_id": "2", "op": "subscribe", "args": ["orderbook.50.BTCUSDT"]},
    ]


@pytest.mark.parametrize("venue", [SPOT, LINEAR])
def test_all_topics_of_a_connection_are_below_21000_characters(venue: BybitProtocol) -> None:
    longest = [Pair(f"BABYDOGE{number:03}", "USDT", 1_000_000) for number in range(venue.pairs_per_connection)]
    requests = [json.loads(request)["args"] for channel in Channel for request in venue.subscribe(channel, longest)]
    assert sum(len(json.dumps(args)) for args in requests) < 21_000


@pytest.mark.parametrize(
    ("venue", "pair", "name"),
    [
        (SPOT, BTC, "BTCUSDT"),
        (SPOT, Pair("ETH", "BTC"), "ETHBTC"),
        (LINEAR, BTC, "BTCUSDT"),
        (LINEAR, Pair("BTC", "USDC"), "BTCPERP"),
        (LINEAR, Pair("BABYDOGE", "USDT", 1_000_000), "1000000BABYDOGEUSDT"),
        (LINEAR, SHIB, "SHIB1000USDT"),
    ],
)
def test_a_pair_and_its_name(venue: BybitProtocol, pair: Pair, name: str) -> None:
    assert json.loads(venue.subscribe(Channel.TRADE, [pair])[0])["args"] == [f"publicTrade.{name}"]
    assert venue.traded(name) == (pair, venue.instrument)


@pytest.mark.parametrize(
    ("name", "pair"),
    [("BTCUSDT-26JUN26", BTC), ("BTC-26DEC25", Pair("BTC", "USDC")), ("ETH-31OCT25", Pair("ETH", "USDC"))],
)
def test_a_dated_contract_is_a_future(name: str, pair: Pair) -> None:
    """Names out of the exchange's list of 2025."""
    assert LINEAR.traded(name) == (pair, Instrument.FUTURE)


@pytest.mark.parametrize("name", ["", "BTC", "USDT", "PERP", "BTCUSD", "-26JUN26", "btcUSDT"])
def test_what_is_no_linear_contract_is_malformed(name: str) -> None:
    with pytest.raises(MalformedFrame):
        LINEAR.traded(name)


def test_recent_trades_come_oldest_first() -> None:
    """The shape of the documented answer of `/v5/market/recent-trade`, with a second, older trade."""
    path = SPOT.trades_path(BTC, None)
    assert path == "/v5/market/recent-trade?category=spot&symbol=BTCUSDT&limit=60"
    newest = {"execId": "2100000000007764263", "symbol": "BTCUSDT", "price": "16618.49", "size": "0.00012", "side": "Buy", "time": "1672052955758"}
    older = {**newest, "execId": "2100000000007764262", "side": "Sell", "time": "1672052955757"}
    first, last = answered(SPOT, body([newest, older]).encode(), path)
    assert last == Trade(
        region=Region.ASIA,
        market="bybit",
        symbol="BTC",
        quote="USDT",
        source=Source.REPLAY,
        event_time=1672052955758,
        received_time=RECEIVED,
        backfilled=True,
        trade_id="2100000000007764263",
        price=16618.49,
        size=0.00012,
        side=Side.BUY,
    )
    assert isinstance(first, Trade)
    assert (first.trade_id, first.side, first.event_time) == ("2100000000007764262", Side.SELL, 1672052955757)


def test_a_recent_trade_of_a_contract() -> None:
    """`nautechsystems/nautilus_trader crates/adapters/bybit/test_data/http_get_trades_recent.json`."""
    path = LINEAR.trades_path(BTC, None)
    assert path == "/v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000"
    row = {"symbol": "BTCUSDT", "price": "27450.50", "size": "0.005", "side": "Buy", "time": "1709891679000", "isBlockTrade": False}
    (trade,) = answered(LINEAR, body([{"execId": "a905d5c3-1ed0-4f37-83e4-9c73a2fe2f01", **row}]), path)
    assert isinstance(trade, Trade)
    assert (trade.trade_id, trade.price, trade.size, trade.side) == ("a905d5c3-1ed0-4f37-83e4-9c73a2fe2f01", 27450.5, 0.005, Side.BUY)
    assert (trade.event_time, trade.instrument, trade.backfilled) == (1709891679000, Instrument.PERPETUAL, True)


def test_listings_of_spot() -> None:
    """The shape of `nautechsystems/nautilus_trader crates/adapters/bybit/test_data/http_get_instruments_spot.json`; a name in Chinese is left out."""
    rows = [
        {"symbol": "BTCUSDT", "baseCoin": "BTC", "quoteCoin": "USDT", "innovation": "0", "status": "Trading"},
        {"symbol": "OLDUSDC", "baseCoin": "OLD", "quoteCoin": "USDC", "status": "Closed"},
        {"symbol": "龙USDT", "baseCoin": "龙", "quoteCoin": "USDT", "status": "Trading"},
    ]
    assert answered(SPOT, body(rows), SPOT.listings_path) == [
        Listing(BTC, Instrument.SPOT, trading=True),
        Listing(Pair("OLD", "USDC"), Instrument.SPOT, trading=False),
    ]


def test_listings_of_contracts() -> None:
    """The shape of the same project's `http_get_instruments_linear.json`."""
    rows = [
        {"symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC", "quoteCoin": "USDT"},
        {"symbol": "BTCPERP", "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC", "quoteCoin": "USDC"},
        {"symbol": "SHIB1000USDT", "contractType": "LinearPerpetual", "status": "PreLaunch", "baseCoin": "SHIB1000", "quoteCoin": "USDT"},
        {"symbol": "BTC-26DEC25", "contractType": "LinearFutures", "status": "Trading", "baseCoin": "BTC", "quoteCoin": "USDC"},
        {"symbol": "NEWUSDT", "contractType": "Another", "status": "Trading", "baseCoin": "NEW", "quoteCoin": "USDT"},
    ]
    assert answered(LINEAR, body(rows), LINEAR.listings_path) == [
        Listing(BTC, Instrument.PERPETUAL, trading=True),
        Listing(Pair("BTC", "USDC"), Instrument.PERPETUAL, trading=True),
        Listing(SHIB, Instrument.PERPETUAL, trading=False),
        Listing(Pair("BTC", "USDC"), Instrument.FUTURE, trading=True),
    ]


def test_a_refusal_and_an_answer_that_nobody_asked_for() -> None:
    refused = '{"retCode":10001,"retMsg":"Not supported symbols","result":{}}'
    assert answered(SPOT, refused, SPOT.trades_path(BTC, None)) == [Control(ControlKind.REFUSED, "10001: Not supported symbols")]
    with pytest.raises(MalformedFrame):
        answered(SPOT, body([]), "/v5/market/time")
    with pytest.raises(MalformedFrame):
        answered(SPOT, "<html>502</html>", SPOT.listings_path)


def body(rows: Sequence[Mapping[str, object]]) -> str:
    return json.dumps({"retCode": 0, "retMsg": "OK", "result": {"nextPageCursor": "", "list": rows}, "retExtInfo": {}, "time": 1672053054358})


@pytest.mark.parametrize(("venue", "server"), [(SPOT, BybitDialect()), (LINEAR, BybitLinearDialect())])
def test_the_local_server_speaks_as_the_venue_does(venue: BybitProtocol, server: BybitDialect) -> None:
    """What the tests' server answers to the requests is understood, and its REST answers are."""
    pairs = [BTC, Pair("ETH", "USDC")]
    for channel in Channel:
        answer = server.answer(venue.subscribe(channel, pairs)[0])
        assert list(answer.subscribed) == [(channel, pair) for pair in pairs]
        assert said(venue, answer.replies) == [Control(ControlKind.ACKNOWLEDGED, "subscribe")]
        assert list(server.answer(venue.renew(channel, BTC, pairs)[0]).unsubscribed) == [(channel, BTC)]
    wrong = json.dumps({"req_id": "1", "op": "subscribe", "args": ["invalid.topic.BTCUSDT"]})
    assert said(venue, server.answer(wrong).replies) == [Control(ControlKind.REFUSED, "Invalid topic: invalid.topic.BTCUSDT")]
    assert venue.keep_alive is not None
    assert venue.keep_alive.message is not None
    assert said(venue, server.answer(venue.keep_alive.message).replies) == [Control(ControlKind.HEARTBEAT, "pong")]
    made = [
        Trade(
            region=Region.ASIA,
            market=venue.name,
            symbol="ETH",
            quote="USDC",
            instrument=venue.instrument,
            source=Source.REPLAY,
            event_time=1709891679000 + number,
            received_time=RECEIVED,
            backfilled=True,
            trade_id=server.trade_id(number),
            price=27450.5,
            size=0.005,
            side=Side.SELL,
        )
        for number in range(1, 62)
    ]
    path = venue.trades_path(pairs[1], made[0])
    assert server.asking(path)[1] == pairs[1]
    assert answered(venue, server.recent_trades(made, path), path) == (made[1:] if venue is SPOT else made)
    assert answered(venue, server.listings(pairs[:1], pairs[1:]), venue.listings_path) == [
        Listing(pairs[0], venue.instrument, trading=True),
        Listing(pairs[1], venue.instrument, trading=False),
    ]


def said(venue: BybitProtocol, replies: Sequence[str | bytes]) -> list[object]:
    return [item for reply in replies for item in venue.parse(Frame(venue.name, Source.REPLAY, RECEIVED, reply))]
