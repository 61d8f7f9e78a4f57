"""Binance's USD-M contracts: captured frames of 2021-07-22, frames of 2026 quoted from public code, and answers from the REST documentation."""

from __future__ import annotations

import json
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.book import Book, Outcome
from src.collect.exchange import Parsed
from src.collect.exchanges.binance_futures import BinanceFutures
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, RawMessage, Region, Side, Source, Trade
from tests.captures import captured, captures_folder, read_frames

VENUE, RECEIVED, BTC_USDT = BinanceFutures(), 1_790_000_000_050, Pair("BTC", "USDT")


def parsed(message: str | bytes, path: str | None = None) -> list[Parsed]:
    url = None if path is None else VENUE.rest_urls[0] + path
    return list(VENUE.parse(Frame("binance_futures", Source.REPLAY, RECEIVED, message, url)))


def frames(*files: str) -> list[Frame]:
    """In the order in which they came; REST answers among them."""
    lines = [line for file in files for line in read_frames(captures_folder() / "binance_futures" / file)]
    lines.sort(key=lambda line: line.received or 0.0)
    return [msgspec.structs.replace(line.frame("binance_futures"), url=line.url) for line in lines]


def trade(**fields: object) -> Trade:
    known = {"region": "ne", "market": "binance_futures", "instrument": "perpetual", "source": "replay", "received_time": RECEIVED}
    return msgspec.convert(known | fields, Trade)


def test_what_it_offers() -> None:
    """Trades and depth are on different paths, and there is no ticker channel."""
    host = "wss://fstream.binance.com"
    assert VENUE.urls == {Channel.TRADE: (f"{host}/market/stream",), Channel.ORDERBOOK: (f"{host}/public/stream",)}
    assert VENUE.raw_topics == {Channel.TRADE: "binance-aggtrade", Channel.ORDERBOOK: "binance-depth"}
    assert (VENUE.region, VENUE.instrument, VENUE.connection_seconds) == (Region.NORTH_AMERICA_EUROPE, Instrument.PERPETUAL, 86_400)


@pytest.mark.parametrize(
    ("line", "trade_id", "price", "size", "time"),
    [
        (0, "5933014", 0.001, 100.0, 123456785),  # nautilus_trader's test data: with `st`
        (1, "3141966230", 68005.0, 2.695, 1771263510041),  # captured 2026-02-16: with `nq`
        (2, "3476312671", 85299.9, 0.004, 1791269849651),  # captured 2026-10-06: with both
    ],
)
def test_aggregate_trades_of_today(line: int, trade_id: str, price: float, size: float, time: int) -> None:
    """`binance_futures/trade.doc.jsonl`; `m` is true in all of them: the buyer was there before, the taker sold."""
    known = {"symbol": "BTC", "quote": "USDT", "trade_id": trade_id, "price": price, "size": size, "side": "sell"}
    assert parsed(captured("binance_futures", "trade.doc.jsonl", line).message or "") == [trade(**known, event_time=time)]


def test_a_captured_trade_of_a_buyer() -> None:
    """`binance_futures/trade.jsonl`, line 1; the price was the best ask then (bid 1.010, ask 1.011)."""
    frame = captured("binance_futures", "trade.jsonl").frame("binance_futures")
    known = {"symbol": "CTK", "quote": "USDT", "trade_id": "16599292", "price": 1.011, "size": 10.0, "side": "buy"}
    assert VENUE.parse(frame) == (trade(**known, event_time=1626992741421, received_time=1626992742289),)


def test_captured_changes_of_a_book() -> None:
    """`binance_futures/orderbook.jsonl`, line 1; the time is `T`, when the engine made it."""
    frame = captured("binance_futures", "orderbook.jsonl").frame("binance_futures")
    assert VENUE.parse(frame) == (
        BookUpdate(
            market="binance_futures",
            symbol="SUSHI",
            quote="USDT",
            instrument=Instrument.PERPETUAL,
            source=Source.REPLAY,
            event_time=1626992741024,
            received_time=1626992741081,
            snapshot=False,
            bids=[(7.504, 813.0), (7.609, 0.0), (7.611, 2.0)],
            asks=[(7.615, 1563.0), (7.622, 3284.0)],
            first=600859599090,
            last=600859600917,
            previous=600859598061,
        ),
    )


def test_a_bare_change_with_the_keys_of_2026() -> None:
    """`binance_futures/orderbook.doc.jsonl`, line 1, from nautilus_trader's test data."""
    (update,) = parsed(captured("binance_futures", "orderbook.doc.jsonl").message or "")
    assert isinstance(update, BookUpdate)
    assert (update.first, update.last, update.previous, update.event_time) == (157, 160, 149, 123456788)
    assert (update.bids, update.asks) == ([(0.0024, 10.0)], [(0.0026, 100.0)])


