"""Korbit's socket (Digital X): frames probed on 2026-09-23, and REST answers in the shapes of docs.digitalx.miraeasset.com."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.book import Book, Outcome
from src.collect.exchanges.korbit import Korbit
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Source, Ticker, Trade
from tests.captures import captured, captures_folder, read_frames
from tests.collect.dialects.dialect import Answer, Asking
from tests.collect.dialects.korbit import KorbitDialect

VENUE = Korbit()
RECEIVED = 1_790_000_000_050
REST = "https://api.digitalx.miraeasset.com"
BTC = Pair("BTC", "KRW")


def parsed(message: str | bytes, url: str | None = None) -> list[object]:
    return list(VENUE.parse(Frame("korbit", Source.REPLAY, RECEIVED, message, url)))


def read(file: str, line: int = 0) -> object:
    (said,) = VENUE.parse(captured("korbit", file, line).frame("korbit"))
    return said


def trade(**fields: object) -> Trade:
    known = {"region": Region.KOREA, "market": "korbit", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY, "received_time": RECEIVED}
    return Trade(**(known | fields))  # type: ignore[arg-type]


def book(**fields: object) -> BookUpdate:
    known = {"market": "korbit", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY, "received_time": RECEIVED, "snapshot": True}
    return BookUpdate(**(known | fields))  # type: ignore[arg-type]


def test_a_ticker() -> None:
    """`korbit/ticker.doc.jsonl`, line 1: best prices have no sizes; the time is the server's, not that of the last trade."""
    assert read("ticker.doc.jsonl") == Ticker(
        region=Region.KOREA,
        market="korbit",
        symbol="BTC",
        quote="KRW",
        source=Source.REPLAY,
        event_time=1790134313071,
        received_time=0,
        price=116463000.0,
        open=115370000.0,
        high=116765000.0,
        low=114412000.0,
        prev_close=115304000.0,
        volume_24h=39.25266763,
        quote_volume_24h=4549864965.49708,
        bid=116426000.0,
        ask=116477000.0,
    )


def test_a_best_price_of_zero_is_none() -> None:
    """A pair that is stopped has them (REST, probed 2026-09-23)."""
    said = {"symbol": "klay_krw", "timestamp": 2, "type": "ticker", "data": {"close": "9", "bestBidPrice": "0", "bestAskPrice": "0"}}
    (ticker,) = parsed(json.dumps(said))
    assert isinstance(ticker, Ticker)
    assert (ticker.price, ticker.bid, ticker.ask) == (9.0, None, None)


def test_trades() -> None:
    """`korbit/trade.doc.jsonl`: the first of today, the seller took; the second of the test of the exchange's own client, the buyer took."""
    assert read("trade.doc.jsonl") == trade(
        event_time=1790134317520, received_time=0, trade_id="25441720", price=116439000.0, size=0.0067, side=Side.SELL
    )
    assert read("trade.doc.jsonl", 1) == trade(event_time=1700000000000, received_time=0, trade_id="2", price=105.0, size=0.25, side=Side.BUY)


def test_several_trades_of_one_frame_and_ids_beyond_a_double() -> None:
    one = {"timestamp": 5, "price": "2", "qty": "3", "isBuyerTaker": True, "tradeId": 9007199254740993}
    two = one | {"isBuyerTaker": False, "tradeId": "9007199254740995"}
    assert parsed(json.dumps({"symbol": "1000shib_krw", "timestamp": 6, "type": "trade", "data": [one, two]})) == [
        trade(symbol="SHIB", event_time=5, trade_id="9007199254740993", price=0.002, size=3000.0, side=Side.BUY),
        trade(symbol="SHIB", event_time=5, trade_id="9007199254740995", price=0.002, size=3000.0, side=Side.SELL),
    ]


