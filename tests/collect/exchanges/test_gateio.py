"""Gate.io's spot socket: captured frames of 2021-04-22, and frames of its documents and of other projects."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter

import pytest

from src.collect.exchanges.gateio import Gateio
from src.collect.parsed import BookUpdate, Control, ControlKind, Frame, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Region, Side, Source, Ticker, Trade
from tests.captures import Captured, captured, captures_folder, read_frames

VENUE = Gateio()
RECEIVED = 1_790_000_000_050


def parsed(message: str) -> list[object]:
    return list(VENUE.parse(Frame("gateio", Source.REPLAY, RECEIVED, message)))


def frame_of(line: Captured) -> Frame:
    frame = line.frame("gateio")
    return Frame(frame.market, frame.source, frame.received_time, frame.message, line.url)


def frames(*files: str) -> list[Frame]:
    """The frames of all these captures, in the order in which they came."""
    found = [frame_of(line) for file in files for line in read_frames(captures_folder() / "gateio" / file)]
    return sorted(found, key=attrgetter("received_time"))


def test_a_captured_ticker() -> None:
    """`gateio/ticker.jsonl`, line 1: NEO_BTC, with whole seconds. Open, previous close and the sizes of the best bid and ask are not sent."""
    assert VENUE.parse(captured("gateio", "ticker.jsonl").frame("gateio")) == (
        Ticker(
            region=Region.ASIA,
            market="gateio",
            symbol="NEO",
            quote="BTC",
            source=Source.REPLAY,
            event_time=1619093533000,
            received_time=1619093534540,
            price=0.0018716,
            high=0.0018754,
            low=0.0017148,
            volume_24h=1138.01640718,
            quote_volume_24h=2.048263365803126,
            bid=0.0018697,
            ask=0.0018734,
        ),
    )


def test_a_ticker_with_milliseconds_takes_them() -> None:
    """The example of the exchange's page (`gateio/ticker.doc.jsonl`), with the `time_ms` that every message has today."""
    message = captured("gateio", "ticker.doc.jsonl").message
    assert message is not None
    (ticker,) = parsed(message.replace('"time":1606291803', '"time":1606291803,"time_ms":1606291803123'))
    assert isinstance(ticker, Ticker)
    assert (ticker.symbol, ticker.quote, ticker.event_time, ticker.price) == ("BTC", "USDT", 1606291803123, 19106.55)
    assert (ticker.bid, ticker.ask, ticker.quote_volume_24h) == (19106.55, 19108.71, 53441606.52411222)


def test_a_captured_trade() -> None:
    """`gateio/trade.jsonl`, line 2: the fraction of a millisecond is cut off. The channel tells of takers alone [G1]."""
    assert VENUE.parse(captured("gateio", "trade.jsonl", 1).frame("gateio")) == (
        Trade(
            region=Region.ASIA,
            market="gateio",
            symbol="NEO",
            quote="BTC",
            source=Source.REPLAY,
            event_time=1619093546958,
            received_time=1619093547003,
            trade_id="816995970",
            price=0.0018735,
            size=0.5,
            side=Side.BUY,
        ),
    )


def test_the_trade_of_the_documents_has_two_ids() -> None:
    """`gateio/trade.doc.jsonl`, line 1: `id` is the one that the REST interface takes for a start."""
    (trade,) = VENUE.parse(captured("gateio", "trade.doc.jsonl").frame("gateio"))
    assert isinstance(trade, Trade)
    assert (trade.trade_id, trade.side, trade.event_time) == ("309143071", Side.SELL, 1606292218213)
    assert (trade.symbol, trade.price, trade.size) == ("GT", 0.4705, 16.47)
    assert VENUE.trade_ids is TradeIds.RISING


TODAY = (
    '{"time":1788336082,"time_ms":1788336082402,"channel":"spot.trades","event":"update","result":{"id":217831625,"id_market":217831625,'
    '"create_time":1788336082,"create_time_ms":"1788336082402.999999","side":"sell","currency_pair":"BTC_USDT","amount":"0.000021","price":"77474",'
    '"range":"217831625-217831625","stock":"BTC","money":"USDT","trade_mode":0}}'
)
"""A frame of 2026-09-02 that a public project quotes; its fraction, .208000, is raised here to where rounding would show."""


def test_a_trade_of_today() -> None:
    (trade,) = parsed(TODAY)
    assert isinstance(trade, Trade)
    assert (trade.trade_id, trade.event_time, trade.price, trade.size) == ("217831625", 1788336082402, 77474.0, 0.000021)
    (large,) = parsed(TODAY.replace('"id":217831625', '"id":9007199254740993'))
    assert isinstance(large, Trade)
    assert large.trade_id == "9007199254740993"  # 2**53 + 1


