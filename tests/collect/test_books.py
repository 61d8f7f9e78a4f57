"""When a record of a book is told, and what is in it."""

from __future__ import annotations

from collections.abc import Sequence

from src.collect.books import Books
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Pair
from src.schema.records import CollectorEvent, OrderBook, Region, Source
from tests.collect.books_made import ASKS, BIDS, books_of, snapshot, update
from tests.collect.tickers import START

BTC = Pair("BTC", "USDT")
Told = Sequence[OrderBook | CollectorEvent]


def books(depth: int = 10, interval_ms: int = 100) -> Books:
    return Books(EXCHANGES, depth, interval_ms)


def changed(number: int, size: float = 5.0, **fields: object) -> BookUpdate:
    """The change of that number, which names the one before it; its event was 20 ms before START + number."""
    return update(bids=((100.0, size),), previous=number - 1, last=number, event_time=START + number - 20, **fields)


def test_a_record_has_the_best_levels_and_every_field() -> None:
    (record,) = books(depth=1).take(snapshot(7, event_time=START - 20), START)
    assert record == OrderBook(
        region=Region.ASIA,
        market="okx",
        symbol="BTC",
        quote="USDT",
        source=Source.LIVE,
        event_time=START - 20,
        received_time=START,
        bids=BIDS[:1],
        asks=ASKS[:1],
        sequence=7,
        valid=True,
        gap_since=None,
    )


def test_within_an_interval_there_is_one_record_and_it_is_the_last_state() -> None:
    made = books()
    assert len(made.take(snapshot(0), START)) == 1
    assert not made.take(changed(1, 6.0), START + 1)
    assert not made.take(changed(2, 7.0), START + 99)
    assert not made.due(START + 99)
    (record,) = made.due(START + 100)
    assert (record.bids[0], record.sequence, record.event_time, record.received_time) == ((100.0, 7.0), 2, START - 18, START + 99)
    assert not made.due(START + 300)


def test_a_change_after_the_interval_is_told_at_once() -> None:
    made = books()
    made.take(snapshot(0), START)
    (record,) = books_of(made.take(changed(1), START + 100))
    assert record.sequence == 1
    assert not made.take(changed(2), START + 199)
    assert [record.sequence for record in made.due(START + 200)] == [2]


def test_after_a_record_that_was_due_the_interval_begins_anew() -> None:
    made = books()
    made.take(snapshot(0), START)
    made.take(changed(1), START + 10)
    assert len(made.due(START + 150)) == 1
    assert not made.take(changed(2), START + 249)
    assert len(made.take(changed(3), START + 250)) == 1
    assert not made.due(START + 10_000)


def test_without_an_interval_every_change_is_told() -> None:
    made = books(interval_ms=0)
    told = [made.take(one, START) for one in (snapshot(0), changed(1), changed(2))]
    assert [[record.sequence for record in books_of(one)] for one in told] == [[0], [1], [2]]


def test_books_have_intervals_of_their_own_and_are_due_in_their_order() -> None:
    made = books()
    for after, symbol in ((0, "BTC"), (30, "ETH")):
        made.take(snapshot(0, symbol=symbol), START + after)
    made.take(changed(1, symbol="ETH"), START + 40)
    made.take(changed(1), START + 50)
    assert [record.symbol for record in made.due(START + 100)] == ["BTC"]
    made.take(changed(2), START + 110)
    assert [record.symbol for record in made.due(START + 400)] == ["ETH", "BTC"]


def test_at_the_end_every_last_state_is_told_once() -> None:
    made = books()
    for symbol in ("BTC", "ETH"):
        made.take(snapshot(0, symbol=symbol), START)
        made.take(changed(1, symbol=symbol), START + 1)
    assert [(record.symbol, record.sequence) for record in made.finish()] == [("BTC", 1), ("ETH", 1)]
    assert not made.finish()


def test_what_the_book_has_already_is_not_told_again() -> None:
    made = books(interval_ms=0)
    made.take(snapshot(5), START)
    made.take(changed(6), START + 1)
    assert not made.take(changed(6), START + 2)


def test_fresh_books_know_nothing() -> None:
    made = books(depth=3)
    made.take(snapshot(100), START)
    made.take(changed(101), START + 1)
    fresh = made.fresh()
    assert not fresh.finish()
    assert fresh.take(changed(102), START + 2) == []
