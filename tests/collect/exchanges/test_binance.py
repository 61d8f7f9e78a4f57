"""Binance spot: captured frames of 2021-08-14 and 2021-10-12, and frames quoted from public code."""

from __future__ import annotations

import json
from collections import Counter

import msgspec
import pytest

from src.collect.book import Book, Outcome
from src.collect.exchange import Parsed
from src.collect.exchanges.binance import Binance
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Pair, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Region, Side, Source, Ticker, Trade
from tests.captures import captured, captures_folder, read_frames

VENUE = Binance()
RECEIVED = 1_790_000_000_050


def parsed(message: str) -> list[Parsed]:
    return list(VENUE.parse(Frame("binance", Source.REPLAY, RECEIVED, message)))


def frames(*files: str) -> list[Frame]:
    """In the order in which they came; REST answers among them."""
    lines = [line for file in files for line in read_frames(captures_folder() / "binance" / file)]
    lines.sort(key=lambda line: line.received or 0.0)
    return [msgspec.structs.replace(line.frame("binance"), url=line.url) for line in lines]


def trade(**fields: object) -> Trade:
    known = {"region": Region.NORTH_AMERICA_EUROPE, "market": "binance", "source": Source.REPLAY, "received_time": RECEIVED}
    return msgspec.convert(known | fields, Trade)


def test_a_captured_ticker_without_bid_and_ask() -> None:
    """`binance/ticker.doc.jsonl`, line 1, captured 2026-09-15 and reduced to some fields: the others are null."""
    assert parsed(captured("binance", "ticker.doc.jsonl").message or "") == [
        Ticker(
            region=Region.NORTH_AMERICA_EUROPE,
            market="binance",
            symbol="BTC",
            quote="USDT",
            source=Source.REPLAY,
            event_time=1789499759014,
            received_time=RECEIVED,
            price=75998.81,
            open=79108.0,
            high=79600.0,
            low=74967.97,
            prev_close=79108.01,
            volume_24h=21280.39701,
            quote_volume_24h=1635793874.5480026,
        )
    ]


@pytest.mark.parametrize(
    ("line", "symbol", "quote", "trade_id", "price", "size", "side", "time"),
    [
        (0, "FTM", "USDT", "31718372", 0.33993, 99.9, "sell", 1628952396572),  # m true: the buyer was there before
        (1, "SXP", "BTC", "14455210", 0.0000748, 39.0, "buy", 1628952398391),
    ],
)
def test_captured_aggregate_trades(line: int, symbol: str, quote: str, trade_id: str, price: float, size: float, side: str, time: int) -> None:
    """`binance/trade.jsonl`; the time is `T`, when it was traded, not `E`."""
    frame = captured("binance", "trade.jsonl", line).frame("binance")
    known = {"symbol": symbol, "quote": quote, "trade_id": trade_id, "price": price, "size": size, "side": side}
    assert VENUE.parse(frame) == (trade(**known, event_time=time, received_time=frame.received_time),)


def test_the_takers_side_agrees_with_the_book() -> None:
    """`binance/trade.jsonl` and `bookticker.jsonl`: FTMUSDT was bid 0.33993 and asked 0.34012 when 0.33993 was traded: the taker sold."""
    (sold,) = VENUE.parse(captured("binance", "trade.jsonl").frame("binance"))
    assert isinstance(sold, Trade)
    before = [json.loads(line.message or "")["data"] for line in read_frames(captures_folder() / "binance/bookticker.jsonl")]
    quoted = next(quote for quote in before if quote["u"] == 800360997)
    assert (quoted["b"], quoted["a"]) == ("0.33993000", "0.34012000")
    assert (sold.price, sold.side) == (0.33993, Side.SELL)


def test_a_bare_trade() -> None:
    """`binance/trade.doc.jsonl`, line 2, captured 2024-04-05 on `/ws`."""
    known = {"symbol": "BTC", "quote": "USDT", "trade_id": "2954790092", "price": 67459.36, "size": 0.00045, "side": "sell"}
    assert parsed(captured("binance", "trade.doc.jsonl", 1).message or "") == [trade(**known, event_time=1712325202400)]


