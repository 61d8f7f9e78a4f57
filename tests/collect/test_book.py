"""An order book is equal to the exchange's or says that it is not whole; no gap is made up."""

from __future__ import annotations

import pytest

from src.collect.book import Book, Outcome
from src.collect.book_rule import (
    BookRule,
    Chained,
    ChainedAfterRest,
    Checksummed,
    Consecutive,
    ConsecutiveAfterRest,
    FullReplace,
)
from tests.collect.books_made import ASKS, BIDS, BROKEN, CHANGED, UNCHANGED, WAITING, change, linked, outcomes, snapshot
from tests.collect.tickers import START


@pytest.mark.parametrize("rule", [FullReplace(), Consecutive(), ConsecutiveAfterRest(), Chained(), ChainedAfterRest(), Checksummed(10)])
def test_a_book_begins_empty_and_not_whole(rule: BookRule) -> None:
    book = Book(rule)
    assert (book.is_whole, book.valid, book.sequence, book.event_time, book.fault, book.best(10)) == (False, False, None, None, None, ((), ()))


@pytest.mark.parametrize("rule", [Consecutive(), ConsecutiveAfterRest(), Chained(), ChainedAfterRest(), Checksummed(10)])
def test_a_change_before_any_snapshot_waits_and_is_no_gap(rule: BookRule) -> None:
    book = Book(rule)
    assert outcomes(book, change(5, previous=4)) == [WAITING]
    assert (book.fault, book.best(10)) == (None, ((), ()))


def test_a_snapshot_is_the_book_best_first_and_without_empty_levels() -> None:
    book = Book(Consecutive())
    jumbled = snapshot(7, bids=((99.0, 2.0), (100.0, 1.0), (98.0, 0.0)), asks=((102.0, 4.0), (101.0, 3.0)))
    assert outcomes(book, jumbled) == [CHANGED]
    assert book.best(10) == (BIDS, ASKS)
    assert book.best(1) == (BIDS[:1], ASKS[:1])
    assert (book.valid, book.sequence, book.event_time) == (True, 7, START)


def test_a_change_sets_adds_and_takes_away_levels_in_its_order() -> None:
    book = Book(Consecutive())
    told = change(8, bids=((100.0, 0.0), (99.5, 6.0), (99.0, 9.0), (97.0, 0.0), (99.5, 7.0)), asks=((101.5, 1.0),), event_time=START + 5)
    assert outcomes(book, snapshot(7), told) == [CHANGED, CHANGED]
    assert book.best(10) == (((99.5, 7.0), (99.0, 9.0)), ((101.0, 3.0), (101.5, 1.0), (102.0, 4.0)))
    assert (book.sequence, book.event_time) == (8, START + 5)


def test_a_crossed_book_is_whole_and_not_valid_until_it_is_uncrossed() -> None:
    book = Book(Consecutive())
    outcomes(book, snapshot(7), change(8, bids=((101.0, 1.0),)))
    assert (book.is_whole, book.valid) == (True, False)
    outcomes(book, change(9, asks=((101.0, 0.0),), bids=()))
    assert (book.is_whole, book.valid) == (True, True)


def test_a_book_of_one_side_is_valid() -> None:
    book = Book(FullReplace())
    outcomes(book, snapshot(bids=()))
    assert (book.valid, book.best(5)) == (True, ((), ASKS))


# A venue that sends all of the book every time.


def test_a_full_book_takes_the_place_of_the_last_unless_it_is_older() -> None:
    book = Book(FullReplace())
    newer, older = snapshot(event_time=START + 10), snapshot(event_time=START + 9, bids=((50.0, 1.0),))
    assert outcomes(book, newer, older) == [CHANGED, UNCHANGED]
    assert book.best(1)[0] == BIDS[:1]
    assert outcomes(book, snapshot(event_time=START + 10, bids=((100.5, 1.0),))) == [CHANGED]
    assert book.best(1)[0] == ((100.5, 1.0),)


def test_a_numbered_full_book_is_judged_by_its_number_and_not_its_time() -> None:
    book = Book(FullReplace())
    told = [snapshot(5, event_time=START + 10), snapshot(5, event_time=START + 20), snapshot(4, event_time=START + 20), snapshot(6, event_time=START)]
    assert outcomes(book, *told) == [CHANGED, UNCHANGED, UNCHANGED, CHANGED]
    assert book.sequence == 6


