"""Frames of order books become records of whole books, a line of the ledger for each break, and needs."""

from __future__ import annotations

import msgspec

from src.collect.arrival import Arrival, Happening, Need
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Channel, Pair
from src.schema.records import CollectorEvent, DeadLetter, EventKind, OrderBook, Region, Source
from tests.collect.books_made import ASKS, BIDS, books_of, events_of, snapshot, update
from tests.collect.pipelines import frame, moved, pipeline, spoken
from tests.collect.tickers import START, ticker

BTC = Pair("BTC", "USDT")
SHIFT = 7_000_000


def change(number: int, after: int | None = None) -> BookUpdate:
    """The change of that number, received so many ms after START, 20 ms after it happened."""
    time = START + (number if after is None else after)
    return update(bids=((100.0, 5.0),), previous=number - 1, last=number, event_time=time - 20, received_time=time)


def whole(number: int = 0, after: int = 0) -> BookUpdate:
    return snapshot(number, event_time=START + after - 20, received_time=START + after)


def test_a_snapshot_and_its_changes_are_records_with_rate_and_sequence() -> None:
    way = pipeline()
    first, second = way.all_of(spoken(whole()), spoken(change(1)))
    assert first == OrderBook(
        region=Region.ASIA,
        market="okx",
        symbol="BTC",
        quote="USDT",
        source=Source.LIVE,
        event_time=START - 20,
        received_time=START,
        bids=BIDS,
        asks=ASKS,
        sequence=0,
        usd_rate=1.0,
        rate_source="usdt_par",
    )
    assert isinstance(second, OrderBook)
    assert (second.bids[0], second.sequence) == ((100.0, 5.0), 1)
    assert (way.markets["okx"].records, way.prices) == (2, {("BTC", "USDT")})


def test_the_last_state_of_an_interval_comes_with_whatever_comes_next() -> None:
    way = pipeline(book_interval_ms=100)
    assert len(way.all_of(spoken(whole()), spoken(change(1)), spoken(change(2)))) == 1
    pong = frame("okx", "pong", START + 100)
    (record,) = way.process(pong)
    assert isinstance(record, OrderBook)
    assert (record.sequence, record.received_time) == (2, START + 2)
    assert way.process(moved(pong, 5)) == []


def test_the_last_state_is_told_by_time_alone_and_at_the_end() -> None:
    way = pipeline(book_interval_ms=100)
    way.all_of(spoken(whole()), spoken(change(1)))
    assert way.due(START + 99) == []
    assert [record.sequence for record in books_of(way.due(START + 100))] == [1]
    way.process(spoken(change(2, 150)))
    assert [record.sequence for record in books_of(way.finish())] == [2]


def test_a_gap_is_counted_told_and_asked_for() -> None:
    way = pipeline()
    out = way.all_of(spoken(whole()), spoken(change(5)))
    (event,), records = events_of(out), books_of(out)
    assert (event.kind, event.first_sequence, event.last_sequence) == (EventKind.GAP, "0", "5")
    assert [record.valid for record in records] == [True, False]
    assert way.take_needs() == [Need(market="okx", channel=Channel.ORDERBOOK, pair=BTC)]
    assert way.take_needs() == ()
    assert way.markets["okx"].gaps == 1
    again = way.process(spoken(whole(9, 30)))
    assert [event.kind for event in events_of(again)] == [EventKind.RESYNC]
    assert [record.gap_since for record in books_of(again)] == [START - 20]


def test_a_book_by_rest_is_asked_for_and_its_answer_is_used() -> None:
    way = pipeline()
    depth = update(market="binance", bids=((100.0, 5.0),), first=101, last=102, event_time=START, received_time=START)
    assert way.process(spoken(depth)) == []
    (need,) = way.take_needs()
    path = EXCHANGES["binance"].book_path(need.pair)
    body = EXCHANGES["binance"].simulate(snapshot(100, market="binance", event_time=None))
    (record,) = way.process(frame("binance", body, START + 30, url=f"https://api.binance.com{path}"))
    assert isinstance(record, OrderBook)
    assert (record.sequence, record.bids, record.event_time, record.received_time) == (102, ((100.0, 5.0), BIDS[1]), START, START + 30)