def test_a_captured_snapshot() -> None:
    """`binance_futures/orderbook.rest_snapshot.jsonl`, line 1: SUSHIUSDT, whose name is in the address only."""
    (book,) = VENUE.parse(frames("orderbook.rest_snapshot.jsonl")[0])
    assert isinstance(book, BookUpdate)
    assert (book.symbol, book.quote, book.instrument, book.snapshot) == ("SUSHI", "USDT", Instrument.PERPETUAL, True)
    assert (book.last, book.event_time, len(book.bids), len(book.asks)) == (600859605926, 1626992741261, 1000, 1000)
    assert (book.bids[0], book.asks[0]) == ((7.611, 6.0), (7.612, 297.0))


def test_every_captured_frame_is_a_record() -> None:
    def kinds(file: str) -> Counter[str]:
        return Counter(type(record).__name__ for frame in frames(file) for record in VENUE.parse(frame))

    assert kinds("trade.jsonl") == {"Trade": 46}
    assert kinds("orderbook.jsonl") == {"BookUpdate": 390}
    assert kinds("orderbook.rest_snapshot.jsonl") == {"BookUpdate": 4}
    assert kinds("control.doc.jsonl") == {"Control": 1}


@pytest.mark.parametrize("file", ["bookticker.jsonl", "bookticker.doc.jsonl", "ticker.doc.jsonl"])
def test_channels_that_nobody_subscribes_to_are_refused(file: str) -> None:
    """Among them a ticker of a COIN-M contract (`st` 2)."""
    for frame in frames(file):
        with pytest.raises(MalformedFrame):
            VENUE.parse(frame)


def test_single_fills_and_partial_books_are_refused() -> None:
    """`@trade` also sends frames of price zero for ids that were spent; `@depth5` is no change of a book, though it looks like one."""
    for file, line, words in (("trade.doc.jsonl", 3, "Invalid value"), ("orderbook.doc.jsonl", 1, "best levels")):
        with pytest.raises(MalformedFrame, match=words):
            parsed(captured("binance_futures", file, line).message or "")


def test_coin_margined_and_spot_events_are_refused_and_a_price_of_zero_is_no_trade() -> None:
    coin_margined = '{"e":"aggTrade","E":1,"s":"BTCUSD_PERP","a":1,"p":"64971.5","q":"3","T":1,"m":true,"st":2}'
    for message in (coin_margined, captured("binance", "orderbook.jsonl").message or ""):
        with pytest.raises(MalformedFrame, match="another Binance market"):
            parsed(message)
    assert parsed('{"e":"aggTrade","E":1,"s":"BTCUSDT","a":1,"p":"0","q":"0","T":1,"m":true,"st":1}') == []


def test_captured_books_are_whole_and_never_cross() -> None:
    """`binance_futures/orderbook.jsonl` with the four snapshots that came between: each book begins, and no gap is found."""
    books: dict[str, Book] = {}
    outcomes: Counter[Outcome] = Counter()
    for frame in frames("orderbook.jsonl", "orderbook.rest_snapshot.jsonl"):
        (update,) = VENUE.parse(frame)
        assert isinstance(update, BookUpdate)
        book = books.setdefault(update.symbol, Book(VENUE.book_rule))
        outcomes[book.apply(update)] += 1
        assert book.valid or not book.is_whole
    assert outcomes == {Outcome.CHANGED: 388, Outcome.UNCHANGED: 4, Outcome.WAITING: 2}
    assert {symbol: (book.is_whole, book.best(1)) for symbol, book in books.items()} == {
        "SUSHI": (True, (((7.612, 303.0),), ((7.616, 267.0),))),
        "AKRO": (True, (((0.01731, 57618.0),), ((0.01732, 72524.0),))),
        "KEEP": (True, (((0.2463, 249.0),), ((0.2467, 9047.0),))),
        "CTK": (True, (((1.01, 85782.0),), ((1.011, 6483.0),))),
    }


def test_a_lost_change_is_a_gap() -> None:
    updates = [update for frame in frames("orderbook.jsonl") for update in VENUE.parse(frame)]
    changes = [update for update in updates if isinstance(update, BookUpdate) and update.symbol == "SUSHI" and (update.last or 0) >= 600859605926]
    (snapshot,) = VENUE.parse(frames("orderbook.rest_snapshot.jsonl")[0])
    assert isinstance(snapshot, BookUpdate)
    book = Book(VENUE.book_rule)
    assert [book.apply(update) for update in (snapshot, *changes[:2])] == [Outcome.CHANGED] * 3
    assert book.apply(changes[3]) is Outcome.BROKEN


def test_the_payload_goes_on_as_it_came() -> None:
    line = captured("binance_futures", "trade.jsonl")
    frame = line.frame("binance_futures")
    raw = VENUE.raw(frame)
    assert isinstance(raw, RawMessage)
    assert (raw.symbol, raw.stream, raw.market, raw.ts) == ("CTKUSDT", "ctkusdt@aggTrade", "binance_futures", 1626992742289)
    assert bytes(raw.data) == (line.message or "").partition('"data":')[2].removesuffix("}").encode()
    assert json.loads(msgspec.json.encode(raw))["data"] == json.loads(line.message or "")["data"]


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_bare_payload_goes_on_whole(as_bytes: bool) -> None:
    message = captured("binance_futures", "orderbook.doc.jsonl").message or ""
    raw = VENUE.raw(Frame("binance_futures", Source.LIVE, RECEIVED, message.encode() if as_bytes else message))
    assert raw is not None
    assert (raw.symbol, raw.stream, bytes(raw.data)) == ("BTCUSDT", "btcusdt@depth@100ms", message.encode())
    assert VENUE.raw(Frame("binance_futures", Source.LIVE, RECEIVED, '{"result":null,"id":1}')) is None