def test_a_trade_that_does_not_say_its_pair_is_malformed() -> None:
    """`gateio/trade.doc.jsonl`, line 2, whose source left fields out."""
    with pytest.raises(MalformedFrame):
        VENUE.parse(captured("gateio", "trade.doc.jsonl", 1).frame("gateio"))


@pytest.mark.parametrize("time", ['"x"', '""', '".5"', '"1e3"', '"-1"', '"1.2.3"', '"٣"', '"253402300800000"', '"1_0"', "null", "[]"])
def test_a_time_that_is_none_is_malformed(time: str) -> None:
    with pytest.raises(MalformedFrame):
        parsed(TODAY.replace('"1788336082402.999999"', time))


def test_every_captured_frame_is_accounted_for() -> None:
    found = {file: Counter(type(item) for frame in frames(file) for item in VENUE.parse(frame)) for file in FILES}
    assert found == FILES
    elsewhere = {"requests.jsonl", "requests.doc.jsonl", "bookticker.doc.jsonl", "trade.doc.jsonl"}  # the last two: refused by the tests beside this
    assert {path.name for path in (captures_folder() / "gateio").glob("*.jsonl")} - set(FILES) == elsewhere


FILES = {
    "ticker.jsonl": {Ticker: 11},
    "ticker.doc.jsonl": {Ticker: 1},
    "trade.jsonl": {Trade: 5},
    "orderbook.jsonl": {BookUpdate: 86},
    "orderbook.doc.jsonl": {BookUpdate: 4},
    "orderbook.rest_snapshot.jsonl": {BookUpdate: 10},
    "control.jsonl": {Control: 22},
    "control.doc.jsonl": {Control: 4},
}


def test_control_frames() -> None:
    """`gateio/control.doc.jsonl` and `gateio/control.jsonl`, and a refusal that public code quotes from the exchange's page."""
    assert [VENUE.parse(frame)[0] for frame in frames("control.doc.jsonl")] == [
        Control(ControlKind.HEARTBEAT, "pong"),
        Control(ControlKind.CLOSING, "The connection will soon be closed for a service upgrade. Please reconnect."),
        Control(ControlKind.REFUSED, "2: Alert sub ob.BTC_USDT.400"),
        Control(ControlKind.ACKNOWLEDGED, "subscribe spot.obu"),
    ]
    assert Counter(VENUE.parse(frame)[0] for frame in frames("control.jsonl")) == {
        Control(ControlKind.ACKNOWLEDGED, "subscribe spot.trades"): 1,
        Control(ControlKind.ACKNOWLEDGED, "subscribe spot.order_book_update"): 10,
        Control(ControlKind.ACKNOWLEDGED, "subscribe spot.candlesticks"): 10,
        Control(ControlKind.ACKNOWLEDGED, "subscribe spot.tickers"): 1,
    }
    refused = (
        '{"time":1606292218,"channel":"spot.trades","event":"subscribe","error":{"code":2,"message":"unknown currency pair X_USD"},"result":null}'
    )
    assert parsed(refused) == [Control(ControlKind.REFUSED, "2: unknown currency pair X_USD")]
    failed = '{"channel":"spot.obu","event":"unsubscribe","result":{"status":"fail"}}'
    assert parsed(failed) == [Control(ControlKind.REFUSED, "unsubscribe spot.obu: refused without a word")]


def test_the_best_bid_and_ask_are_not_subscribed_to() -> None:
    for frame in frames("bookticker.doc.jsonl"):
        with pytest.raises(MalformedFrame):
            VENUE.parse(frame)


@pytest.mark.parametrize(
    "message",
    [
        '{"channel":"spot.tickers","event":"update","result":{"currency_pair":"BTC_USDT","last":"1"}}',
        '{"time":1,"channel":"spot.tickers","event":"update","result":{"currency_pair":"BTC_USDT","last":"0"}}',
        '{"time":1,"channel":"spot.tickers","event":"update","result":{"currency_pair":"BTCUSDT","last":"1"}}',
        '{"time":1,"channel":"spot.candlesticks","event":"update","result":{}}',
        '{"channel":"spot.obu","result":{"t":1,"s":"ob.BTC_USDT.50","u":9,"b":[["1e999","1"]]}}',
        '{"channel":"spot.obu","result":{"t":1,"s":"ob..50","u":9}}',
        '{"channel":"spot.obu","result":{"t":1,"s":"ob.BTC_USDT.50"}}',
        '{"channel":"spot.trades","event":"update","result":null}',
        '{"channel":"spot.trades","event":"subscribe","result":null}',
        "{}",
    ],
)
def test_what_it_does_not_know_is_malformed(message: str) -> None:
    with pytest.raises(MalformedFrame):
        parsed(message)