def test_books() -> None:
    """`korbit/orderbook.doc.jsonl`, lines 1 and 2, trimmed to three levels: both are whole books, the second without a word about it."""
    bids = [(116455000.0, 0.00499), (116453000.0, 0.01919775), (116451000.0, 0.00059)]
    asks = [(116506000.0, 0.27522), (116538000.0, 0.00665633), (116542000.0, 0.03897506)]
    first, second = read("orderbook.doc.jsonl"), read("orderbook.doc.jsonl", 1)
    assert first == book(event_time=1790134242563, received_time=0, bids=bids, asks=asks)
    assert second == book(event_time=1790134243067, received_time=0, bids=bids, asks=[asks[0], (116507000.0, 0.0321), asks[1]])
    one = Book(VENUE.book_rule)
    assert isinstance(first, BookUpdate)
    assert isinstance(second, BookUpdate)
    for said in (first, second):
        assert one.apply(said) is Outcome.CHANGED
        assert one.valid
    assert one.best(2) == (tuple(bids[:2]), (asks[0], (116507000.0, 0.0321)))
    assert one.apply(first) is Outcome.UNCHANGED  # older than the book


def test_the_book_of_a_stopped_pair_is_empty_and_old() -> None:
    """`korbit/orderbook.doc.jsonl`, line 3."""
    assert read("orderbook.doc.jsonl", 2) == book(symbol="KLAY", event_time=1789456789897, received_time=0, bids=[], asks=[])


def test_every_captured_frame_is_known() -> None:
    kinds = {"ticker.doc.jsonl": Ticker, "trade.doc.jsonl": Trade, "orderbook.doc.jsonl": BookUpdate, "control.doc.jsonl": Control}
    for file, kind in kinds.items():
        for line in read_frames(captures_folder() / "korbit" / file):
            (said,) = VENUE.parse(line.frame("korbit"))
            assert isinstance(said, kind)


def test_control_frames() -> None:
    assert read("control.doc.jsonl") == Control(ControlKind.ACKNOWLEDGED, "request 1")
    assert read("control.doc.jsonl", 1) == Control(ControlKind.REFUSED, "INVALID_SYMBOL: The symbol does not exist (nope_krw)")
    assert read("control.doc.jsonl", 4) == Control(ControlKind.REFUSED, "invalid_format")


@pytest.mark.parametrize(
    "change",
    [{"symbol": "BTC_KRW"}, {"symbol": "btc"}, {"type": "nope"}, {"data": {}}, {"data": [{}]}, {"data": None}, {"status": "maybe", "type": 1}],
    ids=str,
)
def test_a_frame_that_makes_no_sense_is_malformed(change: dict[str, object]) -> None:
    message = json.loads(captured("korbit", "trade.doc.jsonl").message or "")
    with pytest.raises(MalformedFrame):
        parsed(json.dumps(message | change))


def test_requests() -> None:
    """As `korbit/requests.doc.jsonl` asks; the new host comes before the former one."""
    documented = captured("korbit", "requests.doc.jsonl")
    (request,) = VENUE.subscribe(Channel.TICKER, [BTC, Pair("USDT", "KRW")])
    assert json.loads(request) == json.loads(documented.message or "")[:1]
    assert VENUE.urls[Channel.TRADE] == (documented.url, "wss://ws-api.korbit.co.kr/v2/public")
    assert [json.loads(message) for message in VENUE.renew(Channel.ORDERBOOK, BTC, [BTC, Pair("ETH", "KRW")])] == [
        [{"requestId": 2, "method": "unsubscribe", "type": "orderbook", "symbols": ["btc_krw"]}],
        [{"requestId": 3, "method": "subscribe", "type": "orderbook", "symbols": ["btc_krw"]}],
    ]
    assert not VENUE.subscribe(Channel.TICKER, [])


