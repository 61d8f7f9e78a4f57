"""Captured frames to records, and tickers of changes made whole; the command's lines, problems and exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from src.collect.exchanges import EXCHANGES
from src.collect.normalise import Normaliser
from src.collect.parsed import BookUpdate, Channel, TickerChange
from src.collect.ticker_changes import TickerChanges
from src.command.normalise import register
from src.errors import BadInput
from src.schema.records import Instrument, OrderBook, Region, Source, Ticker
from tests.captures import captures_folder
from tests.command.command_line import CommandLine

# The first update of the documentation: https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-tickers-channel (reduced).
OKX_TICKER = (
    '{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"16800.5","lastSz":"0.1",'
    '"askPx":"16801","askSz":"1.5","bidPx":"16800","bidSz":"2","ts":"1672515782136"}]}'
)
TIME = 1_672_515_782_136


def change(*, snapshot: bool = False, event_time: int = TIME, **fields: float | None) -> TickerChange:
    ticker = Ticker(
        region=Region.ASIA,
        market="bybit_linear",
        symbol="BTC",
        quote="USDT",
        instrument=Instrument.PERPETUAL,
        source=Source.REPLAY,
        event_time=event_time,
        received_time=event_time + 5,
        **fields,
    )
    return TickerChange(ticker, snapshot)


def okx_book(action: str, sequence: int, previous: int, bids: list[list[str]], asks: list[list[str]]) -> str:
    data = {"bids": bids, "asks": asks, "ts": str(TIME + sequence), "seqId": sequence, "prevSeqId": previous}
    return json.dumps({"arg": {"channel": "books", "instId": "BTC-USDT"}, "action": action, "data": [data]})


def level(price: str, size: str) -> list[str]:
    return [price, size, "0", "1"]


@pytest.fixture
def command() -> CommandLine:
    return CommandLine(register, {})


@pytest.fixture
def okx() -> Normaliser:
    return Normaliser(EXCHANGES["okx"], depth=2)


def test_a_change_keeps_what_it_does_not_say() -> None:
    changes = TickerChanges()
    assert changes.merged(change(snapshot=True, price=100.0, bid=99.0, ask=101.0)).price == 100.0
    merged = changes.merged(change(event_time=TIME + 1, bid=99.5))
    assert (merged.price, merged.bid, merged.ask) == (100.0, 99.5, 101.0)
    assert (merged.event_time, merged.received_time) == (TIME + 1, TIME + 6)
    assert changes.merged(change(ask=0.0)).ask == 0.0


def test_a_snapshot_forgets_and_a_change_without_one_is_what_is_known() -> None:
    changes = TickerChanges()
    assert changes.merged(change(bid=1.0)).price is None
    assert changes.merged(change(price=2.0)).bid == 1.0
    merged = changes.merged(change(snapshot=True, price=3.0))
    assert (merged.price, merged.bid) == (3.0, None)


def test_what_was_traded_between_two_messages_is_not_kept() -> None:
    changes = TickerChanges()
    changes.merged(change(snapshot=True, acc_volume=5.0, traded_volume=2.0))
    merged = changes.merged(change(price=1.0))
    assert (merged.acc_volume, merged.traded_volume) == (5.0, None)


def test_a_frame_alone_and_a_line_of_a_recording_give_the_same_record(okx: Normaliser) -> None:
    (alone,) = okx.read(OKX_TICKER.encode())
    (recorded,) = okx.read(json.dumps({"received": 1672515782.5, "message": OKX_TICKER}).encode())
    assert isinstance(alone, Ticker)
    assert isinstance(recorded, Ticker)
    assert (alone.price, alone.bid, alone.ask, alone.source, alone.usd_rate) == (16800.5, 16800.0, 16801.0, Source.REPLAY, None)
    assert (alone.event_time, alone.received_time) == (TIME, TIME)
    assert (recorded.event_time, recorded.received_time) == (TIME, 1_672_515_782_500)


def test_every_change_of_a_book_is_a_record_and_a_break_an_invalid_one(okx: Normaliser) -> None:
    bids, asks = [level("99", "1"), level("98", "2"), level("97", "3")], [level("101", "1")]
    (first,) = okx.read(okx_book("snapshot", 10, -1, bids, asks).encode())
    (second,) = okx.read(okx_book("update", 11, 10, [level("99", "0")], []).encode())
    (broken,) = okx.read(okx_book("update", 15, 13, [level("96", "1")], []).encode())
    assert okx.problems == ["the order book of BTC/USDT broke: messages are missing"]
    assert okx.read(okx_book("update", 16, 15, [level("96", "1")], []).encode()) == []
    (whole,) = okx.read(okx_book("snapshot", 20, -1, bids, asks).encode())
    (after,) = okx.read(okx_book("update", 21, 20, [], [level("101", "5")]).encode())
    books = [first, second, broken, whole, after]
    assert all(isinstance(book, OrderBook) for book in books)
    seen = [(book.sequence, book.valid, book.bids, book.asks, book.gap_since) for book in books if isinstance(book, OrderBook)]
    assert seen[0] == (10, True, ((99.0, 1.0), (98.0, 2.0)), ((101.0, 1.0),), None)
    assert seen[1] == (11, True, ((98.0, 2.0), (97.0, 3.0)), ((101.0, 1.0),), None)
    assert seen[2][1:] == (False, (), (), TIME + 11)
    assert seen[3][1:] == (True, ((99.0, 1.0), (98.0, 2.0)), ((101.0, 1.0),), TIME + 11)
    assert seen[4][3:] == (((101.0, 5.0),), None)
    assert (okx.counts["broken_books"], okx.counts["book_waiting"], okx.counts[Channel.ORDERBOOK]) == (1, 1, 5)


def test_raw_updates_come_as_they_are() -> None:
    okx = Normaliser(EXCHANGES["okx"], raw_updates=True)
    (update,) = okx.read(okx_book("update", 15, 13, [level("96", "0")], []).encode())
    assert isinstance(update, BookUpdate)
    assert (update.snapshot, update.last, update.previous, list(update.bids)) == (False, 15, 13, [(96.0, 0.0)])


def test_a_channel_leaves_out_the_others() -> None:
    okx = Normaliser(EXCHANGES["okx"], channel=Channel.TRADE)
    assert okx.read(OKX_TICKER.encode()) == []
    assert okx.counts["left_out"] == 1


@pytest.mark.parametrize(
    "line",
    [b"{broken", b"\xff\xfe", b"[" * 100_000, b'{"received":1e300,"message":"{}"}', b'{"received":1,"message":null}', b'{"a":1}', b"5", b"null"],
)
def test_what_is_no_frame_is_malformed_and_nothing_worse(okx: Normaliser, line: bytes) -> None:
    with pytest.raises(BadInput):
        okx.read(line)
    assert (okx.counts["frames"], okx.counts["malformed"]) == (1, 1)


def test_an_answer_to_a_request_is_told_from_a_message(okx: Normaliser) -> None:
    answer = {"code": "0", "msg": "", "data": [{"instId": "BTC-USDT", "tradeId": "7", "px": "1.5", "sz": "2", "side": "buy", "ts": str(TIME)}]}
    line = {"received": None, "message": json.dumps(answer), "url": "https://www.okx.com/api/v5/market/trades?instId=BTC-USDT&limit=500"}
    (trade,) = okx.read(json.dumps(line).encode())
    assert trade.backfilled is True  # type: ignore[union-attr]
    assert trade.trade_id == "7"  # type: ignore[union-attr]


def test_the_command_prints_records_problems_and_a_summary(command: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl"
    file.write_text(f"{OKX_TICKER}\n\n{{broken\npong\r\n{OKX_TICKER}\n")
    answer = command.run("normalise", "okx", str(file))
    assert answer.status == 1
    assert [(line["market"], line["price"], line["source"]) for line in answer.lines] == [("okx", 16800.5, "replay")] * 2
    problem, summary = map(json.loads, answer.errors.splitlines())
    assert (problem["level"], problem["event"], problem["line"]) == ("warning", "line 3: not JSON", 3)
    assert summary["event"] == "4 frames, 2 tickers, 0 trades, 0 order books, 1 malformed, 1 control messages"
    assert (summary["frames"], summary["ticker"], summary["malformed"]) == (4, 2, 1)


def test_standard_input_and_a_file_without_faults_exit_0(command: CommandLine) -> None:
    answer = command.run("normalise", "okx", "-", "--channel", "ticker", given=OKX_TICKER + "\n")
    assert (answer.status, len(answer.lines)) == (0, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("okex", "x.jsonl"), "did you mean okx?"),
        (("okx", "/nowhere/x.jsonl"), "/nowhere/x.jsonl cannot be read: No such file or directory"),
        (("okx", "/"), "/ cannot be read: Is a directory"),
    ],
)
def test_wrong_use_exits_2(command: CommandLine, words: tuple[str, ...], said: str) -> None:
    answer = command.run("normalise", *words)
    assert answer.status == 2
    assert said in answer.errors
    assert answer.output == ""


def test_changes_of_a_captured_ticker_are_merged() -> None:
    """bybit_linear/ticker.jsonl: a snapshot of DOGE, then two changes of its ask alone (captured 2026-08-09)."""
    lines = (captures_folder() / "bybit_linear" / "ticker.jsonl").read_bytes().splitlines()[:3]
    bybit = Normaliser(EXCHANGES["bybit_linear"])
    tickers = [record for line in lines for record in bybit.read(line) if isinstance(record, Ticker)]
    assert [(ticker.price, ticker.bid, ticker.bid_size, ticker.ask, ticker.ask_size) for ticker in tickers] == [
        (0.07053, 0.07053, 307807.0, 0.07054, 16396.0),
        (0.07053, 0.07053, 307807.0, 0.07054, 15919.0),
        (0.07053, 0.07053, 307807.0, 0.07054, 13841.0),
    ]


def test_a_book_that_is_anchored_by_a_request_is_whole_from_there() -> None:
    """The REST snapshot of NKN (binance/orderbook.rest_snapshot.jsonl line 0) is of 499869752, the last change of the first message."""
    folder = captures_folder() / "binance"
    binance = Normaliser(EXCHANGES["binance"], depth=1)
    first = (folder / "orderbook.jsonl").read_bytes().splitlines()[0]
    snapshot = (folder / "orderbook.rest_snapshot.jsonl").read_bytes().splitlines()[0]
    assert binance.read(first) == []
    (book,) = binance.read(snapshot)
    assert isinstance(book, OrderBook)
    assert (book.symbol, book.sequence, book.valid, book.bids) == ("NKN", 499869752, True, ((0.3521, 672.0),))
    assert binance.counts["malformed"] == 0
