"""Kraken's v2 socket: frames quoted from public code and documentation, and answers from its REST documentation."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.book import Book, Outcome
from src.collect.book_rule import Checksummed
from src.collect.exchange import Parsed
from src.collect.exchanges.kraken import DEPTH, Kraken
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Source, Ticker, Trade
from tests.captures import captured, captures_folder, read_frames

VENUE, RECEIVED, BTC_USD = Kraken(), 1_790_000_000_050, Pair("BTC", "USD")


def parsed(message: str | bytes, path: str | None = None) -> list[Parsed]:
    url = None if path is None else VENUE.rest_urls[0] + path
    return list(VENUE.parse(Frame("kraken", Source.REPLAY, RECEIVED, message, url)))


def quoted(file: str, line: int = 0) -> list[Parsed]:
    return parsed(captured("kraken", file, line).message or "")


def trade(trade_id: str, price: float, size: float, side: Side, event_time: int, *, backfilled: bool = False, symbol: str = "BTC") -> Trade:
    return Trade(
        region=Region.NORTH_AMERICA_EUROPE,
        market="kraken",
        symbol=symbol,
        quote="USD",
        source=Source.REPLAY,
        event_time=event_time,
        received_time=RECEIVED,
        backfilled=backfilled,
        trade_id=trade_id,
        price=price,
        size=size,
        side=side,
    )


def test_a_ticker() -> None:
    """`kraken/ticker.doc.jsonl`, line 1; 105899.40 - 250.00 and 163.28908096 x 105904.39279 are found in decimal."""
    assert quoted("ticker.doc.jsonl") == [
        Ticker(
            region=Region.NORTH_AMERICA_EUROPE,
            market="kraken",
            symbol="BTC",
            quote="USD",
            source=Source.REPLAY,
            event_time=1671960659123,
            received_time=RECEIVED,
            price=105899.4,
            open=105649.4,
            high=106613.1,
            low=104711.0,
            prev_close=105649.4,
            volume_24h=163.28908096,
            quote_volume_24h=17293030.96830595,
            bid=105944.2,
            bid_size=2.5,
            ask=105944.3,
            ask_size=3.2,
        )
    ]


def test_trades() -> None:
    """`kraken/trade.doc.jsonl`, from nautilus_trader's test data: `side` is the taker's; times are cut to milliseconds."""
    assert quoted("trade.doc.jsonl") == [
        trade("10218208", 105944.2, 0.00027625, Side.BUY, 1696613755440),
        trade("10218209", 105910.5, 0.0001246, Side.SELL, 1696613756123),
    ]
    assert VENUE.trade_ids is TradeIds.RISING


def test_ids_beyond_the_doubles_are_exact() -> None:
    fields = '"symbol":"BTC/USD","side":"buy","price":1,"qty":2,"timestamp":"2026-01-02T03:04:05.678999Z"'
    message = f'{{"channel":"trade","type":"update","data":[{{{fields},"trade_id":9007199254740993}}]}}'
    assert parsed(message) == [trade("9007199254740993", 1.0, 2.0, Side.BUY, 1767323045678)]


def test_a_book_keeps_its_digits() -> None:
    """`kraken/orderbook.doc.jsonl`, line 4, captured 2026-08-26: a size of 0.00000000 takes a level away."""
    assert quoted("orderbook.doc.jsonl", 3) == [
        BookUpdate(
            market="kraken",
            symbol="ETH",
            quote="BTC",
            source=Source.REPLAY,
            event_time=1787757376730,
            received_time=RECEIVED,
            snapshot=False,
            bids=[(0.031347, 0.0, "0.031347", "0.00000000"), (0.031329, 19.07893401, "0.031329", "19.07893401")],
            asks=[],
            checksum=2505869009,
        )
    ]


def test_the_checksums_of_a_captured_book_are_right() -> None:
    """`kraken/orderbook.doc.jsonl`, lines 3 and 4, subscribed to 10 levels: 3619791617, then 2505869009."""
    book = Book(Checksummed(10))
    (snapshot,), (change,) = quoted("orderbook.doc.jsonl", 2), quoted("orderbook.doc.jsonl", 3)
    assert isinstance(snapshot, BookUpdate)
    assert isinstance(change, BookUpdate)
    assert (snapshot.snapshot, snapshot.checksum) == (True, 3619791617)
    assert (book.apply(snapshot), book.apply(change), book.valid) == (Outcome.CHANGED, Outcome.CHANGED, True)
    assert book.best(2) == (((0.031348, 0.0374), (0.031345, 8.57986833)), ((0.031357, 0.0374), (0.031358, 2.87194815)))


def test_a_wrong_checksum_breaks_the_book() -> None:
    """`kraken/orderbook.doc.jsonl`, line 1, whose checksum is said to be made up."""
    book = Book(VENUE.book_rule)
    (snapshot,) = quoted("orderbook.doc.jsonl")
    assert isinstance(snapshot, BookUpdate)
    assert book.apply(snapshot) is Outcome.BROKEN


@pytest.mark.parametrize("file", ["ticker.doc.jsonl", "trade.doc.jsonl", "orderbook.doc.jsonl", "control.doc.jsonl"])
def test_every_quoted_frame_is_known(file: str) -> None:
    kind = {"ticker": Ticker, "trade": Trade, "orderbook": BookUpdate, "control": Control}[file.partition(".")[0]]
    for line in read_frames(captures_folder() / "kraken" / file):
        assert {type(record) for record in VENUE.parse(line.frame("kraken"))} == {kind}


@pytest.mark.parametrize(
    ("line", "control"),
    [
        (0, Control(ControlKind.ACKNOWLEDGED, "subscribe ticker BTC/USD")),
        (1, Control(ControlKind.HEARTBEAT, "pong")),
        (2, Control(ControlKind.NOTICE, "system online")),
        (3, Control(ControlKind.HEARTBEAT, "heartbeat")),
        (4, Control(ControlKind.ACKNOWLEDGED, "subscribe book ETH/BTC")),
        (5, Control(ControlKind.REFUSED, "Currency pair not supported XBT/USD")),
    ],
)
def test_control_frames(line: int, control: Control) -> None:
    """`kraken/control.doc.jsonl`."""
    assert quoted("control.doc.jsonl", line) == [control]


def test_requests() -> None:
    """The book is asked for as deep as it is cut; trades without the last fifty, which are old."""
    requests = [json.loads(request) for channel in Channel for request in VENUE.subscribe(channel, [BTC_USD, Pair("USDT", "USD")])]
    symbols = ["BTC/USD", "USDT/USD"]
    assert {request["method"] for request in requests} == {"subscribe"}
    assert [request["params"] for request in requests] == [
        {"channel": "ticker", "symbol": symbols, "event_trigger": "bbo", "snapshot": True},
        {"channel": "trade", "symbol": symbols, "snapshot": False},
        {"channel": "book", "symbol": symbols, "depth": 25, "snapshot": True},
    ]
    assert VENUE.book_rule.depth == DEPTH == 25
    params = {"channel": "book", "symbol": ["BTC/USD"], "depth": 25}
    assert [json.loads(request) for request in VENUE.renew(Channel.ORDERBOOK, BTC_USD, [BTC_USD, Pair("USDT", "USD")])] == [
        {"method": "unsubscribe", "params": params, "req_id": 1},
        {"method": "subscribe", "params": params | {"snapshot": True}, "req_id": 2},
    ]


def test_recent_trades_by_rest() -> None:
    """The answer in Kraken's REST documentation; names there are those of v1, and times are seconds."""
    rows = (
        '["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952],'
        '["30243.30000","0.00376960",1688669598.2804112,"s","l","",61044953],'
        '["30243.30000","0.01235716","1688669602.698379","s","m","",61044956]'
    )
    answer = f'{{"error":[],"result":{{"XXBTZUSD":[{rows}],"last":"1688671969993150842"}}}}'
    path = VENUE.trades_path(BTC_USD, trade("61044952", 30243.4, 0.34507674, Side.BUY, 1688669597827))
    assert path == "/0/public/Trades?pair=XBTUSD&since=1688669597826999999"
    assert parsed(answer, path) == [
        trade("61044952", 30243.4, 0.34507674, Side.BUY, 1688669597827, backfilled=True),
        trade("61044953", 30243.3, 0.0037696, Side.SELL, 1688669598280, backfilled=True),
        trade("61044956", 30243.3, 0.01235716, Side.SELL, 1688669602698, backfilled=True),
    ]
    assert VENUE.trades_path(Pair("DOGE", "BTC"), None) == "/0/public/Trades?pair=XDGXBT"
    (dogecoin,) = parsed('{"error":[],"result":{"XDGUSD":[["0.1","5",1.5,"b","m","",7]],"last":"1"}}', "/0/public/Trades?pair=XDGUSD&since=1")
    assert dogecoin == trade("7", 0.1, 5.0, Side.BUY, 1500, backfilled=True, symbol="DOGE")


