"""What Gate.io is asked for, the answers of its REST interface, and what it would say, read back."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.exchanges.gateio import Gateio
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Source, Ticker, Trade
from tests.captures import captured
from tests.collect.dialects.gateio import GateioDialect

VENUE = Gateio()
BTC = Pair("BTC", "USDT")
RECEIVED = 1_790_000_000_050


def answered(body: str | bytes, path: str | None) -> list[object]:
    assert path is not None
    return list(VENUE.parse(Frame("gateio", Source.REPLAY, RECEIVED, body, VENUE.rest_urls[0] + path)))


def request(message: str) -> dict[str, Any]:
    """A request without its time, which must be the machine's."""
    said: dict[str, Any] = json.loads(message)
    assert abs(said.pop("time") - time.time()) < 60
    return said


def test_what_is_subscribed_to() -> None:
    """`gateio/requests.doc.jsonl` for tickers, the exchange's page for `spot.obu`."""
    documented = captured("gateio", "requests.doc.jsonl")
    assert documented.message is not None
    ticker, trade, book = (request(VENUE.subscribe(channel, [BTC])[0]) for channel in Channel)
    assert ticker == {name: value for name, value in json.loads(documented.message).items() if name != "time"}
    assert trade == {"channel": "spot.trades", "event": "subscribe", "payload": ["BTC_USDT"]}
    assert book == {"channel": "spot.obu", "event": "subscribe", "payload": ["ob.BTC_USDT.50"]}
    assert {VENUE.urls[channel] for channel in Channel} == {(documented.url,)}
    many = VENUE.subscribe(Channel.TRADE, [Pair(f"COIN{number}A", "USDC") for number in range(45)])
    assert [len(request(message)["payload"]) for message in many] == [20, 20, 5]
    assert VENUE.subscribe(Channel.TRADE, []) == []


def test_one_pair_is_begun_anew() -> None:
    """A second subscription to the same book would be refused, so the first is ended."""
    assert [request(message) for message in VENUE.renew(Channel.ORDERBOOK, BTC, [BTC, Pair("ETH", "USDT")])] == [
        {"channel": "spot.obu", "event": "unsubscribe", "payload": ["ob.BTC_USDT.50"]},
        {"channel": "spot.obu", "event": "subscribe", "payload": ["ob.BTC_USDT.50"]},
    ]


def trade(trade_id: str) -> Trade:
    return Trade(
        region=Region.ASIA,
        market="gateio",
        symbol="BTC",
        quote="USDT",
        source=Source.REPLAY,
        event_time=1548000000123,
        received_time=RECEIVED,
        backfilled=True,
        trade_id=trade_id,
        price=0.03,
        size=0.15,
        side=Side.BUY,
    )


def test_recent_trades_come_oldest_first() -> None:
    """The example of the exchange's page, whose pair only the request says, and a newer trade before it. The latter is above 2**53."""
    row = {"create_time": "1548000000", "create_time_ms": "1548000000123.456", "side": "buy", "role": "maker", "amount": "0.15", "price": "0.03"}
    body = json.dumps([{"id": "9007199254740993", **row}, {"id": "1232893232", **row, "sequence_id": "588018"}])
    path = VENUE.trades_path(BTC, None)
    assert path == "/api/v4/spot/trades?currency_pair=BTC_USDT&limit=1000"
    assert answered(body.encode(), path) == [trade("1232893232"), trade("9007199254740993")]
    assert VENUE.trades_path(BTC, trade("1232893232")) == f"{path}&last_id=1232893231"


def test_a_rest_book_may_say_when_it_last_changed() -> None:
    """The example of the exchange's page for `/spot/order_book`."""
    path = VENUE.book_path(BTC)
    assert path == "/api/v4/spot/order_book?currency_pair=BTC_USDT&limit=100&with_id=true"
    body = '{"id":123456,"current":1623898993123,"update":1623898993121,"asks":[["1.52","1.151"],["1.53","1.218"]],"bids":[["1.17","201.863"]]}'
    (book,) = answered(body, path)
    assert isinstance(book, BookUpdate)
    assert (book.symbol, book.last, book.event_time, book.snapshot) == ("BTC", 123456, 1623898993121, True)
    assert (book.bids, book.asks) == ([(1.17, 201.863)], [(1.52, 1.151), (1.53, 1.218)])


def test_listings() -> None:
    """The shape of the exchange's page; a pair that can only be bought is not traded, and a name in Chinese is left out."""
    rows = [
        {"id": "ETH_USDT", "base": "ETH", "base_name": "Ethereum", "quote": "USDT", "fee": "0.2", "trade_status": "tradable", "delisting_time": 0},
        {"id": "NEW_BTC", "base": "NEW", "quote": "BTC", "trade_status": "buyable"},
        {"id": "龙_USDT", "base": "龙", "quote": "USDT", "trade_status": "tradable"},
        {"id": "OLD_USDT", "base": "OLD", "quote": "USDT", "trade_status": "untradable"},
    ]
    assert answered(json.dumps(rows), VENUE.listings_path) == [
        Listing(Pair("ETH", "USDT"), Instrument.SPOT, trading=True),
        Listing(Pair("NEW", "BTC"), Instrument.SPOT, trading=False),
        Listing(Pair("OLD", "USDT"), Instrument.SPOT, trading=False),
    ]


