"""What Binance spot is asked for, and its answers, in the shapes of its REST documentation; what it would say is read back."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.exchange import Parsed
from src.collect.exchanges.binance import Binance
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair
from src.errors import MalformedFrame
from src.schema.records import Instrument, Region, Side, Source, Ticker, Trade
from tests.captures import captured

VENUE = Binance()
RECEIVED = 1_790_000_000_050
BTC_USDT = Pair("BTC", "USDT")


def parsed(message: str | bytes, path: str | None = None) -> list[Parsed]:
    url = None if path is None else VENUE.rest_urls[0] + path
    return list(VENUE.parse(Frame("binance", Source.REPLAY, RECEIVED, message, url)))


def trade(**fields: object) -> Trade:
    known = {"region": Region.NORTH_AMERICA_EUROPE, "market": "binance", "source": Source.REPLAY, "received_time": RECEIVED}
    return msgspec.convert(known | fields, Trade)


def test_requests() -> None:
    """Channel by channel in the documentation's form; at most 200 streams in one, and a pair is renewed alone."""
    streams = {Channel.TICKER: "btcusdt@ticker", Channel.TRADE: "btcusdt@aggTrade", Channel.ORDERBOOK: "btcusdt@depth@100ms"}
    documented = json.loads(captured("binance", "requests.doc.jsonl").message or "")
    for channel, stream in streams.items():
        assert stream in documented["params"]
        assert [json.loads(request) for request in VENUE.subscribe(channel, [BTC_USDT])] == [{"method": "SUBSCRIBE", "params": [stream], "id": 1}]
    many = VENUE.subscribe(Channel.TRADE, [Pair(f"COIN{number}", "USDT") for number in range(450)])
    assert [(len(json.loads(request)["params"]), json.loads(request)["id"]) for request in many] == [(200, 1), (200, 2), (50, 3)]
    renewed = [json.loads(request) for request in VENUE.renew(Channel.ORDERBOOK, BTC_USDT, [BTC_USDT, Pair("ETH", "USDT")])]
    assert [(request["method"], request["params"]) for request in renewed] == [
        ("UNSUBSCRIBE", ["btcusdt@depth@100ms"]),
        ("SUBSCRIBE", ["btcusdt@depth@100ms"]),
    ]
    assert not VENUE.subscribe(Channel.TRADE, [])


def test_paths() -> None:
    after = trade(symbol="BTC", quote="USDT", trade_id="9007199254740993", event_time=1, price=1.0, size=1.0, side="buy")
    assert VENUE.book_path(BTC_USDT) == "/api/v3/depth?symbol=BTCUSDT&limit=5000"
    assert VENUE.trades_path(BTC_USDT, None) == "/api/v3/aggTrades?symbol=BTCUSDT&limit=1000"
    assert VENUE.trades_path(BTC_USDT, after) == "/api/v3/aggTrades?symbol=BTCUSDT&fromId=9007199254740993&limit=1000"


def test_recent_trades_by_rest() -> None:
    """The answer in Binance's REST documentation, oldest first."""
    answer = '[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}]'
    known = {"symbol": "BNB", "quote": "BTC", "trade_id": "26129", "price": 0.01633102, "size": 4.70443515, "side": "sell"}
    assert parsed(answer, "/api/v3/aggTrades?symbol=BNBBTC&limit=1000") == [trade(**known, event_time=1498793709153, backfilled=True)]
    assert parsed("[]", "/api/v3/aggTrades?symbol=BNBBTC&fromId=3&limit=1000") == []


def test_listings_by_rest() -> None:
    """In the shape of the REST documentation; a coin without a plain name is left out, not the whole list."""
    names = [("ETHBTC", "ETH", "BTC", "TRADING"), ("1000SATSUSDT", "1000SATS", "USDT", "BREAK"), ("币安人生USDT", "币安人生", "USDT", "TRADING")]
    symbols = [{"symbol": name, "baseAsset": base, "quoteAsset": quote, "status": status} for name, base, quote, status in names]
    assert parsed(json.dumps({"timezone": "UTC", "symbols": symbols}), VENUE.listings_path) == [
        Listing(Pair("ETH", "BTC"), Instrument.SPOT, trading=True),
        Listing(Pair("SATS", "USDT", 1000), Instrument.SPOT, trading=False),
    ]


