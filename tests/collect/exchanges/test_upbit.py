"""Upbit's socket: SIMPLE frames captured on 2021-04-17, and DEFAULT frames quoted in documents and public repositories."""

from __future__ import annotations

import json

import pytest

from src.collect.book import Book, Outcome
from src.collect.exchanges.upbit import Upbit
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Source, Ticker, Trade
from tests.captures import captured, captures_folder, read_frames

VENUE = Upbit()
RECEIVED = 1_790_000_000_050
REST = "https://api.upbit.com"


def parsed(message: str | bytes, url: str | None = None) -> list[object]:
    return list(VENUE.parse(Frame("upbit", Source.REPLAY, RECEIVED, message, url)))


def read(file: str, line: int = 0) -> object:
    (said,) = VENUE.parse(captured("upbit", file, line).frame("upbit"))
    return said


def trade(**fields: object) -> Trade:
    known = {"region": Region.KOREA, "market": "upbit", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY}
    return Trade(**(known | fields))  # type: ignore[arg-type]


def test_a_ticker() -> None:
    """`upbit/ticker.doc.jsonl`, line 3: KRW-ETH, captured 2023-07-02 09:46 UTC; figures of the day count from 00:00 UTC. No bid, no ask."""
    assert read("ticker.doc.jsonl", 2) == Ticker(
        region=Region.KOREA,
        market="upbit",
        symbol="ETH",
        quote="KRW",
        source=Source.REPLAY,
        event_time=1688291188337,
        received_time=0,
        price=2544000.0,
        open=2563000.0,
        high=2563000.0,
        low=2535000.0,
        prev_close=2563000.0,
        volume_24h=8278.60582208,
        quote_volume_24h=21149832920.57972,
        acc_volume=4206.90085201,
        acc_since=1688256000000,  # 2023-07-02 00:00 UTC
    )


def test_a_trade_of_today() -> None:
    """`upbit/trade.doc.jsonl`, line 1: captured 2026-09-02, the old trade that comes first. ASK: the seller took. Its id is above 2**53."""
    assert read("trade.doc.jsonl") == trade(
        event_time=1788335180377, received_time=0, trade_id="17883351803770004", price=106691000.0, size=0.00009372, side=Side.SELL
    )


def test_a_trade_in_short_keys() -> None:
    """`upbit/trade.jsonl`, line 1: KRW-LAMB, captured 2021-04-17. BID: the buyer took."""
    assert read("trade.jsonl") == trade(
        symbol="LAMB",
        event_time=1618678262000,
        received_time=1618678263010,
        trade_id="1618678262000003",
        price=127.0,
        size=46.48838371,
        side=Side.BUY,
    )


def test_a_book_in_both_formats() -> None:
    """`upbit/orderbook.doc.jsonl`, lines 1 and 3: captured 2026-09-23, trimmed to two levels; prices are spelled 1.16539E8."""
    names = {"market": "upbit", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY, "received_time": 0, "snapshot": True}
    assert read("orderbook.doc.jsonl") == BookUpdate(
        **names,  # type: ignore[arg-type]
        event_time=1790134742106,
        bids=[(116538000.0, 0.08120946), (116537000.0, 0.01129382)],
        asks=[(116539000.0, 0.02054761), (116542000.0, 0.0007772)],
    )
    assert read("orderbook.doc.jsonl", 2) == BookUpdate(
        **names,  # type: ignore[arg-type]
        event_time=1790134773006,
        bids=[(116534000.0, 0.00079276), (116521000.0, 0.01624318)],
        asks=[(116606000.0, 0.06288509), (116609000.0, 0.0005)],
    )


def test_filling_of_a_short_side_is_no_level() -> None:
    """`upbit/orderbook.doc.jsonl`, line 5: BTC-BERA, its one bid is 0 at 0."""
    book = read("orderbook.doc.jsonl", 4)
    assert isinstance(book, BookUpdate)
    assert (book.symbol, book.quote, book.bids, book.asks) == ("BERA", "BTC", [], [(0.00000689, 8.70827286)])