def test_listings_by_rest() -> None:
    """In the shape of the REST documentation; pairs without a name on the socket and tokenised shares are left out."""
    listed = {
        "XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD", "status": "online"},
        "XDGUSD": {"altname": "XDGUSD", "wsname": "XDG/USD", "status": "cancel_only"},
        "XBTUSD.d": {"altname": "XBTUSD.d", "status": "online"},
        "AAPLxUSD": {"altname": "AAPLxUSD", "wsname": "AAPLx/USD", "status": "online"},
    }
    assert parsed(json.dumps({"error": [], "result": listed}), VENUE.listings_path) == [
        Listing(BTC_USD, Instrument.SPOT, trading=True),
        Listing(Pair("DOGE", "USD"), Instrument.SPOT, trading=False),
    ]


def test_a_rest_refusal_carries_its_words() -> None:
    refused = parsed(b'{"error":["EQuery:Unknown asset pair"]}', "/0/public/Trades?pair=XXXUSD")
    assert refused == [Control(ControlKind.REFUSED, "EQuery:Unknown asset pair")]


@pytest.mark.parametrize(
    "level",
    [
        '{"price":-1,"qty":1}',
        '{"price":"1","qty":1}',
        '{"price":1e999,"qty":1}',
        '{"price":null,"qty":1}',
        '{"price":[1],"qty":1}',
        '{"price":1}',
        "7",
    ],
)
def test_a_level_that_is_no_level_is_malformed(level: str) -> None:
    with pytest.raises(MalformedFrame):
        parsed(f'{{"channel":"book","type":"update","data":[{{"symbol":"BTC/USD","bids":[{level}],"asks":[],"checksum":1}}]}}')


figures = st.decimals(min_value="0.00000001", max_value=1_000_000_000, places=8).map(float)
times = st.integers(0, 4_102_444_800_000)
written = st.tuples(figures, figures).map(lambda level: (*level, f"{level[0]:.8f}", f"{level[1]:.8f}"))


@given(st.integers(0, 2**63 - 1), figures, figures, st.sampled_from(Side), times)
def test_a_simulated_trade_is_read_back(number: int, price: float, size: float, side: Side, time: int) -> None:
    said = trade(str(number), price, size, side, time)
    assert parsed(VENUE.simulate(said)) == [said]


@given(st.lists(written, max_size=4), st.booleans(), st.none() | st.integers(0, 2**32 - 1), st.none() | times)
def test_a_simulated_book_is_read_back(levels: list[tuple[float, float, str, str]], snapshot: bool, checksum: int | None, time: int | None) -> None:
    said = BookUpdate(
        market="kraken",
        symbol="ETH",
        quote="BTC",
        source=Source.REPLAY,
        event_time=time,
        received_time=RECEIVED,
        snapshot=snapshot,
        bids=levels,
        asks=levels[:1],
        checksum=checksum,
    )
    assert parsed(VENUE.simulate(said)) == [said]
