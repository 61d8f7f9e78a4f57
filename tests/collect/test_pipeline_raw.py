"""Payloads of Binance's perpetuals go as they came, to topics of their own, with marks where some are missing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from src.collect.arrival import Arrival, Happening, Unanswered
from src.collect.exchanges import EXCHANGES
from src.collect.outgoing import Outgoing, RawOut
from src.collect.parsed import Channel, Pair
from src.schema.records import CollectorEvent, EventKind, Source
from tests.collect.pipelines import TestedPipeline, frame, moved, pipeline
from tests.collect.tickers import START

MARKET = "binance_futures"
BTC, SHIB = Pair("BTC", "USDT"), Pair("SHIB", "USDT", 1000)


def traded(number: int, symbol: str = "BTCUSDT", **fields: object) -> Arrival:
    """An aggregate trade as Binance sends it, unknown fields among them, so many seconds after START."""
    time = START + number * 1_000
    data = {"e": "aggTrade", "E": time + 3, "a": number, "s": symbol, "p": "60000.10", "q": "0.002", "T": time, "m": True, "nq": "0.001"}
    message = {"stream": f"{symbol.lower()}@aggTrade", "data": data | fields}
    return frame(MARKET, msgspec.json.encode(message).decode(), time + 50, source=Source.LIVE)


def depth(first: int, last: int, previous: int) -> Arrival:
    data = {"e": "depthUpdate", "E": START + last, "T": START + last - 2, "s": "BTCUSDT", "U": first, "u": last, "pu": previous}
    message = {"stream": "btcusdt@depth@100ms", "data": data | {"b": [["60000.0", "1.5"]], "a": [["60001.0", "0"]]}}
    return frame(MARKET, msgspec.json.encode(message).decode(), START + last + 30, source=Source.LIVE)


def whole(last: int) -> Arrival:
    body = {"lastUpdateId": last, "E": START, "T": START, "bids": [["60000.0", "1.0"]], "asks": [["60002.0", "1.0"]]}
    url = f"https://fapi.binance.com{EXCHANGES[MARKET].book_path(BTC)}"
    return frame(MARKET, msgspec.json.encode(body).decode(), START + last, url=url, source=Source.LIVE)


def raw_of(out: list[Outgoing]) -> list[RawOut]:
    return [one for one in out if isinstance(one, RawOut)]


def payload(out: RawOut) -> Any:
    return msgspec.json.decode(out.message.data)


def lost(way: TestedPipeline, market: str = MARKET, pair: Pair = BTC) -> list[Outgoing]:
    """Subscribe anew, and get no answer for what was missed."""
    way.process(
        Happening(kind=EventKind.SUBSCRIBED, market=market, source=Source.LIVE, received_time=START + 4_000, channel=Channel.TRADE, pairs=(pair,))
    )
    (need,) = way.take_needs()
    return way.process(Unanswered(need=need, received_time=START + 5_000, reason="no answer"))


def test_a_trades_payload_goes_as_it_came_and_once() -> None:
    way, came = pipeline(), traded(1)
    mark, out = way.all_of(came, came)
    assert isinstance(mark, RawOut)
    assert (mark.topic, mark.symbol, bytes(mark.message.data)) == ("binance-aggtrade", "BTC", b"null")
    assert (mark.message.gap_since, mark.message.ts) == (START + 1_000, START + 1_050)
    assert isinstance(out, RawOut)
    assert (out.topic, out.channel, out.symbol) == ("binance-aggtrade", Channel.TRADE, "BTC")
    message = out.message
    assert (message.symbol, message.stream, message.ts, message.market, message.source) == (
        "BTCUSDT", "btcusdt@aggTrade", START + 1_050, MARKET, Source.LIVE
    )  # fmt: skip
    assert bytes(message.data) in str(came.frame.message).encode()
    assert (message.gap_since, way.markets[MARKET].records, way.prices) == (None, 2, {("BTC", "USDT")})


def test_every_payload_of_a_book_goes_and_no_record_of_ours() -> None:
    way = pipeline()
    out = way.all_of(depth(99, 101, 98), whole(100), depth(102, 104, 101))
    assert [(one.topic, payload(one)["u"]) for one in raw_of(out)] == [("binance-depth", 101), ("binance-depth", 104)]
    assert len(out) == 2
    assert way.markets[MARKET].records == 2


def test_a_broken_chain_is_a_line_of_the_ledger_and_a_mark_before_the_payload_that_shows_it() -> None:
    way = pipeline()
    way.all_of(whole(100), depth(99, 101, 98))
    gap, mark, out = way.process(depth(110, 112, 109))
    assert isinstance(gap, CollectorEvent)
    assert (gap.kind, gap.first_sequence, gap.last_sequence) == (EventKind.GAP, "101", "110")
    assert isinstance(mark, RawOut)
    assert (mark.topic, mark.message.symbol, mark.message.stream) == ("binance-depth", "BTCUSDT", "btcusdt@depth@100ms")
    assert (bytes(mark.message.data), mark.message.gap_since, mark.message.ts) == (b"null", START + 99, START + 142)
    assert isinstance(out, RawOut)
    assert payload(out)["u"] == 112


def test_missed_trades_are_marked_among_the_payloads() -> None:
    way = pipeline()
    way.process(traded(1))
    event, mark = lost(way)
    assert isinstance(event, CollectorEvent)
    assert isinstance(mark, RawOut)
    assert (mark.topic, mark.message.symbol, mark.message.stream) == ("binance-aggtrade", "BTCUSDT", "btcusdt@aggTrade")
    assert (bytes(mark.message.data), mark.message.gap_since, mark.message.ts) == (b"null", START + 1_000, START + 5_000)


def test_a_fetched_trade_has_the_payloads_own_shape() -> None:
    way = pipeline()
    way.process(traded(1))
    way.process(
        Happening(kind=EventKind.SUBSCRIBED, market=MARKET, source=Source.LIVE, received_time=START + 4_000, channel=Channel.TRADE, pairs=(BTC,))
    )
    (need,) = way.take_needs()
    rows = [{"a": number, "p": "0.00001234", "q": "7", "f": 1, "l": 1, "T": START + number * 1_000, "m": number == 2} for number in (1, 2)]
    url = f"https://fapi.binance.com{EXCHANGES[MARKET].trades_path(BTC, need.after)}"
    (out,) = way.process(frame(MARKET, msgspec.json.encode(rows), START + 6_000, url=url, source=Source.LIVE))
    assert isinstance(out, RawOut)
    assert payload(out) == {
        "e": "aggTrade",
        "E": START + 2_000,
        "s": "BTCUSDT",
        "a": 2,
        "p": "0.00001234",
        "q": "7.0",
        "T": START + 2_000,
        "m": True,
        "backfilled": True,
    }
    assert (out.message.ts, out.message.stream) == (START + 6_000, "btcusdt@aggTrade")


def test_a_multiplied_coin_keeps_the_exchanges_name_in_marks() -> None:
    way = pipeline(wanted={MARKET: {Channel.TRADE: [SHIB]}})
    _, out = way.process(traded(1, "1000SHIBUSDT"))
    assert isinstance(out, RawOut)
    assert (out.symbol, out.message.symbol, payload(out)["p"]) == ("SHIB", "1000SHIBUSDT", "60000.10")
    (mark,) = raw_of(lost(way, pair=SHIB))
    assert (mark.symbol, mark.message.symbol, mark.message.stream) == ("SHIB", "1000SHIBUSDT", "1000shibusdt@aggTrade")


@pytest.mark.parametrize("shift", [7_000_000, -7_000_000])
def test_a_replay_moves_the_times_within_the_payload_and_leaves_the_rest_as_it_was_spelled(shift: int) -> None:
    way, came = pipeline(), traded(1, x=[1.50, None], big=msgspec.Raw(b"1e999"))
    mark, out = way.process(moved(came, shift))
    assert isinstance(mark, RawOut)
    assert (mark.message.gap_since, mark.message.ts) == (START + 1_000 + shift, START + 1_050 + shift)
    assert isinstance(out, RawOut)
    data = bytes(out.message.data)
    assert b'"T":%d' % (START + 1_000 + shift) in data
    assert b'"E":%d' % (START + 1_003 + shift) in data
    assert b'"p":"60000.10"' in data
    assert b'"x":[1.5,null]' in data
    assert b'"big":1e999' in data
    assert out.message.ts == START + 1_050 + shift


def test_times_that_come_as_text_are_moved_too() -> None:
    came = traded(1, E=str(START + 1_003))
    _, out = pipeline().process(moved(came, 1_000))
    assert isinstance(out, RawOut)
    assert (payload(out)["E"], payload(out)["T"]) == (START + 2_003, START + 2_000)


def test_spot_goes_as_records() -> None:
    assert EXCHANGES["binance"].raw_topics == {}
    assert EXCHANGES[MARKET].raw_topics == {Channel.TRADE: "binance-aggtrade", Channel.ORDERBOOK: "binance-depth"}


def test_a_payload_that_was_not_asked_for_is_left_out() -> None:
    way = pipeline(frozenset({"ETH"}))
    assert raw_of(way.all_of(traded(1), whole(100), depth(99, 101, 98))) == []
    assert way.markets[MARKET].records == 0
