"""Coinone's socket: frames probed on 2026-09-23 and of its documents, and REST answers in the shapes of docs.coinone.co.kr."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.book import Book, Outcome
from src.collect.exchanges.coinone import Coinone
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Source, Ticker, Trade
from tests.captures import captured, captures_folder, read_frames
from tests.collect.dialects.coinone import CoinoneDialect
from tests.collect.dialects.dialect import Answer, Asking

VENUE = Coinone()
RECEIVED = 1_790_000_000_050
REST = "https://api.coinone.co.kr"
BTC = Pair("BTC", "KRW")


def parsed(message: str | bytes, url: str | None = None) -> list[object]:
    return list(VENUE.parse(Frame("coinone", Source.REPLAY, RECEIVED, message, url)))


def read(file: str, line: int = 0) -> object:
    (said,) = VENUE.parse(captured("coinone", file, line).frame("coinone"))
    return said


def trade(**fields: object) -> Trade:
    known = {"region": Region.KOREA, "market": "coinone", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY, "received_time": RECEIVED}
    return Trade(**(known | fields))  # type: ignore[arg-type]


def book(**fields: object) -> BookUpdate:
    known = {"market": "coinone", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY, "received_time": RECEIVED, "snapshot": True}
    return BookUpdate(**(known | fields))  # type: ignore[arg-type]


def test_a_ticker() -> None:
    """`coinone/ticker.doc.jsonl`, line 1."""
    assert read("ticker.doc.jsonl") == Ticker(
        region=Region.KOREA,
        market="coinone",
        symbol="BTC",
        quote="KRW",
        source=Source.REPLAY,
        event_time=1790133796484,
        received_time=0,
        price=116380000.0,
        open=115650000.0,
        high=116470000.0,
        low=115570000.0,
        prev_close=115640000.0,
        volume_24h=267.27610034,
        quote_volume_24h=30947007404.5912,
        bid=116370000.0,
        bid_size=8.60554308,
        ask=116400000.0,
        ask_size=0.00562817,
    )


def test_a_seller_who_made_the_order_was_taken_by_a_buyer() -> None:
    """`coinone/trade.doc.jsonl`, line 1, and the book of 82 ms before: the trade is at the best ask."""
    before, said = read("orderbook.doc.jsonl", 1), read("trade.doc.jsonl")
    assert isinstance(before, BookUpdate)
    assert (before.bids[0], before.asks[0], before.event_time) == ((116450000.0, 0.0118), (116460000.0, 0.0232), 1790134177753)
    assert said == trade(event_time=1790134177835, received_time=0, trade_id="1790134177835001", price=116460000.0, size=0.00483595, side=Side.BUY)


def test_a_trade_in_short_keys() -> None:
    """`coinone/trade.doc.jsonl`, line 3: the buyer had made the order."""
    assert read("trade.doc.jsonl", 2) == trade(
        symbol="XRP", event_time=1693560563084, received_time=0, trade_id="1693560563084003", price=688.3, size=290.745, side=Side.SELL
    )


def test_asks_come_worst_first() -> None:
    """`coinone/orderbook.doc.jsonl`, line 1."""
    assert read("orderbook.doc.jsonl") == book(
        event_time=1790134167554,
        received_time=0,
        bids=[(116450000.0, 0.0118), (116440000.0, 0.04695328), (116250000.0, 0.01325806)],
        asks=[(116460000.0, 0.0232), (116470000.0, 0.00171821), (116640000.0, 0.000657), (116650000.0, 0.01198956)],
        last=1790134177435001,
    )


def test_a_book_in_short_keys() -> None:
    """`coinone/orderbook.doc.jsonl`, line 3."""
    assert read("orderbook.doc.jsonl", 2) == book(
        event_time=1790134177753,
        received_time=0,
        bids=[(116450000.0, 0.0118)],
        asks=[(116460000.0, 0.0232), (116650000.0, 0.01198956)],
        last=1790134177753001,
    )


def test_a_book_is_replaced_only_by_a_greater_number() -> None:
    one = Book(VENUE.book_rule)
    first, second, _, other = (VENUE.parse(line.frame("coinone"))[0] for line in read_frames(captures_folder() / "coinone" / "orderbook.doc.jsonl"))
    assert isinstance(first, BookUpdate)
    assert isinstance(second, BookUpdate)
    assert isinstance(other, BookUpdate)
    outcomes = [one.apply(said) for said in (first, second, second, first)]
    assert outcomes == [Outcome.CHANGED, Outcome.CHANGED, Outcome.UNCHANGED, Outcome.UNCHANGED]
    assert one.valid
    assert one.sequence == 1790134177753001
    quiet = Book(VENUE.book_rule)
    assert quiet.apply(other) is Outcome.CHANGED
    assert quiet.best(1) == (((49.6, 8000.0),), ((65.2, 107.20953328),))


def test_every_captured_frame_is_known() -> None:
    kinds = {"ticker.doc.jsonl": Ticker, "trade.doc.jsonl": Trade, "orderbook.doc.jsonl": BookUpdate, "control.doc.jsonl": Control}
    for file, kind in kinds.items():
        for line in read_frames(captures_folder() / "coinone" / file):
            (said,) = VENUE.parse(line.frame("coinone"))
            assert isinstance(said, kind)


def test_control_frames() -> None:
    assert [read("control.doc.jsonl", line) for line in range(5)] == [
        Control(ControlKind.ACKNOWLEDGED, "CONNECTED 6f3e1d0f-f9ab-f300-1567-0eb31af6d6ef"),
        Control(ControlKind.ACKNOWLEDGED, "SUBSCRIBED ORDERBOOK KRW-BTC"),
        Control(ControlKind.ACKNOWLEDGED, "UNSUBSCRIBED ORDERBOOK KRW-XRP"),
        Control(ControlKind.HEARTBEAT, "PONG"),
        Control(ControlKind.REFUSED, "160012: Invalid Topic"),
    ]


@pytest.mark.parametrize(
    "change", [{"id": ""}, {"id": 7}, {"price": "NaN"}, {"price": ""}, {"qty": "-1"}, {"is_seller_maker": None}, {"target_currency": "btc"}], ids=str
)
def test_a_trade_that_makes_no_sense_is_malformed(change: dict[str, object]) -> None:
    message = json.loads(captured("coinone", "trade.doc.jsonl").message or "")
    with pytest.raises(MalformedFrame):
        parsed(json.dumps(message | {"data": message["data"] | change}))


def test_an_empty_text_is_null() -> None:
    said = {"quote_currency": "KRW", "target_currency": "1000SHIB", "timestamp": 2, "last": "20", "bid_best_price": "", "target_volume": "3"}
    (ticker,) = parsed(json.dumps({"response_type": "DATA", "channel": "TICKER", "data": said}))
    assert isinstance(ticker, Ticker)
    assert (ticker.symbol, ticker.price, ticker.bid, ticker.volume_24h) == ("SHIB", 0.02, None, 3000.0)


def test_requests() -> None:
    """As `coinone/requests.doc.jsonl` asks: one topic a frame."""
    documented = captured("coinone", "requests.doc.jsonl")
    btc, shib = (json.loads(request) for request in VENUE.subscribe(Channel.TICKER, [BTC, Pair("SHIB", "KRW", 1000)]))
    assert btc == json.loads(documented.message or "")
    assert shib["topic"] == {"quote_currency": "KRW", "target_currency": "1000SHIB"}
    assert VENUE.urls[Channel.TICKER] == (documented.url,)
    topic = {"channel": "ORDERBOOK", "topic": {"quote_currency": "KRW", "target_currency": "BTC"}}
    assert [json.loads(request) for request in VENUE.renew(Channel.ORDERBOOK, BTC, [BTC, Pair("ETH", "KRW")])] == [
        {"request_type": "UNSUBSCRIBE", **topic},
        {"request_type": "SUBSCRIBE", **topic},
    ]


def test_the_answer_with_the_latest_trades() -> None:
    path = VENUE.trades_path(BTC, None)
    assert path == "/public/v2/trades/KRW/BTC?size=200"
    newer = {"id": "1701075265708002", "timestamp": 1701075265708, "price": "50020000", "qty": "0.00155177", "is_seller_maker": False}
    older = newer | {"id": "1701075265708001", "is_seller_maker": True}
    body = {"result": "success", "error_code": "0", "server_time": 1701075265800, "quote_currency": "KRW", "target_currency": "BTC"}
    common = {"event_time": 1701075265708, "price": 50020000.0, "size": 0.00155177, "backfilled": True}
    assert parsed(json.dumps(body | {"transactions": [newer, older]}), REST + path) == [
        trade(trade_id="1701075265708001", side=Side.BUY, **common),
        trade(trade_id="1701075265708002", side=Side.SELL, **common),
    ]
    refused = '{"result":"error","error_code":"108","error_msg":"Unknown CryptoCurrency"}'
    assert parsed(refused, REST + path) == [Control(ControlKind.REFUSED, "108: Unknown CryptoCurrency")]


@pytest.mark.parametrize(("status", "maintenance", "trading"), [(1, 0, True), (0, 0, False), (2, 0, False), (3, 0, False), (1, 1, False)])
def test_the_answer_with_the_list_of_pairs(status: int, maintenance: int, trading: bool) -> None:
    market = {"quote_currency": "KRW", "target_currency": "BTC", "trade_status": status, "maintenance_status": maintenance, "min_qty": "0.1"}
    body = {"result": "success", "error_code": "0", "markets": [market, market | {"target_currency": "odd name"}]}
    assert parsed(json.dumps(body), f"{REST}{VENUE.listings_path}") == [Listing(BTC, Instrument.SPOT, trading=trading)]


numbers = st.decimals(min_value="0.00000001", max_value=1_000_000_000, places=8).map(float)
times = st.integers(min_value=0, max_value=4_102_444_800_000)
levels = st.lists(st.tuples(numbers, numbers), max_size=16)


@given(price=numbers, size=numbers, time=times, bids=levels, asks=levels, side=st.sampled_from(Side), number=st.integers(0, 2**63 - 1))
def test_what_is_simulated_is_read_back(
    price: float, size: float, time: int, bids: list[tuple[float, float]], asks: list[tuple[float, float]], side: Side, number: int
) -> None:
    prices = dict.fromkeys(("price", "open", "high", "low", "prev_close", "bid", "ask"), price)
    sizes = dict.fromkeys(("volume_24h", "quote_volume_24h", "bid_size", "ask_size"), size)
    common = {"region": Region.KOREA, "market": "coinone", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY, "received_time": RECEIVED}
    said = (
        trade(event_time=time, trade_id=str(number), price=price, size=size, side=side),
        book(event_time=time, bids=bids, asks=asks, last=number),
        Ticker(**common, event_time=time, **prices, **sizes),  # type: ignore[arg-type]
        Ticker(**common, event_time=time),  # type: ignore[arg-type]
    )
    for one in said:
        assert parsed(VENUE.simulate(one)) == [one]


def test_the_servers_dialect_understands_the_client() -> None:
    dialect = CoinoneDialect()
    assert parsed(dialect.greeting()[0]) == [Control(ControlKind.ACKNOWLEDGED, "CONNECTED 6f3e1d0f-f9ab-f300-1567-0eb31af6d6ef")]
    assert VENUE.keep_alive is not None
    assert parsed(dialect.answer(VENUE.keep_alive.message or "").replies[0]) == [Control(ControlKind.HEARTBEAT, "PONG")]
    (request,) = VENUE.subscribe(Channel.TRADE, [BTC])
    answer = dialect.answer(request)
    assert answer == Answer(answer.replies, subscribed=[(Channel.TRADE, BTC)])
    assert parsed(answer.replies[0]) == [Control(ControlKind.ACKNOWLEDGED, "SUBSCRIBED TRADE KRW-BTC")]
    assert dialect.answer(VENUE.renew(Channel.TRADE, BTC, [BTC])[0]).unsubscribed == [(Channel.TRADE, BTC)]
    path = "/public/v2/trades/KRW/BTC?size=200"
    assert dialect.asking(path) == (Asking.TRADES, BTC)
    said = [trade(event_time=8 + number, trade_id=dialect.trade_id(number), price=2.5, size=0.5, side=Side.BUY, backfilled=True) for number in (1, 2)]
    assert parsed(dialect.recent_trades(said, path), path) == said
    assert len(parsed(dialect.listings([BTC], [Pair("ETH", "KRW")]), "/public/v2/markets/KRW")) == 2
    other_quote = VENUE.subscribe(Channel.TRADE, [Pair("BTC", "USDT")])[0]
    assert [parsed(reply)[0] for reply in dialect.answer(other_quote).replies][1:] == [Control(ControlKind.REFUSED, "160012: Invalid Topic")]
    for wrong in ("hello", "{}", '{"request_type":"SUBSCRIBE","channel":"NOPE"}'):
        (refusal,) = parsed(dialect.answer(wrong).replies[0])
        assert isinstance(refusal, Control)
        assert refusal.kind is ControlKind.REFUSED