def test_books_of_the_capture_are_whole_and_tell_the_takers_side() -> None:
    """Fed as it came in: every trade of a taker who bought is above the middle of the book before it, every other one below."""
    files = ("orderbook.jsonl", "trade.jsonl")
    lines = sorted((line for file in files for line in read_frames(captures_folder() / "upbit" / file)), key=lambda line: line.received or 0)
    books: dict[tuple[str, str], Book] = {}
    sides = []
    for line in lines:
        (said,) = VENUE.parse(line.frame("upbit"))
        assert isinstance(said, Trade | BookUpdate)
        pair = said.symbol, said.quote
        if isinstance(said, BookUpdate):
            book = books.setdefault(pair, Book(VENUE.book_rule))
            assert book.apply(said) is Outcome.CHANGED
            assert book.valid
            assert book.fault is None
        elif pair in books:
            (bid,), (ask,) = books[pair].best(1)
            assert said.price is not None
            sides.append((said.side, said.price > (bid[0] + ask[0]) / 2))
    assert sides.count((Side.BUY, True)) == 73
    assert sides.count((Side.SELL, False)) == 78
    assert len(sides) == 151


def test_every_other_captured_frame_is_known() -> None:
    kinds = {"ticker.doc.jsonl": Ticker, "trade.doc.jsonl": Trade, "orderbook.doc.jsonl": BookUpdate, "control.doc.jsonl": Control}
    for file, kind in kinds.items():
        for line in read_frames(captures_folder() / "upbit" / file):
            (said,) = VENUE.parse(line.frame("upbit"))
            assert isinstance(said, kind)


def test_control_frames() -> None:
    assert parsed(b'{"status":"UP"}') == [Control(ControlKind.HEARTBEAT, "UP")]
    assert read("control.doc.jsonl", 2) == Control(ControlKind.REFUSED, "INVALID_PARAM: nope 은 지원하지 않는 타입입니다.")


def test_one_request_is_for_everything_and_is_made_again_to_begin_one_pair_anew() -> None:
    pairs = [Pair("BTC", "KRW"), Pair("SHIB", "KRW", 1000)]
    for requests in (VENUE.subscribe(Channel.ORDERBOOK, pairs), VENUE.renew(Channel.ORDERBOOK, pairs[0], pairs)):
        (request,) = map(json.loads, requests)
        assert request[0].keys() == {"ticket"}
        assert request[1:] == [{"type": "orderbook", "codes": ["KRW-BTC", "KRW-1000SHIB"]}, {"format": "DEFAULT"}]


def test_the_answer_with_the_latest_trades() -> None:
    """Shape of docs.upbit.com/kr/reference/list-pair-trades: newest first."""
    path = VENUE.trades_path(Pair("BTC", "KRW"), None)
    assert path == "/v1/trades/ticks?market=KRW-BTC&count=500"
    tick = {"market": "KRW-BTC", "trade_date_utc": "2026-09-02", "prev_closing_price": 107005000.0, "change_price": -314000.0}
    newer = tick | {
        "trade_time_utc": "07:46:20",
        "timestamp": 1788335180377,
        "trade_price": 106691000.0,
        "trade_volume": 0.00009372,
        "ask_bid": "ASK",
        "sequential_id": 17883351803770004,
    }
    older = newer | {"timestamp": 1788335180376, "trade_price": 106705000.0, "ask_bid": "BID", "sequential_id": 17883351803760000}
    same_time = newer | {"sequential_id": 17883351803770003, "trade_volume": 2}
    assert parsed(json.dumps([newer, same_time, older]), REST + path) == [
        trade(
            event_time=1788335180376,
            received_time=RECEIVED,
            backfilled=True,
            trade_id="17883351803760000",
            price=106705000.0,
            size=0.00009372,
            side=Side.BUY,
        ),
        trade(
            event_time=1788335180377,
            received_time=RECEIVED,
            backfilled=True,
            trade_id="17883351803770003",
            price=106691000.0,
            size=2.0,
            side=Side.SELL,
        ),
        trade(
            event_time=1788335180377,
            received_time=RECEIVED,
            backfilled=True,
            trade_id="17883351803770004",
            price=106691000.0,
            size=0.00009372,
            side=Side.SELL,
        ),
    ]
    assert parsed("[]", REST + path) == []


