"""Bybit's socket of linear contracts: captured frames of 2026-08-09, books of one level of 2025-06-13, and frames of its documents."""

from __future__ import annotations

import json
import uuid
from collections import Counter

import msgspec
import pytest

from src.collect.book import Book, Outcome
from src.collect.exchanges.bybit_linear import BybitLinear
from src.collect.parsed import BookUpdate, Control, ControlKind, Frame, TickerChange, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Source, Ticker, Trade
from tests.captures import captured, captures_folder, read_frames

VENUE = BybitLinear()


def parsed(message: str) -> list[object]:
    return list(VENUE.parse(Frame("bybit_linear", Source.REPLAY, 1, message)))


def frames(file: str) -> list[Frame]:
    return [line.frame("bybit_linear") for line in read_frames(captures_folder() / "bybit_linear" / file)]


def test_the_ticker_of_the_documents_is_a_snapshot() -> None:
    """`bybit_linear/ticker.doc.jsonl`: a test frame of nautilus_trader, which is the example of the exchange's page."""
    assert VENUE.parse(captured("bybit_linear", "ticker.doc.jsonl").frame("bybit_linear")) == (
        TickerChange(
            Ticker(
                region=Region.ASIA,
                market="bybit_linear",
                symbol="BTC",
                quote="USDT",
                instrument=Instrument.PERPETUAL,
                source=Source.REPLAY,
                event_time=1673272861686,
                received_time=0,
                price=17216.0,
                open=16926.5,
                high=17281.5,
                low=16915.0,
                prev_close=16926.5,
                volume_24h=91705.276,
                quote_volume_24h=1570383121.943499,
                bid=17215.5,
                bid_size=84.489,
                ask=17216.0,
                ask_size=83.02,
            ),
            snapshot=True,
        ),
    )


def test_a_captured_change_of_a_ticker_has_only_what_is_new() -> None:
    """`bybit_linear/ticker.jsonl`, line 2: DOGEUSDT."""
    assert VENUE.parse(captured("bybit_linear", "ticker.jsonl", 1).frame("bybit_linear")) == (
        TickerChange(
            Ticker(
                region=Region.ASIA,
                market="bybit_linear",
                symbol="DOGE",
                quote="USDT",
                instrument=Instrument.PERPETUAL,
                source=Source.REPLAY,
                event_time=1786310819234,
                received_time=1786310819526,
                ask=0.07054,
                ask_size=15919.0,
            ),
            snapshot=False,
        ),
    )


def test_captured_tickers_begin_with_a_snapshot() -> None:
    seen: set[str] = set()
    for frame in frames("ticker.jsonl"):
        (change,) = VENUE.parse(frame)
        assert isinstance(change, TickerChange)
        assert change.snapshot is (change.ticker.symbol not in seen)
        assert change.ticker.price is None or change.ticker.price > 0
        seen.add(change.ticker.symbol)
    assert seen == {"DOGE", "ETH"}


def test_a_captured_frame_of_five_trades() -> None:
    """`bybit_linear/trade.jsonl`, line 2: ETHUSDT, with UUIDs for ids."""
    trades = VENUE.parse(captured("bybit_linear", "trade.jsonl", 1).frame("bybit_linear"))
    assert trades[0] == Trade(
        region=Region.ASIA,
        market="bybit_linear",
        symbol="ETH",
        quote="USDT",
        instrument=Instrument.PERPETUAL,
        source=Source.REPLAY,
        event_time=1786310820346,
        received_time=1786310820459,
        trade_id="19d7df56-4f10-5290-a969-d9d9f2c74cc3",
        price=1922.5,
        size=0.01,
        side=Side.BUY,
    )
    assert [trade.size for trade in trades if isinstance(trade, Trade)] == [0.01, 1.3, 0.1, 0.1, 0.16]


def test_the_ids_of_captured_trades_are_uuids_each_once() -> None:
    trades = [trade for frame in frames("trade.jsonl") for trade in VENUE.parse(frame) if isinstance(trade, Trade)]
    assert len({trade.trade_id for trade in trades}) == len(trades) == 125
    assert all(str(uuid.UUID(trade.trade_id)) == trade.trade_id for trade in trades)
    assert VENUE.trade_ids is TradeIds.UNIQUE


def test_the_side_of_a_trade_is_the_takers() -> None:
    """A buyer who takes moves the price up (`PlusTick`), a seller down: the capture says both, and no trade says otherwise."""
    moves = Counter[tuple[str, Side | None]]()
    for frame in frames("trade.jsonl"):
        ticks = [said["L"] for said in json.loads(frame.message)["data"]]
        moves.update((tick, trade.side) for tick, trade in zip(ticks, VENUE.parse(frame), strict=True) if isinstance(trade, Trade))
    assert moves["PlusTick", Side.BUY] > 0
    assert moves["MinusTick", Side.SELL] > 0
    assert moves["PlusTick", Side.SELL] == moves["MinusTick", Side.BUY] == 0