@pytest.mark.parametrize("path", ["/api/v3/depth?symbol=X&limit=5000", "/api/v3/aggTrades?symbol=X&limit=1000", "/api/v3/exchangeInfo"])
def test_a_rest_refusal_carries_its_words(path: str) -> None:
    assert parsed(b'{"code":-1121,"msg":"Invalid symbol."}', path) == [Control(ControlKind.REFUSED, "-1121: Invalid symbol.")]


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ("{}", "/api/v3/depth?symbol=BTCUSDT"),
        ("{}", "/api/v3/exchangeInfo"),
        ("[]", "/api/v3/depth?symbol=BTCUSDT"),
        ("{}", "/api/v3/time"),
        ('{"lastUpdateId":1,"bids":[],"asks":[]}', "/api/v3/depth"),
        ('{"lastUpdateId":1,"bids":[["NaN","1"]],"asks":[]}', "/api/v3/depth?symbol=BTCUSDT"),
        ('{"e":"aggTrade","E":1,"s":"BTCUSDT","a":18446744073709551616,"p":"1","q":"2","T":1,"m":false}', None),
        ('{"e":"aggTrade","E":1,"s":"BTCUSDT","a":1,"p":"-1","q":"2","T":1,"m":false}', None),
        ('{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["1e999","1"]],"a":[]}', None),
    ],
)
def test_what_cannot_be_used_is_malformed(message: str, path: str | None) -> None:
    with pytest.raises(MalformedFrame):
        parsed(message, path)


numbers = st.integers(0, 2**63 - 1)
figures = st.decimals(min_value="0.00000001", max_value=1_000_000_000, places=8).map(float)
levels = st.lists(st.tuples(figures, figures | st.just(0.0)), max_size=4)
times = st.integers(0, 4_102_444_800_000)


@given(numbers, figures, figures, st.sampled_from(Side), times)
def test_a_simulated_trade_is_read_back(number: int, price: float, size: float, side: Side, time: int) -> None:
    said = trade(symbol="BTC", quote="USDT", trade_id=str(number), price=price, size=size, side=side.value, event_time=time)
    assert parsed(VENUE.simulate(said)) == [said]


@given(levels, levels, numbers, numbers, times)
def test_simulated_changes_are_read_back(bids: list[tuple[float, float]], asks: list[tuple[float, float]], first: int, last: int, time: int) -> None:
    known = {"market": "binance", "symbol": "ETH", "quote": "BTC", "source": Source.REPLAY, "received_time": RECEIVED}
    change = BookUpdate(**known, event_time=time, snapshot=False, bids=bids, asks=asks, first=first, last=last)
    assert parsed(VENUE.simulate(change)) == [change]
    snapshot = BookUpdate(**known, event_time=None, snapshot=True, bids=bids, asks=asks, last=last)
    assert parsed(VENUE.simulate(snapshot), VENUE.book_path(Pair("ETH", "BTC"))) == [snapshot]


@given(st.lists(st.none() | figures, min_size=11, max_size=11), times)
def test_a_simulated_ticker_is_read_back(values: list[float | None], time: int) -> None:
    names = ("price", "open", "high", "low", "prev_close", "volume_24h", "quote_volume_24h", "bid", "bid_size", "ask", "ask_size")
    known = {"region": Region.NORTH_AMERICA_EUROPE, "market": "binance", "symbol": "BTC", "quote": "FDUSD", "source": Source.REPLAY}
    said = Ticker(**known, event_time=time, received_time=RECEIVED, **dict(zip(names, values, strict=True)))  # type: ignore[arg-type]
    assert parsed(VENUE.simulate(said)) == [said]
