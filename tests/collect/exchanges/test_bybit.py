"""Bybit's spot socket: captured frames of 2026-08-09, books of one level of 2025-06-13, and frames of its documents."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import msgspec
import pytest

from src.collect.book import Book, Outcome
from src.collect.exchanges.bybit import Bybit
from src.collect.parsed import BookUpdate, Control, ControlKind, Frame, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Region, Side, Source, Ticker, Trade
from tests.captures import captured, captures_folder, read_frames

VENUE = Bybit()
RECEIVED = 1_790_000_000_050


def parsed(message: str) -> list[object]:
    return list(VENUE.parse(Frame("bybit", Source.REPLAY, RECEIVED, message)))


def frames(file: str) -> list[Frame]:
    return [line.frame("bybit") for line in read_frames(captures_folder() / "bybit" / file)]


def test_a_captured_ticker() -> None:
    """`bybit/ticker.jsonl`, line 1: BTCUSDT. Spot sends no bid and no ask."""
    assert VENUE.parse(captured("bybit", "ticker.jsonl").frame("bybit")) == (
        Ticker(
            region=Region.ASIA,
            market="bybit",
            symbol="BTC",
            quote="USDT",
            source=Source.REPLAY,
            event_time=1786310819126,
            received_time=1786310819526,
            price=65140.5,
            open=65045.3,
            high=65305.6,
            low=64727.9,
            prev_close=65045.3,
            volume_24h=2953.835931,
            quote_volume_24h=191907024.69597728,
        ),
    )


def test_a_captured_frame_of_two_trades() -> None:
    """`bybit/trade.jsonl`, line 4: ETHUSDT. The ids are above 2**53."""
    first, second = VENUE.parse(captured("bybit", "trade.jsonl", 3).frame("bybit"))
    assert first == Trade(
        region=Region.ASIA,
        market="bybit",
        symbol="ETH",
        quote="USDT",
        source=Source.REPLAY,
        event_time=1786310826369,
        received_time=1786310826479,
        trade_id="2280000001739247420",
        price=1923.29,
        size=0.0008,
        side=Side.BUY,
    )
    assert isinstance(first, Trade)
    assert second == msgspec.structs.replace(first, trade_id="2280000001739247421", size=0.00032)


def test_the_ids_of_captured_trades_rise_but_leave_some_out() -> None:
    trades = [trade for frame in frames("trade.jsonl") for trade in VENUE.parse(frame) if isinstance(trade, Trade) and trade.symbol == "ETH"]
    assert [trade.trade_id for trade in trades] == ["2280000001739247417", "2280000001739247420", "2280000001739247421", "2280000001739247443"]
    assert VENUE.trade_ids is TradeIds.RISING


def test_the_side_of_a_trade_is_the_takers() -> None:
    """A taker who buys pays the best ask: shown by the book of the same capture, as it was when the trade was made."""
    trades = [trade for frame in frames("trade.jsonl") for trade in VENUE.parse(frame) if isinstance(trade, Trade) and trade.symbol == "BTC"]
    book, updates, proven = Book(VENUE.book_rule), [VENUE.parse(frame)[0] for frame in frames("orderbook.jsonl")], Counter[Side]()
    for trade in trades:
        while updates and isinstance(updates[0], BookUpdate) and (updates[0].event_time or 0) < trade.event_time:
            book.apply(updates.pop(0))  # type: ignore[arg-type]
        (bid, *_), (ask, *_) = book.best(1)
        assert trade.price == (ask[0] if trade.side is Side.BUY else bid[0])
        assert trade.side is not None
        proven[trade.side] += 1
    assert proven == {Side.BUY: 3, Side.SELL: 3}


def test_a_captured_snapshot_and_its_first_change() -> None:
    """`bybit/orderbook.jsonl`, lines 1 and 2: 200 levels of BTCUSDT; `cts` is when the engine made them."""
    (snapshot,), (change,) = (VENUE.parse(captured("bybit", "orderbook.jsonl", line).frame("bybit")) for line in (0, 1))
    assert isinstance(snapshot, BookUpdate)
    assert (snapshot.symbol, snapshot.quote, snapshot.snapshot, snapshot.last) == ("BTC", "USDT", True, 62505424)
    assert (len(snapshot.bids), len(snapshot.asks)) == (200, 200)
    assert snapshot.bids[:2] == [(65140.4, 0.885797), (65140.0, 0.014)]
    assert change == BookUpdate(
        market="bybit",
        symbol="BTC",
        quote="USDT",
        source=Source.REPLAY,
        event_time=1786310816585,
        received_time=1786310819565,
        snapshot=False,
        bids=[(65140.4, 0.875077)],
        asks=[(65154.6, 0.09948), (65154.7, 0.123013), (65239.0, 0.155135), (65239.1, 0.0)],
        first=62505425,
        last=62505425,
    )


def test_a_book_without_the_engines_time_has_the_time_of_sending() -> None:
    """The shape of `bybit_linear/orderbook.doc.jsonl`."""
    (book,) = parsed('{"topic":"orderbook.1.BTCUSDT","type":"delta","ts":1709891679500,"data":{"s":"BTCUSDT","b":[],"a":[],"u":7,"seq":9}}')
    assert isinstance(book, BookUpdate)
    assert (book.event_time, book.first, book.last, book.bids, book.asks) == (1709891679500, 7, 7, [], [])


def test_the_captured_book_is_whole_from_beginning_to_end() -> None:
    """299 changes without a gap; the server keeps it at 200 levels. The last best levels are those of an independent replay of the capture."""
    book = Book(VENUE.book_rule)
    levels = {"b": dict[str, str](), "a": dict[str, str]()}
    for frame in frames("orderbook.jsonl"):
        (update,) = VENUE.parse(frame)
        assert isinstance(update, BookUpdate)
        assert book.apply(update) is Outcome.CHANGED
        assert book.valid
        for side, held in levels.items():
            held.update(json.loads(frame.message)["data"][side])
    for side, held in levels.items():
        levels[side] = {price: size for price, size in held.items() if Decimal(size)}
    bids, asks = book.best(1000)
    assert (len(bids), len(asks)) == (200, 200)
    assert bids == tuple(sorted(((float(price), float(size)) for price, size in levels["b"].items()), reverse=True))
    assert asks == tuple(sorted((float(price), float(size)) for price, size in levels["a"].items()))
    assert (bids[0], asks[0], book.sequence) == ((65140.4, 0.622237), (65140.5, 0.606831), 62505723)


def test_a_lost_change_is_a_gap_and_a_snapshot_mends_it() -> None:
    updates = [update for frame in frames("orderbook.jsonl")[:10] for update in VENUE.parse(frame) if isinstance(update, BookUpdate)]
    book = Book(VENUE.book_rule)
    assert [book.apply(update) for update in updates[:5] + updates[6:]] == [Outcome.CHANGED] * 5 + [Outcome.BROKEN] + [Outcome.WAITING] * 3
    assert book.fault is not None
    assert (book.fault.first_sequence, book.fault.last_sequence) == (62505428, 62505430)
    restarted = msgspec.structs.replace(updates[0], first=1, last=1)
    assert book.apply(restarted) is Outcome.CHANGED
    assert (book.valid, book.sequence) == (True, 1)


def test_every_captured_book_of_one_level_is_a_snapshot() -> None:
    """`bybit/orderbook.l1.jsonl`: repeated after 3 s without a change, with the same number."""
    books: dict[str, Book] = {}
    for frame in frames("orderbook.l1.jsonl"):
        (update,) = VENUE.parse(frame)
        assert isinstance(update, BookUpdate)
        assert update.snapshot
        book = books.setdefault(update.symbol + update.quote, Book(VENUE.book_rule))
        assert book.apply(update) is Outcome.CHANGED
        assert book.valid
    assert sorted(books) == ["ARBUSDC", "CPOOLUSDT", "KCSUSDT", "MASAUSDT", "OPUSDC", "TUSDUSDT"]


def test_every_captured_frame_is_accounted_for() -> None:
    found = {file: Counter(type(item) for frame in frames(file) for item in VENUE.parse(frame)) for file in FILES}
    assert found == FILES
    assert {path.name for path in (captures_folder() / "bybit").glob("*.jsonl")} - set(FILES) == {"requests.jsonl", "requests.doc.jsonl"}


FILES = {
    "ticker.jsonl": {Ticker: 41},
    "trade.jsonl": {Trade: 10},
    "orderbook.jsonl": {BookUpdate: 300},
    "orderbook.l1.jsonl": {BookUpdate: 70},
    "control.jsonl": {Control: 7},
    "control.doc.jsonl": {Control: 3},
}


def test_control_frames() -> None:
    """`bybit/control.doc.jsonl`, and the pong whose operation says so."""
    assert [VENUE.parse(frame)[0] for frame in frames("control.doc.jsonl")] == [
        Control(ControlKind.ACKNOWLEDGED, "subscribe"),
        Control(ControlKind.REFUSED, "Invalid topic: invalid.topic.BTCUSDT"),
        Control(ControlKind.HEARTBEAT, "pong"),
    ]
    assert parsed('{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"c"}') == [Control(ControlKind.HEARTBEAT, "pong")]


@pytest.mark.parametrize(
    "message",
    [
        '{"topic":"kline.1.BTCUSDT","ts":1,"type":"snapshot","data":[]}',
        '{"topic":"orderbook.50.BTCUSDT","ts":1,"type":"else","data":{"s":"BTCUSDT","b":[],"a":[],"u":7}}',
        '{"topic":"orderbook.50.BTCUSDT","ts":1,"type":"delta","data":{"s":"BTCUSDT","b":[["NaN","1"]],"a":[],"u":7}}',
        '{"topic":"orderbook.50.BTCUSDT","ts":1,"type":"delta","data":{"s":"BTCUSDT","b":[["1","-1"]],"a":[],"u":7}}',
        '{"topic":"orderbook.50.BTCUSDT","ts":1,"type":"delta","data":{"s":"BTCUSDT","b":[],"a":[]}}',
        '{"topic":"publicTrade.BTCUSDT","ts":1,"data":[{"i":"1","T":1,"p":"1","v":"1","S":"Both","s":"BTCUSDT"}]}',
        '{"topic":"publicTrade.BTCUSDT","ts":1,"data":[{"i":"1","T":1,"p":"1e999","v":"1","S":"Buy","s":"BTCUSDT"}]}',
        '{"topic":"publicTrade.BTCUSDT","data":[]}',
        '{"topic":"publicTrade.BTCUSDT","ts":1}',
        '{"topic":"publicTrade.BTCUSDT","ts":1,"data":null}',
        '{"topic":"tickers.BTCUSDT","ts":1,"type":"delta","data":{"symbol":"BTCUSDT","lastPrice":"1"}}',
        "{}",
    ],
)
def test_what_it_does_not_know_is_malformed(message: str) -> None:
    with pytest.raises(MalformedFrame):
        parsed(message)
