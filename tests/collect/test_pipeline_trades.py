"""Trades once each through the pipeline, what was missing fetched or marked, and the lines that tell of it."""

from __future__ import annotations

import msgspec
import pytest

from src.collect.arrival import Arrival, Happening, Need, Unanswered
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Channel, Pair
from src.schema.records import CollectorEvent, EventKind, Side, Source, Trade
from tests.collect.books_made import events_of, trade
from tests.collect.pipelines import TestedPipeline, frame, moved, pipeline, spoken
from tests.collect.tickers import START

BTC = Pair("BTC", "USDT")
SHIFT = 7_000_000


def sold(number: int, market: str = "binance") -> Trade:
    """Trade of that number, so many seconds after START."""
    return trade(number, market=market, seconds=number, side=Side.SELL)


def subscribed(market: str = "binance") -> Happening:
    return Happening(kind=EventKind.SUBSCRIBED, market=market, source=Source.LIVE, received_time=START + 9_000, channel=Channel.TRADE, pairs=(BTC,))


def fetched(way: TestedPipeline, *numbers: int) -> Arrival:
    """Binance's answer to the one need there is, received 10 s after START."""
    (need,) = way.take_needs()
    rows = [{"a": number, "p": "100", "q": "1", "T": START + number * 1_000, "m": True} for number in numbers]
    url = f"https://api.binance.com{EXCHANGES['binance'].trades_path(need.pair, need.after)}"
    return frame("binance", msgspec.json.encode(rows), START + 10_000, url=url, source=Source.LIVE)


def numbers(out: list[object]) -> list[str | None]:
    return [one.trade_id for one in out if isinstance(one, Trade)]


def test_a_trade_is_sent_once_with_every_field() -> None:
    way = pipeline()
    mark, record = way.all_of(spoken(sold(1)), spoken(sold(1)))
    assert isinstance(mark, Trade)
    assert (mark.trade_id, mark.gap_since, mark.event_time) == (None, START + 1_000, START + 1_000)
    assert isinstance(record, Trade)
    assert (record.trade_id, record.price, record.size, record.side, record.usd_rate) == ("1", 100.0, 1.0, Side.SELL, 1.0)
    assert (record.event_time, record.received_time, record.gap_since, record.backfilled) == (START + 1_000, START + 1_050, None, False)
    assert (way.markets["binance"].frames, way.markets["binance"].records) == (2, 2)


def test_missing_trades_are_fetched_once_and_counted() -> None:
    way = pipeline()
    gap, last = way.all_of(spoken(sold(1)), spoken(sold(4)))[2:]
    assert isinstance(gap, CollectorEvent)
    assert (gap.kind, gap.count, gap.event_time, gap.first_time, gap.last_time) == (EventKind.GAP, 2, START + 4_050, START + 1_000, START + 4_000)
    assert isinstance(last, Trade)
    out = way.process(fetched(way, 1, 2, 3, 4))
    assert numbers(list(out)) == ["2", "3"]
    found = out[0]
    assert isinstance(found, Trade)
    assert (found.backfilled, found.event_time, found.received_time) == (True, START + 2_000, START + 10_000)
    (filled,) = events_of(out)
    assert (filled.kind, filled.count, filled.event_time) == (EventKind.FILLED, 2, START + 10_000)
    assert (way.markets["binance"].gaps, way.markets["binance"].filled) == (1, 1)
    assert way.prices == set()


def test_after_a_subscription_what_was_missed_is_asked_for() -> None:
    way = pipeline()
    way.process(spoken(sold(1)))
    (line,) = way.process(subscribed())
    assert isinstance(line, CollectorEvent)
    assert (line.kind, line.channel, line.symbol) == (EventKind.SUBSCRIBED, Channel.TRADE, None)
    assert numbers(list(way.process(fetched(way, 1, 2)))) == ["2"]


def test_what_is_not_answered_is_marked_between_the_trades() -> None:
    way = pipeline()
    way.process(spoken(sold(1)))
    way.process(subscribed())
    (need,) = way.take_needs()
    event, mark = way.process(Unanswered(need=need, received_time=START + 12_000, reason="no answer"))
    assert isinstance(event, CollectorEvent)
    assert (event.kind, event.event_time, event.first_time, event.last_time) == (EventKind.GAP, START + 12_000, START + 1_000, START + 12_000)
    assert isinstance(mark, Trade)
    assert (mark.gap_since, mark.event_time, mark.received_time, mark.trade_id) == (START + 1_000, START + 12_000, START + 12_000, None)
    assert mark.usd_rate == 1.0


