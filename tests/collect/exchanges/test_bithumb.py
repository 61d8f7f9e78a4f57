"""Bithumb's v1 socket: frames probed on 2026-09-23 and of its documents of 2024-09-10; and its former socket, captured on 2021-06-01."""

from __future__ import annotations

import json

import pytest

from src.collect.book import Book, Outcome
from src.collect.exchanges.bithumb import Bithumb
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Source, Ticker, Trade
from tests.captures import captured, captures_folder, read_frames

VENUE = Bithumb()
RECEIVED = 1_790_000_000_050
REST = "https://api.bithumb.com"


def parsed(message: str | bytes, url: str | None = None) -> list[object]:
    return list(VENUE.parse(Frame("bithumb", Source.REPLAY, RECEIVED, message, url)))


def read(file: str, line: int = 0) -> object:
    (said,) = VENUE.parse(captured("bithumb", file, line).frame("bithumb"))
    return said


def trade(**fields: object) -> Trade:
    known = {"region": Region.KOREA, "market": "bithumb", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY}
    return Trade(**(known | fields))  # type: ignore[arg-type]


def book(**fields: object) -> BookUpdate:
    known = {"market": "bithumb", "symbol": "BTC", "quote": "KRW", "source": Source.REPLAY, "received_time": 0, "snapshot": True}
    return BookUpdate(**(known | fields))  # type: ignore[arg-type]


def test_a_ticker_in_short_keys() -> None:
    """`bithumb/ticker.doc.jsonl`, line 5: BTC-ETH, 2024-09-10 00:20 UTC; figures of the day count from 00:00 in Seoul."""
    assert read("ticker.doc.jsonl", 4) == Ticker(
        region=Region.KOREA,
        market="bithumb",
        symbol="ETH",
        quote="BTC",
        source=Source.REPLAY,
        event_time=1725927614457,
        received_time=0,
        price=47570.0,
        open=47890.0,
        high=48310.0,
        low=47570.0,
        prev_close=47890.0,
        volume_24h=19797.96498024,
        quote_volume_24h=730024172.7976457,
        acc_volume=174.6851,
        acc_since=1725894000000,  # 2024-09-10 00:00 in Seoul, 2024-09-09 15:00 UTC
    )


def test_a_ticker_of_the_probe_has_only_what_was_sent() -> None:
    """`bithumb/ticker.doc.jsonl`, line 1: trimmed to the price and the times."""
    assert read("ticker.doc.jsonl") == Ticker(
        region=Region.KOREA,
        market="bithumb",
        symbol="BTC",
        quote="KRW",
        source=Source.REPLAY,
        event_time=1790133514044,
        received_time=0,
        price=116208000.0,
    )


def test_a_trade() -> None:
    """`bithumb/trade.doc.jsonl`, line 1. BID: the buyer took, at 116208000, which is the best ask of the book eight seconds before."""
    assert read("trade.doc.jsonl") == trade(
        event_time=1790133513739, received_time=0, trade_id="1079953210371761700", price=116208000.0, size=0.0009, side=Side.BUY
    )
    before = read("orderbook.doc.jsonl", 2)
    assert isinstance(before, BookUpdate)
    assert before.asks[0] == (116208000.0, 0.3313)


def test_a_book_in_microseconds_without_sizes_of_zero() -> None:
    """`bithumb/orderbook.doc.jsonl`, line 3: the third ask has a price and a size that four decimals make 0."""
    assert read("orderbook.doc.jsonl", 2) == book(
        event_time=1790133505564,
        bids=[(116204000.0, 0.0037), (116203000.0, 0.0025), (116201000.0, 0.0004)],
        asks=[(116208000.0, 0.3313), (116209000.0, 0.0001)],
    )


def test_filling_of_a_short_side_is_no_level() -> None:
    """`bithumb/orderbook.doc.jsonl`, line 4: three bids and one ask."""
    assert read("orderbook.doc.jsonl", 3) == book(
        event_time=1790133505564, bids=[(113000000.0, 5.5544), (112000000.0, 6.1459), (111000000.0, 2.9321)], asks=[(120000000.0, 15.721)]
    )