def test_the_answer_with_the_list_of_markets() -> None:
    """Shape of docs.upbit.com/kr/reference/list-trading-pairs. A market that no request could name hides no other."""
    names = ["KRW-BTC", "USDT-1INCH", "KRW-é", "BTC-1000SHIB"]
    body = json.dumps([{"market": name, "korean_name": "비트코인", "english_name": "Bitcoin"} for name in names])
    assert VENUE.listings_path == "/v1/market/all"
    assert parsed(body, REST + VENUE.listings_path) == [
        Listing(Pair("BTC", "KRW"), Instrument.SPOT, trading=True),
        Listing(Pair("1INCH", "USDT"), Instrument.SPOT, trading=True),
        Listing(Pair("SHIB", "BTC", 1000), Instrument.SPOT, trading=True),
    ]


def test_a_refused_rest_request() -> None:
    """Probed 2026-09-23: the name of an error is a number there."""
    refused = parsed('{"error":{"name":404,"message":"Code not found"}}', REST + "/v1/trades/ticks?market=KRW-NOPE")
    assert refused == [Control(ControlKind.REFUSED, "404: Code not found")]
    with pytest.raises(MalformedFrame, match="nobody makes"):
        parsed("[]", REST + "/v1/orderbook?markets=KRW-BTC")


def test_a_multiplied_pair_is_scaled_to_the_coin() -> None:
    (ticker,) = parsed(
        '{"type":"ticker","code":"KRW-1000SHIB","trade_price":20.0,"acc_trade_volume_24h":3,"acc_trade_volume":2,"timestamp":86400001}'
    )
    assert isinstance(ticker, Ticker)
    assert (ticker.symbol, ticker.price, ticker.volume_24h, ticker.acc_volume, ticker.acc_since) == ("SHIB", 0.02, 3000.0, 2000.0, 86400000)
    (book,) = parsed('{"type":"orderbook","code":"KRW-1000SHIB","orderbook_units":[{"ask_price":21,"bid_price":20,"ask_size":1,"bid_size":2}]}')
    assert isinstance(book, BookUpdate)
    assert (book.bids, book.asks, book.event_time) == ([(0.02, 2000.0)], [(0.021, 1000.0)], None)
    (said,) = parsed(
        '{"type":"trade","code":"KRW-1000SHIB","trade_timestamp":1,"trade_price":20,"trade_volume":2,"ask_bid":"BID","sequential_id":9007199254740993}'
    )
    assert isinstance(said, Trade)
    assert (said.price, said.size, said.trade_id) == (0.02, 2000.0, "9007199254740993")


@pytest.mark.parametrize(
    "change",
    [
        {"ask_bid": "BUY"},
        {"trade_price": "NaN"},
        {"trade_price": -1},
        {"trade_volume": None},
        {"sequential_id": 1.5},
        {"sequential_id": 10**30},
        {"trade_timestamp": 1618678262000000},
        {"code": "KRW"},
        {"type": "candle.1s"},
    ],
    ids=str,
)
def test_a_trade_that_makes_no_sense_is_malformed(change: dict[str, object]) -> None:
    message = json.loads(captured("upbit", "trade.doc.jsonl").message or "")
    assert len(parsed(json.dumps(message))) == 1
    with pytest.raises(MalformedFrame):
        parsed(json.dumps(message | change))