def test_the_captured_books_are_whole_from_beginning_to_end() -> None:
    """Changes of ETHUSDT and DOGEUSDT, none missing; the level checked is of the last captured change."""
    books = {"ETH": Book(VENUE.book_rule), "DOGE": Book(VENUE.book_rule)}
    for frame in frames("orderbook.jsonl"):
        (update,) = VENUE.parse(frame)
        assert isinstance(update, BookUpdate)
        assert books[update.symbol].apply(update) is Outcome.CHANGED
        assert books[update.symbol].valid
    assert [len(side) for book in books.values() for side in book.best(1000)] == [200, 200, 200, 200]
    assert books["ETH"].sequence == 14768671
    assert books["ETH"].event_time == 1786310840029
    assert (1922.54, 36.19) in books["ETH"].best(200)[0]


def test_the_book_of_the_documents() -> None:
    """`bybit_linear/orderbook.doc.jsonl`: a snapshot, then a change that takes the best ask away. There is no `cts`."""
    book = Book(VENUE.book_rule)
    for frame in frames("orderbook.doc.jsonl"):
        (update,) = VENUE.parse(frame)
        assert isinstance(update, BookUpdate)
        assert book.apply(update) is Outcome.CHANGED
    assert book.best(10) == (((27450.0, 0.4), (27449.5, 1.0)), ((27451.5, 0.9),))
    assert (book.sequence, book.event_time) == (123456790, 1709891679500)


def test_a_lost_change_is_a_gap_and_a_snapshot_mends_it() -> None:
    updates = [update for frame in frames("orderbook.jsonl") for update in VENUE.parse(frame) if isinstance(update, BookUpdate)]
    updates = [update for update in updates if update.symbol == "DOGE"][:6]
    book = Book(VENUE.book_rule)
    assert [book.apply(update) for update in updates[:3] + updates[4:]] == [Outcome.CHANGED] * 3 + [Outcome.BROKEN, Outcome.WAITING]
    assert book.apply(msgspec.structs.replace(updates[0], first=1, last=1)) is Outcome.CHANGED
    assert (book.valid, book.sequence) == (True, 1)


def test_every_captured_frame_is_accounted_for() -> None:
    found = {file: Counter(type(item) for frame in frames(file) for item in VENUE.parse(frame)) for file in FILES}
    assert found == FILES
    assert {path.name for path in (captures_folder() / "bybit_linear").glob("*.jsonl")} - set(FILES) == {"requests.jsonl"}


FILES = {
    "ticker.jsonl": {TickerChange: 380},
    "ticker.doc.jsonl": {TickerChange: 1},
    "trade.jsonl": {Trade: 125},
    "orderbook.jsonl": {BookUpdate: 400},
    "orderbook.doc.jsonl": {BookUpdate: 2},
    "orderbook.l1.jsonl": {BookUpdate: 99},
    "control.jsonl": {Control: 17},
}


def test_control_frames() -> None:
    assert {VENUE.parse(frame)[0] for frame in frames("control.jsonl")} == {Control(ControlKind.ACKNOWLEDGED, "subscribe")}
    pong = '{"success":true,"ret_msg":"pong","conn_id":"465772b1-7630-4fdc-a492-e003e6f0f260","req_id":"","op":"ping"}'
    assert parsed(pong) == [Control(ControlKind.HEARTBEAT, "pong")]
    refused = '{"success":false,"ret_msg":"error:handler not found,topic:tickers.NOPE","conn_id":"c","req_id":"1","op":"subscribe"}'
    assert parsed(refused) == [Control(ControlKind.REFUSED, "error:handler not found,topic:tickers.NOPE")]


@pytest.mark.parametrize(
    "message",
    [
        '{"topic":"tickers.BTCUSDT","type":"else","ts":1,"data":{"symbol":"BTCUSDT","lastPrice":"1"}}',
        '{"topic":"tickers.BTCUSDT","type":"delta","ts":1,"data":{"symbol":"BTCUSD"}}',
        '{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT"}}',
        '{"topic":"tickers.BTCUSDT","type":"delta","ts":1,"data":{"symbol":"BTCUSDT","lastPrice":"0"}}',
        '{"topic":"liquidation.BTCUSDT","type":"snapshot","ts":1,"data":{}}',
    ],
)
def test_what_it_does_not_know_is_malformed(message: str) -> None:
    with pytest.raises(MalformedFrame):
        parsed(message)