def test_a_book_in_short_keys_and_without_a_time() -> None:
    """`bithumb/orderbook.doc.jsonl`, line 5: quoted without its time."""
    assert read("orderbook.doc.jsonl", 4) == book(
        event_time=None,
        bids=[(116267000.0, 0.0084), (116248000.0, 0.0213), (116239000.0, 0.0024)],
        asks=[(116279000.0, 0.0892), (116280000.0, 0.0087), (116290000.0, 0.0025)],
    )


@pytest.mark.parametrize(("time", "expected"), [(1790133505564033, 1790133505564), (1725927377931, 1725927377931), (None, None)])
def test_the_time_of_a_book_is_read_by_its_size(time: int | None, expected: int | None) -> None:
    """Of today in us, of the documents v2.1.4 in ms."""
    (said,) = parsed(json.dumps({"type": "orderbook", "code": "KRW-BTC", "orderbook_units": [], "timestamp": time}))
    assert said == book(event_time=expected, received_time=RECEIVED, bids=[], asks=[])


def test_books_of_today_are_whole() -> None:
    books: dict[tuple[str, str], Book] = {}
    for line in read_frames(captures_folder() / "bithumb" / "orderbook.doc.jsonl"):
        (said,) = VENUE.parse(line.frame("bithumb"))
        assert isinstance(said, BookUpdate)
        one = books.setdefault((said.symbol, said.quote), Book(VENUE.book_rule))
        assert one.apply(said) is Outcome.CHANGED
        assert one.valid
    assert books.keys() == {("ETH", "KRW"), ("BTC", "KRW")}


def test_trades_of_the_former_socket() -> None:
    """`bithumb/trade.legacy.jsonl`: 08:43:34 in Seoul is 23:43:34 UTC of the day before; 2 bought, 1 sold. There are no ids."""
    assert read("trade.legacy.jsonl") == trade(
        symbol="CON", event_time=1622591014555, received_time=1622591015093, price=3.908, size=12365.191, side=Side.BUY
    )
    assert read("trade.legacy.jsonl", 1) == trade(
        symbol="GOM2", event_time=1622591021416, received_time=1622591022386, price=7.524, size=626.0, side=Side.SELL
    )


def test_changes_of_books_of_the_former_socket() -> None:
    """`bithumb/orderbook.legacy.jsonl`, line 1: a size of 0 takes a level away."""
    assert read("orderbook.legacy.jsonl") == book(
        symbol="ETH",
        quote="BTC",
        event_time=1622591012656,
        received_time=1622591013045,
        snapshot=False,
        bids=[(0.07108345, 0.0), (0.07108354, 2.2972), (0.0710835, 1.8443), (0.07108346, 0.4529)],
        asks=[(0.07232378, 0.0), (0.07232376, 1.6088)],
    )


def test_changes_without_a_book_prove_nothing() -> None:
    """The capture has no whole book: nothing is called whole, and no gap is made up."""
    one = Book(VENUE.book_rule)
    for line in read_frames(captures_folder() / "bithumb" / "orderbook.legacy.jsonl"):
        for said in VENUE.parse(line.frame("bithumb")):
            assert isinstance(said, BookUpdate)
            assert one.apply(said) is Outcome.WAITING
    assert (one.valid, one.fault) == (False, None)


def test_a_whole_book_of_the_former_socket() -> None:
    """`bithumb/orderbook.legacy.doc.jsonl`: probed 2026-09-23, trimmed."""
    assert read("orderbook.legacy.doc.jsonl") == book(
        event_time=1790133914965,
        bids=[(116500000.0, 0.7074), (116475000.0, 0.0258)],
        asks=[(116501000.0, 0.0163), (116510000.0, 0.0051), (116511000.0, 0.0004)],
    )