def test_captured_changes_of_a_book() -> None:
    """`binance/orderbook.doc.jsonl`, captured 2021-05-30."""
    assert parsed(captured("binance", "orderbook.doc.jsonl").message or "") == [
        BookUpdate(
            market="binance",
            symbol="BTC",
            quote="USDT",
            source=Source.REPLAY,
            event_time=1622363903670,
            received_time=RECEIVED,
            snapshot=False,
            bids=[(35743.98, 0.0), (35743.87, 0.000015)],
            asks=[(35743.88, 0.24), (35743.97, 0.0)],
            first=11294093710,
            last=11294093726,
        )
    ]


def test_a_captured_snapshot_names_its_pair_in_the_address() -> None:
    """`binance/orderbook.rest_snapshot.jsonl`, line 4: RUNEEUR; it says no time."""
    (book,) = VENUE.parse(frames("orderbook.rest_snapshot.jsonl")[3])
    assert isinstance(book, BookUpdate)
    assert (book.symbol, book.quote, book.snapshot, book.last, book.first, book.event_time) == ("RUNE", "EUR", True, 15602511, None, None)
    assert (len(book.bids), len(book.asks)) == (221, 468)
    assert (book.bids[0], book.asks[0]) == ((6.251, 69.3), (6.269, 69.3))


def test_every_captured_frame_is_a_record() -> None:
    def kinds(file: str) -> Counter[str]:
        return Counter(type(record).__name__ for frame in frames(file) for record in VENUE.parse(frame))

    assert kinds("trade.jsonl") == {"Trade": 15}
    assert kinds("orderbook.jsonl") == {"BookUpdate": 150}
    assert kinds("orderbook.2.jsonl") == {"BookUpdate": 307}
    assert kinds("orderbook.rest_snapshot.jsonl") == {"BookUpdate": 4}
    assert kinds("ticker.doc.jsonl") == {"Ticker": 3}
    assert kinds("control.doc.jsonl") == {"Control": 1}


@pytest.mark.parametrize("file", ["bookticker.jsonl"])
def test_channels_that_nobody_subscribes_to_are_refused(file: str) -> None:
    for frame in frames(file):
        with pytest.raises(MalformedFrame):
            VENUE.parse(frame)


def test_single_fills_are_refused() -> None:
    """`binance/trade.doc.jsonl`, line 1, `@trade`: its ids count otherwise than those of aggregate trades."""
    with pytest.raises(MalformedFrame):
        parsed(captured("binance", "trade.doc.jsonl", 0).message or "")


@pytest.mark.parametrize(("file", "line"), [("trade.doc.jsonl", 0), ("trade.doc.jsonl", 1), ("orderbook.jsonl", 0), ("ticker.doc.jsonl", 0)])
def test_events_of_contracts_are_not_taken_for_spot(file: str, line: int) -> None:
    """They are known by `st`, by `nq`, by `pu`."""
    with pytest.raises(MalformedFrame, match="another Binance market"):
        parsed(captured("binance_futures", file, line).message or "")


def test_captured_books_are_whole_and_never_cross() -> None:
    """`binance/orderbook.jsonl` with the four snapshots that came between: each book begins, and no gap is found."""
    books: dict[str, Book] = {}
    outcomes: Counter[Outcome] = Counter()
    for frame in frames("orderbook.jsonl", "orderbook.rest_snapshot.jsonl"):
        (update,) = VENUE.parse(frame)
        assert isinstance(update, BookUpdate)
        book = books.setdefault(update.symbol, Book(VENUE.book_rule))
        outcomes[book.apply(update)] += 1
        assert book.valid or not book.is_whole
    assert outcomes == {Outcome.CHANGED: 153, Outcome.WAITING: 1}
    assert {symbol: (book.sequence, book.best(1)) for symbol, book in books.items()} == {
        "NKN": (499870179, (((0.3527, 9602.0),), ((0.3531, 152.0),))),
        "BLZ": (281916627, (((0.00006547, 100.0),), ((0.00006555, 6617.0),))),
        "LRC": (259345543, (((0.00000637, 6500.0),), ((0.00000638, 24365.0),))),
        "RUNE": (15602511, (((6.251, 69.3),), ((6.269, 69.3),))),
    }