def test_a_refusal_and_an_answer_that_nobody_asked_for() -> None:
    refused = '{"label":"INVALID_CURRENCY_PAIR","message":"Invalid currency pair NOPE_USDT"}'
    expected = [Control(ControlKind.REFUSED, "INVALID_CURRENCY_PAIR: Invalid currency pair NOPE_USDT")]
    assert answered(refused, VENUE.trades_path(BTC, None)) == answered(refused.encode(), VENUE.book_path(BTC)) == expected
    for body, path in (("[]", "/api/v4/spot/time"), ("{}", "/api/v4/spot/trades"), ("<html>", VENUE.listings_path)):
        with pytest.raises(MalformedFrame):
            answered(body, path)


def test_a_multiplied_coin_is_scaled() -> None:
    """Made up, in the shape of the documents."""
    message = '{"channel":"spot.obu","result":{"t":1,"full":true,"s":"ob.1000SHIB_USDT.50","u":9,"b":[["0.5","3"]],"a":[["0.75","1"]]}}'
    (book,) = VENUE.parse(Frame("gateio", Source.REPLAY, 1, message))
    assert isinstance(book, BookUpdate)
    assert (book.symbol, book.bids, book.asks) == ("SHIB", [(0.0005, 3000.0)], [(0.00075, 1000.0)])
    assert VENUE.book_path(Pair("SHIB", "USDT", 1000)).startswith("/api/v4/spot/order_book?currency_pair=1000SHIB_USDT&")


positive = st.decimals(min_value="0.00000001", max_value=1_000_000_000, places=8).map(float)
levels = st.lists(st.tuples(positive, st.just(0.0) | positive), max_size=5)
times = st.integers(min_value=0, max_value=4_102_444_800_000)
numbers = st.integers(0, 2**63 - 1)
FIELDS = ["price", "high", "low", "volume_24h", "quote_volume_24h", "bid", "ask"]
COMMON: dict[str, Any] = {"market": "gateio", "symbol": "BTC", "quote": "USDC", "source": Source.SIMULATED, "received_time": RECEIVED}


def read_back(said: Ticker | Trade | BookUpdate) -> list[object]:
    return list(VENUE.parse(Frame("gateio", Source.SIMULATED, RECEIVED, VENUE.simulate(said))))


@given(time=times, sent=st.fixed_dictionaries(dict.fromkeys(FIELDS, st.none() | positive)))
def test_a_simulated_ticker(time: int, sent: dict[str, Any]) -> None:
    said = Ticker(**COMMON, region=Region.ASIA, event_time=time, **sent)
    assert read_back(said) == [said]


@given(time=times, trade_id=numbers.map(str), price=positive, size=positive, side=st.sampled_from(Side))
def test_a_simulated_trade(time: int, trade_id: str, price: float, size: float, side: Side) -> None:
    said = Trade(**COMMON, region=Region.ASIA, event_time=time, trade_id=trade_id, price=price, size=size, side=side)
    assert read_back(said) == [said]


@given(time=times, bids=levels, asks=levels, first=st.none() | numbers, last=numbers, snapshot=st.booleans())
def test_a_simulated_book(
    time: int, bids: list[tuple[float, float]], asks: list[tuple[float, float]], first: int | None, last: int, *, snapshot: bool
) -> None:
    said = BookUpdate(**COMMON, event_time=time, snapshot=snapshot, bids=bids, asks=asks, first=first, last=last)
    assert read_back(said) == [said]


def test_the_local_server_speaks_as_the_venue_does() -> None:
    """What the tests' server answers to the requests is understood, and its REST answers are."""
    server = GateioDialect()
    for channel in Channel:
        answer = server.answer(VENUE.subscribe(channel, [BTC])[0])
        assert list(answer.subscribed) == [(channel, BTC)]
        assert [item for reply in answer.replies for item in parse(reply)] == [Control(ControlKind.ACKNOWLEDGED, f"subscribe {CHANNELS[channel]}")]
        assert list(server.answer(VENUE.renew(channel, BTC, [BTC])[0]).unsubscribed) == [(channel, BTC)]
    late = json.loads(VENUE.subscribe(Channel.TRADE, [BTC])[0]) | {"time": 1611541000}
    (refusal,) = [item for reply in server.answer(json.dumps(late)).replies for item in parse(reply)]
    assert isinstance(refusal, Control)
    assert refusal.kind is ControlKind.REFUSED
    made = [trade(server.trade_id(number)) for number in range(1, 5)]
    path = VENUE.trades_path(BTC, made[1])
    assert server.asking(path)[1] == BTC
    assert answered(server.recent_trades(made, path), path) == made[1:]
    assert VENUE.listings_path is not None
    listed = answered(server.listings([BTC], [Pair("ETH", "USDT")]), VENUE.listings_path)
    assert [(listing.pair.symbol, listing.trading) for listing in listed if isinstance(listing, Listing)] == [("BTC", True), ("ETH", False)]


def parse(reply: str | bytes) -> list[object]:
    return list(VENUE.parse(Frame("gateio", Source.REPLAY, RECEIVED, reply)))


CHANNELS = {Channel.TICKER: "spot.tickers", Channel.TRADE: "spot.trades", Channel.ORDERBOOK: "spot.obu"}
