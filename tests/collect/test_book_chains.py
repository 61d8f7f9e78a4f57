"""Books that begin with a snapshot by REST, and books whose messages name the one before."""

from __future__ import annotations

import pytest

from src.collect.book import WAITING_LIMIT, Book
from src.collect.book_rule import (
    BookRule,
    Chained,
    ChainedAfterRest,
    ConsecutiveAfterRest,
    Step,
)
from tests.collect.books_made import BIDS, BROKEN, CHANGED, UNCHANGED, WAITING, change, linked, outcomes, snapshot, update
from tests.collect.tickers import START

# A snapshot by REST.


@pytest.mark.parametrize("rule", [ConsecutiveAfterRest(), ChainedAfterRest()])
def test_changes_wait_for_the_snapshot_by_rest_and_those_it_has_are_left_out(rule: BookRule) -> None:
    book = Book(rule)
    waiting = [change(98, 99, 97, size=8.0), change(100, 102, 99, bids=((99.0, 7.0),)), change(103, 103, 102, bids=(), asks=((101.0, 0.0),))]
    assert outcomes(book, *waiting, snapshot(100, event_time=None)) == [WAITING, WAITING, WAITING, CHANGED]
    assert book.best(10) == (((100.0, 1.0), (99.0, 7.0)), ((102.0, 4.0),))
    assert (book.sequence, book.event_time) == (103, START)


@pytest.mark.parametrize(
    ("rule", "too_old", "good"),
    [(ConsecutiveAfterRest(), 97, 100), (ChainedAfterRest(), 97, 98), (ChainedAfterRest(), 97, 100)],
)
def test_a_snapshot_that_is_older_than_what_waits_is_not_taken_and_the_next_one_is(rule: BookRule, too_old: int, good: int) -> None:
    book = Book(rule)
    outcomes(book, change(99, 101, 98), change(102, 102, 101))
    assert outcomes(book, snapshot(too_old)) == [WAITING]
    assert (book.is_whole, book.fault) == (False, None)
    assert outcomes(book, snapshot(good), change(103, 103, 102)) == [CHANGED, CHANGED]
    assert book.sequence == 103


def test_a_second_snapshot_by_rest_changes_nothing() -> None:
    book = Book(ConsecutiveAfterRest())
    told = [snapshot(100), change(101), snapshot(105, bids=((1.0, 1.0),)), change(102)]
    assert outcomes(book, *told) == [CHANGED, CHANGED, UNCHANGED, CHANGED]


def test_a_gap_among_what_waits_is_found_and_what_came_after_it_waits_on() -> None:
    book = Book(ConsecutiveAfterRest())
    outcomes(book, change(101), change(104), change(105), change(106))
    assert outcomes(book, snapshot(100)) == [BROKEN]
    fault = book.fault
    assert fault is not None
    assert (fault.first_sequence, fault.last_sequence) == (101, 104)
    assert outcomes(book, snapshot(103), change(107)) == [CHANGED, CHANGED]
    assert book.sequence == 107


def test_after_a_gap_the_change_that_showed_it_waits_too() -> None:
    book = Book(ConsecutiveAfterRest())
    told = [snapshot(100), change(103, size=9.0), snapshot(102), change(104, bids=())]
    assert outcomes(book, *told) == [CHANGED, BROKEN, CHANGED, CHANGED]
    assert (book.sequence, book.best(1)[0]) == (104, ((100.0, 9.0),))


def test_what_waited_on_a_lost_connection_is_not_used() -> None:
    book = Book(ConsecutiveAfterRest())
    outcomes(book, change(101), change(102))
    assert book.lose("connection lost") is WAITING
    assert outcomes(book, change(110), snapshot(109)) == [WAITING, CHANGED]
    assert book.sequence == 110


def test_of_the_changes_that_wait_the_oldest_go() -> None:
    book = Book(ConsecutiveAfterRest())
    outcomes(book, *(change(number) for number in range(1, WAITING_LIMIT + 2)))
    assert outcomes(book, snapshot(0)) == [WAITING]
    assert outcomes(book, snapshot(1)) == [CHANGED]
    assert book.sequence == WAITING_LIMIT + 1


def test_a_snapshot_without_a_time_does_not_keep_the_time_of_the_book_before() -> None:
    book = Book(ConsecutiveAfterRest())
    outcomes(book, snapshot(100), change(101, event_time=START + 1))
    book.lose("connection lost")
    outcomes(book, snapshot(500, event_time=None))
    assert (book.sequence, book.event_time) == (500, None)


# A chain: each message names the one before it.


def test_a_chain_is_followed_and_a_repeated_link_is_left_out() -> None:
    book = Book(Chained())
    told = [snapshot(100), linked(100, 107), linked(100, 107), linked(107, 110)]
    assert outcomes(book, *told) == [CHANGED, CHANGED, UNCHANGED, CHANGED]
    assert book.sequence == 110


def test_a_broken_chain_is_a_gap() -> None:
    book = Book(Chained())
    assert outcomes(book, snapshot(100), linked(105, 107)) == [CHANGED, BROKEN]
    assert book.fault is not None
    assert (book.fault.first_sequence, book.fault.last_sequence) == (100, 107)


def test_an_empty_message_that_keeps_the_chain_alive_and_a_reset_for_maintenance_break_nothing() -> None:
    """OKX: equal numbers when nothing changed, and a smaller number after maintenance, which still names the one before."""
    book = Book(Chained())
    told = [snapshot(100), linked(100, 100, bids=(), event_time=START + 60_000), linked(100, 3, event_time=START + 60_100), linked(3, 5)]
    assert outcomes(book, *told) == [CHANGED] * 4
    assert (book.sequence, book.event_time) == (5, START)


def test_a_link_without_a_number_is_a_gap() -> None:
    assert outcomes(Book(Chained()), snapshot(100), update(bids=BIDS, last=101)) == [CHANGED, BROKEN]
    assert outcomes(Book(Chained()), snapshot(None), linked(100, 101)) == [CHANGED, BROKEN]


@pytest.mark.parametrize(
    ("first", "last", "previous", "step"),
    [
        (90, 99, 89, Step.SKIP),
        (95, 100, 94, Step.APPLY),
        (95, 105, 94, Step.APPLY),
        (100, 100, 99, Step.APPLY),
        (103, 105, 100, Step.APPLY),
        (101, 105, 99, Step.GAP),
        (103, 105, 102, Step.GAP),
        (None, 105, 99, Step.GAP),
    ],
)
def test_the_first_change_of_a_chain_spans_the_number_of_the_snapshot_by_rest(first: int | None, last: int, previous: int, step: Step) -> None:
    """Binance USD-M: drop u < lastUpdateId; the first has U <= lastUpdateId <= u, or names exactly that number as the one before it."""
    assert ChainedAfterRest().begins(100, update(first=first, last=last, previous=previous)) is step


def test_then_only_the_number_before_counts_and_numbers_may_be_left_out() -> None:
    book = Book(ChainedAfterRest())
    told = [snapshot(100), change(95, 105, 94), change(112, 115, 105), change(112, 115, 105), change(117, 118, 116)]
    assert outcomes(book, *told) == [CHANGED, CHANGED, CHANGED, UNCHANGED, BROKEN]