def test_after_a_lost_connection_even_an_older_full_book_counts() -> None:
    book = Book(FullReplace())
    outcomes(book, snapshot(event_time=START + 10))
    assert book.lose("connection lost") is BROKEN
    assert outcomes(book, snapshot(event_time=START)) == [CHANGED]
    assert (book.valid, book.event_time) == (True, START)


# Numbers without a gap.


@pytest.mark.parametrize(
    ("numbers", "expected", "sequence"),
    [
        ([(101, 101), (102, 102)], [CHANGED, CHANGED], 102),
        ([(101, 103), (104, 104)], [CHANGED, CHANGED], 104),
        ([(101, 101), (101, 101), (102, 102)], [CHANGED, UNCHANGED, CHANGED], 102),
        ([(99, 100), (101, 101)], [UNCHANGED, CHANGED], 101),
        ([(98, 102), (103, 103)], [CHANGED, CHANGED], 103),
        ([(102, 102)], [BROKEN], None),
        ([(101, 101), (103, 103)], [CHANGED, BROKEN], None),
        ([(101, 101), (103, 103), (104, 104)], [CHANGED, BROKEN, WAITING], None),
    ],
)
@pytest.mark.parametrize("rule", [Consecutive(), ConsecutiveAfterRest()])
def test_numbers_without_a_gap(rule: BookRule, numbers: list[tuple[int, int]], expected: list[Outcome], sequence: int | None) -> None:
    book = Book(rule)
    assert outcomes(book, snapshot(100), *(change(first, last) for first, last in numbers)) == [CHANGED, *expected]
    assert (book.sequence if book.is_whole else None) == sequence


def test_a_gap_takes_the_levels_away_and_says_what_is_known_on_either_side() -> None:
    book = Book(Consecutive())
    assert outcomes(book, snapshot(100), change(101, event_time=START + 1), change(105, 107, event_time=START + 9)) == [CHANGED, CHANGED, BROKEN]
    assert (book.valid, book.best(10)) == (False, ((), ()))
    fault = book.fault
    assert fault is not None
    assert (fault.reason, fault.event_time, fault.first_sequence, fault.last_sequence) == ("messages are missing", START + 1, 101, 105)
    assert outcomes(book, snapshot(107), change(108)) == [CHANGED, CHANGED]
    assert book.valid


def test_a_snapshot_in_the_middle_begins_the_book_anew() -> None:
    book = Book(Consecutive())
    told = [snapshot(100), change(101), snapshot(200, bids=((90.0, 1.0),)), change(201, bids=((91.0, 1.0),))]
    assert outcomes(book, *told) == [CHANGED] * 4
    assert (book.best(10)[0], book.sequence) == (((91.0, 1.0), (90.0, 1.0)), 201)


@pytest.mark.parametrize("rule", [Consecutive(), Chained()])
def test_a_snapshot_that_comes_late_or_twice_breaks_nothing(rule: BookRule) -> None:
    book = Book(rule)
    first = snapshot(100)
    told = [first, change(101, previous=100, event_time=START + 5), first, change(102, previous=101, event_time=START + 9, size=7.0)]
    assert outcomes(book, *told) == [CHANGED, CHANGED, UNCHANGED, CHANGED]
    assert (book.best(1)[0], book.sequence) == (((100.0, 7.0),), 102)


def test_a_venue_that_starts_its_numbers_anew_is_followed() -> None:
    """Bybit sends a snapshot of number 1 after a restart of its service."""
    book = Book(Consecutive())
    told = [snapshot(9000), snapshot(1, event_time=START + 50), change(2, event_time=START + 70)]
    assert outcomes(book, *told) == [CHANGED] * 3
    assert book.sequence == 2


def test_numbers_that_began_anew_in_a_message_that_was_lost_are_a_gap() -> None:
    book = Book(Chained())
    outcomes(book, snapshot(9000), linked(9000, 9001, event_time=START + 100))
    told = [linked(3, 5, event_time=START + 5_100), linked(5, 6, event_time=START + 5_101)]
    assert outcomes(book, *told) == [UNCHANGED, BROKEN]


def test_only_the_first_loss_of_a_whole_book_is_a_break() -> None:
    book = Book(Consecutive())
    outcomes(book, snapshot(100))
    assert [book.lose("connection lost"), book.lose("connection lost")] == [BROKEN, WAITING]
    assert book.fault is not None
    assert (book.fault.reason, book.fault.event_time, book.fault.first_sequence, book.fault.last_sequence) == ("connection lost", START, 100, None)