def test_a_snapshot_that_says_no_time_is_of_its_reception_and_says_nothing_of_a_clock() -> None:
    way = pipeline()
    path = EXCHANGES["binance"].book_path(BTC)
    body = EXCHANGES["binance"].simulate(snapshot(100, market="binance", event_time=None))
    (record,) = way.process(frame("binance", body, START + 30, url=f"https://api.binance.com{path}"))
    assert isinstance(record, OrderBook)
    assert (record.event_time, record.received_time) == (START + 30, START + 30)
    assert way.said == []


def test_a_lost_connection_breaks_its_books() -> None:
    way = pipeline()
    way.process(spoken(whole()))
    lost = Happening(
        kind=EventKind.DISCONNECTED,
        market="okx",
        source=Source.LIVE,
        received_time=START + 50,
        channel=Channel.ORDERBOOK,
        pairs=(BTC,),
        detail="1006",
    )
    line, gap, record = way.process(lost)
    assert isinstance(line, CollectorEvent)
    assert (line.kind, line.symbol, line.detail) == (EventKind.DISCONNECTED, None, "1006")
    assert isinstance(gap, CollectorEvent)
    assert (gap.kind, gap.symbol, gap.detail, gap.first_time) == (EventKind.GAP, "BTC", "connection lost: 1006", START - 20)
    assert isinstance(record, OrderBook)
    assert (record.valid, record.received_time) == (False, START + 50)
    other = msgspec.structs.replace(lost, channel=Channel.TRADE)
    assert len(way.process(other)) == 1


def test_a_replay_moves_every_time_of_a_book() -> None:
    came = [spoken(whole()), spoken(change(1)), spoken(change(5)), spoken(whole(9, 30))]
    way, later = pipeline(), pipeline()
    for one in came:
        for plain, shifted in zip(way.process(one), later.process(moved(one, SHIFT)), strict=True):
            for name in plain.__struct_fields__:
                value = getattr(plain, name)
                is_time = name in {"event_time", "received_time", "first_time", "last_time", "gap_since"} and value is not None
                assert getattr(shifted, name) == (value + SHIFT if is_time else value), name


def test_the_books_of_a_looped_recording_begin_anew() -> None:
    way = pipeline()
    day = [msgspec.structs.replace(spoken(whole(100)), starts_pass=True), spoken(change(101)), spoken(change(102))]
    passes = [[moved(one, number * 1_000) for one in day] for number in range(2)]
    out = way.all_of(*passes[0], *passes[1])
    assert [record.sequence for record in books_of(out)] == [100, 101, 102] * 2
    assert events_of(out) == []


def test_a_book_that_was_not_asked_for_is_counted_and_left_out() -> None:
    way = pipeline(frozenset({"ETH"}))
    assert way.process(spoken(whole())) == []
    assert (way.markets["okx"].records, way.markets["okx"].unknown_symbols) == (0, 1)


def test_a_book_from_the_future_is_a_dead_letter_and_no_part_of_the_book() -> None:
    way = pipeline()
    way.process(spoken(whole()))
    future = msgspec.structs.replace(change(1), event_time=START + 60_000)
    (letter,) = way.process(spoken(future))
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "event 60 s ahead of its reception"
    (record,) = way.process(spoken(change(1)))
    assert isinstance(record, OrderBook)
    assert (record.sequence, record.valid) == (1, True)


def test_an_undated_frame_of_a_book_happened_when_it_is_received() -> None:
    arrival = msgspec.structs.replace(spoken(whole()), received_time=START + SHIFT, undated=True)
    assert isinstance(arrival, Arrival)
    (record,) = pipeline().process(arrival)
    assert isinstance(record, OrderBook)
    assert (record.event_time, record.received_time) == (START + SHIFT, START + SHIFT)


def test_the_last_state_is_told_in_time_though_our_clock_is_slow() -> None:
    way = pipeline(book_interval_ms=100)
    ahead = [
        msgspec.structs.replace(one, event_time=START + 60_000 + number, received_time=START + number)
        for number, one in enumerate((whole(), change(1)))
    ]
    fast = ticker("bybit", "BTC", "USDT", price=1.0, event_time=START + 60_000, received_time=START)
    way.all_of(spoken(fast), *(spoken(one) for one in ahead))
    assert way.said
    assert [record.sequence for record in books_of(way.due(START + 101))] == [1]