def test_an_answer_without_a_trade_closes_what_was_not_certain() -> None:
    way = pipeline()
    way.process(spoken(sold(1)))
    way.process(subscribed())
    assert way.process(fetched(way)) == []
    need = Need(market="binance", channel=Channel.TRADE, pair=BTC, after=sold(1))
    assert way.process(Unanswered(need=need, received_time=START + 12_000, reason="too late")) == []


def test_a_refused_request_for_trades_is_no_proof_that_there_are_none() -> None:
    way = pipeline()
    way.process(spoken(sold(1)))
    way.process(subscribed())
    (need,) = way.take_needs()
    url = f"https://api.binance.com{EXCHANGES['binance'].trades_path(need.pair, need.after)}"
    out = way.process(frame("binance", '{"code":-1003,"msg":"Too many requests"}', START + 10_000, url=url, source=Source.LIVE))
    assert [one for one in out if isinstance(one, Trade) and one.gap_since] or way.take_needs()


def test_an_answer_that_cannot_be_read_is_no_end_of_the_matter() -> None:
    way = pipeline()
    way.all_of(spoken(sold(1)), spoken(sold(4)))
    (need,) = way.take_needs()
    url = f"https://api.binance.com{EXCHANGES['binance'].trades_path(need.pair, need.after)}"
    out = way.process(frame("binance", "<html>", START + 10_000, url=url, source=Source.LIVE))
    assert [one for one in out if isinstance(one, Trade) and one.gap_since] or way.take_needs()


def test_a_replay_moves_every_time_of_a_trade_and_of_its_gap() -> None:
    way, later = pipeline(), pipeline()
    for one in (sold(1), sold(4)):
        came = spoken(one)
        for plain, shifted in zip(way.process(came), later.process(moved(came, SHIFT)), strict=True):
            for name in plain.__struct_fields__:
                value = getattr(plain, name)
                is_time = name in {"event_time", "received_time", "first_time", "last_time", "gap_since"} and value is not None
                assert getattr(shifted, name) == (value + SHIFT if is_time else value), name


def test_a_looped_recording_sends_its_trades_again_and_finds_no_gap_between_its_passes() -> None:
    way = pipeline()
    day = [msgspec.structs.replace(spoken(sold(5)), starts_pass=True), spoken(sold(6))]
    out = way.all_of(*day, *(moved(one, 60_000) for one in day))
    assert numbers(list(out)) == [None, "5", "6"] * 2
    assert [(one.gap_since, one.event_time) for one in out if isinstance(one, Trade) and one.gap_since] == [
        (START + time,) * 2 for time in (5_000, 65_000)
    ]
    assert events_of(out) == []


def test_a_trade_that_was_not_asked_for_is_counted_and_left_out() -> None:
    way = pipeline(frozenset({"ETH"}))
    assert way.process(spoken(sold(1))) == []
    assert way.markets["binance"].unknown_symbols == 2  # the trade, and the mark that stands before the first


@pytest.mark.parametrize(
    ("kind", "channel", "pairs", "symbols"),
    [
        (EventKind.CONNECTED, Channel.TRADE, (BTC, Pair("ETH", "USDT")), [None]),
        (EventKind.STALE, Channel.TICKER, (BTC, Pair("ETH", "USDT")), ["BTC", "ETH"]),
        (EventKind.HALTED, Channel.TRADE, (BTC,), ["BTC"]),
        (EventKind.TRADING, Channel.TRADE, (BTC,), ["BTC"]),
        (EventKind.REFUSED, None, (), [None]),
        (EventKind.DROPPED, Channel.ORDERBOOK, (), [None]),
    ],
)
def test_what_happens_is_a_line_for_each_price_it_is_about(
    kind: EventKind, channel: Channel | None, pairs: tuple[Pair, ...], symbols: list[str | None]
) -> None:
    way = pipeline()
    happening = Happening(
        kind=kind, market="okx", source=Source.LIVE, received_time=START, channel=channel, pairs=pairs, detail="so it was", count=3
    )  # fmt: skip
    lines = events_of(way.process(happening))
    assert [(line.kind, line.symbol, line.quote) for line in lines] == [(kind, symbol, symbol and "USDT") for symbol in symbols]
    assert {(line.market, line.channel, line.event_time, line.detail, line.count) for line in lines} == {("okx", channel, START, "so it was", 3)}
    assert way.markets["okx"].dropped == (3 if kind is EventKind.DROPPED else 0)
    assert way.markets["okx"].stale == (2 if kind is EventKind.STALE else 0)


def test_the_announced_end_of_a_connection_is_passed_on_for_that_frame_alone() -> None:
    way = pipeline()
    assert way.process(frame("okx", '{"event":"notice","code":"64008","msg":"The connection will soon be closed"}')) == []
    assert way.closing
    way.process(frame("okx", "pong"))
    assert not way.closing