def test_multiplied_and_dated_contracts() -> None:
    (record,) = parsed('{"e":"aggTrade","E":1,"s":"1000SHIBUSDT","a":9007199254740993,"p":"0.0125","q":"3","T":1,"m":false,"st":1}')
    assert isinstance(record, Trade)
    assert (record.symbol, record.price, record.size, record.trade_id) == ("SHIB", 0.0000125, 3000.0, "9007199254740993")
    (dated,) = parsed('{"e":"aggTrade","E":1,"s":"BTCUSDT_261225","a":1,"p":"90000","q":"3","T":1,"m":false,"st":1}')
    assert isinstance(dated, Trade)
    assert (dated.symbol, dated.quote, dated.instrument, dated.side) == ("BTC", "USDT", Instrument.FUTURE, Side.BUY)
    names = [VENUE.name_of(Pair(*pair)) for pair in (("SHIB", "USDT", 1000), ("MOG", "USDT", 1_000_000), ("BABYDOGE", "USDT", 1_000_000))]
    assert names == ["1000SHIBUSDT", "1000000MOGUSDT", "1MBABYDOGEUSDT"]


def test_requests_and_paths() -> None:
    after = trade(symbol="BTC", quote="USDT", trade_id="3141966230", event_time=1, price=1.0, size=1.0, side="buy")
    documented = json.loads(captured("binance_futures", "requests.doc.jsonl").message or "")
    assert [json.loads(request) for request in VENUE.subscribe(Channel.TRADE, [BTC_USDT])] == [documented | {"params": documented["params"][:1]}]
    assert VENUE.book_path(BTC_USDT) == "/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
    assert VENUE.trades_path(BTC_USDT, after) == "/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=3141966230&limit=1000"


def test_rest_answers() -> None:
    """In the shapes of the REST documentation."""
    trades = '[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true}]'
    known = {"symbol": "BTC", "quote": "USDT", "trade_id": "26129", "price": 0.01633102, "size": 4.70443515, "side": "sell"}
    assert parsed(trades, "/fapi/v1/aggTrades?symbol=BTCUSDT") == [trade(**known, event_time=1498793709153, backfilled=True)]
    kinds = [("1000SHIB", "PERPETUAL", "TRADING"), ("BTC", "CURRENT_QUARTER", "TRADING"), ("TSLA", "TRADIFI_PERPETUAL", "SETTLING")]
    symbols = [
        {"symbol": f"{coin}USDT", "pair": f"{coin}USDT", "contractType": kind, "status": status, "baseAsset": coin, "quoteAsset": "USDT"}
        for coin, kind, status in kinds
    ]
    assert parsed(json.dumps({"symbols": symbols}), VENUE.listings_path) == [
        Listing(Pair("SHIB", "USDT", 1000), Instrument.PERPETUAL, trading=True),
        Listing(BTC_USDT, Instrument.FUTURE, trading=True),
        Listing(Pair("TSLA", "USDT"), Instrument.PERPETUAL, trading=False),
    ]
    assert parsed('{"code":-1121,"msg":"No."}', "/fapi/v1/depth?symbol=X") == [Control(ControlKind.REFUSED, "-1121: No.")]


numbers = st.integers(0, 2**63 - 1)
figures = st.decimals(min_value="0.00000001", max_value=1_000_000_000, places=8).map(float)
levels = st.lists(st.tuples(figures, figures | st.just(0.0)), max_size=4)
times = st.integers(0, 4_102_444_800_000)


@given(numbers, figures, figures, st.sampled_from(Side), times)
def test_a_simulated_trade_is_read_back(number: int, price: float, size: float, side: Side, time: int) -> None:
    said = trade(symbol="BTC", quote="USDC", trade_id=str(number), price=price, size=size, side=side.value, event_time=time)
    assert parsed(VENUE.simulate(said)) == [said]


@given(levels, levels, st.tuples(numbers, numbers, numbers), times)
def test_a_simulated_book_is_read_back(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], numbered: tuple[int, int, int], time: int
) -> None:
    first, last, previous = numbered
    known = {"market": "binance_futures", "symbol": "ETH", "quote": "USDT", "instrument": Instrument.PERPETUAL, "source": Source.REPLAY}
    known |= {"received_time": RECEIVED, "event_time": time}
    change = BookUpdate(**known, snapshot=False, bids=bids, asks=asks, first=first, last=last, previous=previous)
    assert parsed(VENUE.simulate(change)) == [change]
    snapshot = BookUpdate(**known, snapshot=True, bids=bids, asks=asks, last=last)
    assert parsed(VENUE.simulate(snapshot), VENUE.book_path(Pair("ETH", "USDT"))) == [snapshot]