def test_a_lost_change_is_a_gap() -> None:
    series = [frame for frame in frames("orderbook.jsonl") if "NKNUSDT" in str(frame.message)]
    (snapshot,) = VENUE.parse(frames("orderbook.rest_snapshot.jsonl")[0])
    assert isinstance(snapshot, BookUpdate)
    book = Book(VENUE.book_rule)
    book.apply(snapshot)
    outcomes = [book.apply(update) for frame in (*series[:3], *series[4:6]) for update in VENUE.parse(frame) if isinstance(update, BookUpdate)]
    assert outcomes == [Outcome.UNCHANGED, Outcome.CHANGED, Outcome.CHANGED, Outcome.BROKEN, Outcome.WAITING]


def test_the_ids_of_captured_trades_leave_none_out() -> None:
    ids: dict[str, list[int]] = {}
    for frame in frames("trade.jsonl"):
        (record,) = VENUE.parse(frame)
        assert isinstance(record, Trade)
        ids.setdefault(record.symbol, []).append(int(record.trade_id or ""))
    assert {symbol: numbers == list(range(numbers[0], numbers[0] + len(numbers))) for symbol, numbers in ids.items()} == dict.fromkeys(ids, True)
    assert sorted(len(numbers) for numbers in ids.values()) == [1, 4, 10]
    assert VENUE.trade_ids is TradeIds.CONSECUTIVE


def test_ids_beyond_the_doubles_are_exact() -> None:
    message = '{"e":"aggTrade","E":1,"s":"BTCUSDT","a":9007199254740993,"p":"1","q":"2","T":1,"m":false,"M":true}'
    (record,) = parsed(message)
    assert isinstance(record, Trade)
    assert record.trade_id == "9007199254740993"


def test_multiplied_coins_are_said_per_coin() -> None:
    """1000SATS is a thousand coins and 1MBABYDOGE a million: prices are divided, sizes multiplied, money stays."""
    (ticker,) = parsed('{"e":"24hrTicker","E":1,"s":"1000SATSUSDT","c":"0.5","b":"0.25","B":"2","v":"4","q":"8"}')
    assert isinstance(ticker, Ticker)
    assert (ticker.symbol, ticker.price, ticker.bid, ticker.bid_size) == ("SATS", 0.0005, 0.00025, 2000.0)
    assert (ticker.volume_24h, ticker.quote_volume_24h) == (4000.0, 8.0)
    (record,) = parsed('{"e":"aggTrade","E":1,"s":"1MBABYDOGEUSDT","a":7,"p":"0.002","q":"3","T":1,"m":false}')
    assert isinstance(record, Trade)
    assert (record.symbol, record.price, record.size) == ("BABYDOGE", 0.000000002, 3_000_000.0)
    (book,) = parsed('{"e":"depthUpdate","E":1,"s":"1000SATSUSDT","U":1,"u":2,"b":[["0.5","2"]],"a":[]}')
    assert isinstance(book, BookUpdate)
    assert book.bids == [(0.0005, 2000.0)]
    assert VENUE.book_path(Pair("BABYDOGE", "USDT", 1_000_000)) == "/api/v3/depth?symbol=1MBABYDOGEUSDT&limit=5000"
    (request,) = VENUE.subscribe(Channel.TRADE, [Pair("SATS", "USDT", 1000)])
    assert json.loads(request)["params"] == ["1000satsusdt@aggTrade"]


@pytest.mark.parametrize(
    ("message", "control"),
    [
        ('{"result":null,"id":1}', Control(ControlKind.ACKNOWLEDGED, "request 1")),
        ('{"error":{"code":3,"msg":"Invalid JSON"},"id":null}', Control(ControlKind.REFUSED, "3: Invalid JSON")),
        ('{"code":2,"msg":"Invalid request"}', Control(ControlKind.REFUSED, "2: Invalid request")),
        ('{"e":"serverShutdown","E":1770123456789}', Control(ControlKind.CLOSING, "the server is about to close the connection")),
        (
            '{"stream":"x","data":{"e":"serverShutdown","E":1770123456789}}',
            Control(ControlKind.CLOSING, "the server is about to close the connection"),
        ),
    ],
)
def test_control_frames(message: str, control: Control) -> None:
    assert parsed(message) == [control]