def test_the_answer_with_the_latest_trades() -> None:
    """It does not say the pair; the request does."""
    path = VENUE.trades_path(BTC, None)
    assert path == "/v2/trades?symbol=btc_krw&limit=500"
    rows = [
        {"timestamp": 7, "price": "64000000", "qty": "0.01", "isBuyerTaker": taken, "tradeId": number}
        for number, taken in ((1004, True), (999, False))
    ]
    common = {"event_time": 7, "price": 64000000.0, "size": 0.01, "backfilled": True}
    assert parsed(json.dumps({"success": True, "data": rows}), REST + path) == [
        trade(trade_id="999", side=Side.SELL, **common),
        trade(trade_id="1004", side=Side.BUY, **common),
    ]
    refused = '{"success":false,"error":{"code":400,"message":"INVALID_CURRENCY_PAIR"}}'
    assert parsed(refused, REST + path) == [Control(ControlKind.REFUSED, "400: INVALID_CURRENCY_PAIR")]
    with pytest.raises(MalformedFrame):
        parsed('{"success":true,"data":[]}', REST + "/v2/trades")


def test_the_answer_with_the_list_of_pairs() -> None:
    pairs = [
        {"symbol": "btc_krw", "status": "launched"},
        {"symbol": "klay_krw", "status": "stopped"},
        {"symbol": "odd-name_krw", "status": "launched"},
    ]
    assert parsed(json.dumps({"success": True, "data": pairs}), REST + "/v2/currencyPairs") == [
        Listing(BTC, Instrument.SPOT, trading=True),
        Listing(Pair("KLAY", "KRW"), Instrument.SPOT, trading=False),
    ]


numbers = st.decimals(min_value="0.00000001", max_value=1_000_000_000, places=8).map(float)
times = st.integers(min_value=0, max_value=4_102_444_800_000)
levels = st.lists(st.tuples(numbers, numbers), max_size=30)


@given(price=numbers, size=numbers, time=times, bids=levels, asks=levels, side=st.sampled_from(Side), number=st.integers(0, 2**63 - 1))
def test_what_is_simulated_is_read_back(
    price: float, size: float, time: int, bids: list[tuple[float, float]], asks: list[tuple[float, float]], side: Side, number: int
) -> None:
    days = dict.fromkeys(("price", "open", "high", "low", "prev_close", "bid", "ask"), price)
    volumes = dict.fromkeys(("volume_24h", "quote_volume_24h"), size)
    common = {"region": Region.KOREA, "market": "korbit", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY, "received_time": RECEIVED}
    said = (
        trade(event_time=time, trade_id=str(number), price=price, size=size, side=side),
        book(event_time=time, bids=bids, asks=asks),
        Ticker(**common, event_time=time, **days, **volumes),  # type: ignore[arg-type]
        Ticker(**common, event_time=time),  # type: ignore[arg-type]
    )
    for one in said:
        assert parsed(VENUE.simulate(one)) == [one]


def test_the_servers_dialect_understands_the_client() -> None:
    dialect = KorbitDialect()
    (request,) = VENUE.subscribe(Channel.TRADE, [BTC])
    expected = Answer(['{"status": "success", "requestId": 1}'], subscribed=[(Channel.TRADE, BTC)], unsubscribed=[])
    assert dialect.answer(request) == expected
    assert dialect.answer(VENUE.renew(Channel.TRADE, BTC, [BTC])[0]).unsubscribed == [(Channel.TRADE, BTC)]
    assert dialect.asking("/v2/trades?symbol=btc_krw&limit=500") == (Asking.TRADES, BTC)
    said = [trade(event_time=8 + number, trade_id=dialect.trade_id(number), price=2.5, size=0.5, side=Side.BUY, backfilled=True) for number in (1, 2)]
    path = "/v2/trades?symbol=btc_krw&limit=500"
    assert parsed(dialect.recent_trades(said, path), path) == said
    assert len(parsed(dialect.listings([BTC], [Pair("ETH", "KRW")]), "/v2/currencyPairs")) == 2
    for wrong in (
        "hello",
        "{}",
        '[{"method":"subscribe","type":"nope","symbols":[]}]',
        '[{"method":"subscribe","type":"trade","symbols":["BTC_KRW"]}]',
    ):
        (reply,) = dialect.answer(wrong).replies
        (control,) = parsed(reply)
        assert isinstance(control, Control)
        assert control.kind is ControlKind.REFUSED