def test_changes_of_several_pairs_in_one_frame() -> None:
    change = {"orderType": "ask", "price": "20", "quantity": "2", "total": "1"}
    changes = [change | {"symbol": "BTC_KRW"}, change | {"symbol": "1000SHIB_KRW"}]
    said = parsed(json.dumps({"type": "orderbookdepth", "content": {"list": changes, "datetime": "1622591012656250"}}))
    common = {"event_time": 1622591012656, "received_time": RECEIVED, "snapshot": False, "bids": []}
    assert said == [book(**common, asks=[(20.0, 2.0)]), book(**common, symbol="SHIB", asks=[(0.02, 2000.0)])]


def test_control_frames() -> None:
    assert read("control.doc.jsonl") == Control(ControlKind.HEARTBEAT, "UP")
    assert read("control.doc.jsonl", 4) == Control(ControlKind.REFUSED, "NO_TYPE: type 필드가 존재하지 않습니다.")
    assert read("control.legacy.jsonl", 1) == Control(ControlKind.ACKNOWLEDGED, "Filter Registered Successfully")
    assert parsed('{"status":"5100","resmsg":"Invalid Filter Syntax"}') == [Control(ControlKind.REFUSED, "5100: Invalid Filter Syntax")]


@pytest.mark.parametrize(
    "message", ['{"type":"ticker","content":{"symbol":"BTC_KRW"}}', '{"type":"transaction","content":{"list":[{}]}}', '{"status":7}']
)
def test_what_neither_socket_says_is_malformed(message: str) -> None:
    with pytest.raises(MalformedFrame):
        parsed(message)


def test_every_captured_frame_is_known() -> None:
    for kind in ("ticker", "trade", "orderbook", "control"):
        for path in (captures_folder() / "bithumb").glob(f"{kind}*.jsonl"):
            for line in read_frames(path):
                for said in VENUE.parse(line.frame("bithumb")):
                    assert isinstance(said, {"ticker": Ticker, "trade": Trade, "orderbook": BookUpdate, "control": Control}[kind])


def test_one_request_is_for_everything() -> None:
    documented = json.loads(captured("bithumb", "requests.doc.jsonl").message or "")
    (request,) = VENUE.subscribe(Channel.ORDERBOOK, [Pair("BTC", "KRW")])
    assert json.loads(request)[1:] == documented[3:]


@pytest.mark.parametrize("timestamp", [1790133513739, 1790133513739 + 9 * 3_600_000], ids=["utc", "seoul"])
def test_the_answer_with_the_latest_trades(timestamp: int) -> None:
    """Shape of apidocs.bithumb.com/reference. Times of REST tickers were Seoul's counted as UTC on 2026-09-23: the time in UTC beside it tells."""
    tick = {"market": "KRW-BTC", "trade_date_utc": "2026-09-23", "trade_time_utc": "03:18:33", "timestamp": timestamp, "trade_price": 116208000}
    tick |= {"trade_volume": 0.0009, "prev_closing_price": 115000000, "change_price": 1, "ask_bid": "ASK", "sequential_id": 1077860633149466017}
    assert parsed(json.dumps([tick]), f"{REST}{VENUE.trades_path(Pair('BTC', 'KRW'), None)}") == [
        trade(
            event_time=1790133513739,
            received_time=RECEIVED,
            backfilled=True,
            trade_id="1077860633149466017",
            price=116208000.0,
            size=0.0009,
            side=Side.SELL,
        )
    ]


def test_the_list_of_markets_and_a_refused_request() -> None:
    """Probed 2026-09-23: refusals have status 200."""
    assert parsed('[{"market":"KRW-BTC","korean_name":"비트코인","english_name":"Bitcoin"}]', REST + "/v1/market/all") == [
        Listing(Pair("BTC", "KRW"), Instrument.SPOT, trading=True)
    ]
    assert parsed('{"error":{"name":404,"message":"Code not found"}}', REST + "/v1/market/all") == [
        Control(ControlKind.REFUSED, "404: Code not found")
    ]
    with pytest.raises(MalformedFrame):
        parsed('{"status":"0000","resmsg":"Connected Successfully"}', REST + "/v1/market/all")
