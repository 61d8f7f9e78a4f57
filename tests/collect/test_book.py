"""An order book is equal to the exchange's or says that it is not whole; no gap is made up."""

from __future__ import annotations

import zlib

import pytest

from src.collect.book import WAITING_LIMIT, Book, Outcome
from src.collect.book_rule import (
    BookRule,
    Chained,
    ChainedAfterRest,
    Checksummed,
    Consecutive,
    ConsecutiveAfterRest,
    FullReplace,
    Step,
    unsigned,
)
from src.collect.parsed import BookUpdate, WrittenLevel
from tests.collect.books_made import ASKS, BIDS, snapshot, update
from tests.collect.tickers import START

CHANGED, UNCHANGED, WAITING, BROKEN = Outcome.CHANGED, Outcome.UNCHANGED, Outcome.WAITING, Outcome.BROKEN


def outcomes(book: Book, *updates: BookUpdate) -> list[Outcome]:
    return [book.apply(one) for one in updates]


def change(first: int, last: int | None = None, previous: int | None = None, *, size: float = 5.0, **fields: object) -> BookUpdate:
    """The best bid's size becomes `size`."""
    given = {"bids": ((100.0, size),), "first": first, "last": first if last is None else last, "previous": previous} | fields
    return update(**given)


def linked(previous: int, last: int, **fields: object) -> BookUpdate:
    """The same at a venue that names the message before."""
    return update(**({"bids": ((100.0, 5.0),), "previous": previous, "last": last} | fields))


def written(*levels: tuple[str, str]) -> list[WrittenLevel]:
    return [(float(price), float(size), price, size) for price, size in levels]


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


# Checksums.


def test_the_checksums_of_krakens_own_example() -> None:
    """The example book of Kraken's guide to its checksums, whose result the guide states: 3310070434."""
    asks = written(
        ("45285.2", "0.00100000"), ("45286.4", "1.54571953"), ("45286.6", "1.54571109"), ("45289.6", "1.54560911"), ("45290.2", "0.15890660"),
        ("45291.8", "1.54553491"), ("45294.7", "0.04454749"), ("45296.1", "0.35380000"), ("45297.5", "0.09945542"), ("45299.5", "0.18772827"),
    )  # fmt: skip
    bids = written(
        ("45283.5", "0.10000000"), ("45283.4", "1.54582015"), ("45282.1", "0.10000000"), ("45281.0", "0.10000000"), ("45280.3", "1.54592586"),
        ("45279.0", "0.07990000"), ("45277.6", "0.03310103"), ("45277.5", "0.30000000"), ("45277.3", "1.54602737"), ("45276.6", "0.15445238"),
    )  # fmt: skip
    assert Checksummed(10).checksum(bids, asks) == 3310070434
    book = Book(Checksummed(10))
    assert outcomes(book, snapshot(bids=bids, asks=asks, checksum=3310070434)) == [CHANGED]
    assert outcomes(book, update(bids=written(("45283.5", "0.20000000")), checksum=3310070434)) == [BROKEN]
    assert book.fault is not None
    assert (book.fault.reason, book.best(5)) == ("the checksum is wrong", ((), ()))


def test_krakens_checksum_is_of_digits_as_they_were_spelled() -> None:
    bids, asks = written(("0.0500", "10")), written(("0.050010", "0.00100"))
    assert Checksummed(10).checksum(bids, asks) == zlib.crc32(b"5001010050010")


def test_what_is_pushed_out_of_the_depth_does_not_come_back() -> None:
    """Kraken takes nothing away that a better level pushed out; who keeps it has wrong checksums later."""
    book = Book(Checksummed(2))
    outcomes(book, snapshot(), update(bids=((100.5, 1.0),)), update(bids=((100.5, 0.0),)))
    assert book.best(10)[0] == ((100.0, 1.0),)


def test_a_recording_that_was_subscribed_to_deeper_is_not_cut() -> None:
    book = Book(Checksummed(2))
    deep = snapshot(bids=((100.0, 1.0), (99.0, 1.0), (98.0, 1.0)))
    outcomes(book, deep, update(bids=((100.5, 1.0),)))
    assert book.best(10)[0] == ((100.5, 1.0), (100.0, 1.0), (99.0, 1.0))


def test_okx_checksum_takes_bids_and_asks_in_turn_and_goes_on_with_the_longer_side() -> None:
    """The example of OKX's documentation of its checksum, with the sides of different length."""
    bids, asks = written(("3366.1", "7")), written(("3366.8", "9"), ("3368", "8"), ("3372", "8"))
    assert Chained().checksum(bids, asks) == zlib.crc32(b"3366.1:7:3366.8:9:3368:8:3372:8")
    assert Chained().checksum(asks, bids) == zlib.crc32(b"3366.8:9:3366.1:7:3368:8:3372:8")


def test_a_signed_checksum_is_compared_unsigned() -> None:
    assert (unsigned(-855196043), unsigned(5)) == (3439771253, 5)


def test_changes_of_before_there_were_numbers_are_judged_by_their_checksums() -> None:
    rule = Chained()
    whole = snapshot(bids=written(("100", "1")), asks=written(("101", "3")))
    after = rule.checksum(written(("100", "2")), written(("101", "3")))
    book = Book(rule)
    assert outcomes(book, whole, update(bids=written(("100", "2")), checksum=after)) == [CHANGED, CHANGED]
    assert outcomes(book, update(bids=written(("100", "3")), checksum=after)) == [BROKEN]


def test_a_snapshot_with_a_wrong_checksum_is_no_book() -> None:
    book = Book(Checksummed(10))
    good = snapshot(event_time=START, bids=written(("100", "1")), asks=())
    assert outcomes(book, good, snapshot(bids=written(("90", "1")), event_time=START + 9, checksum=1)) == [CHANGED, BROKEN]
    assert book.fault is not None
    assert (book.fault.reason, book.fault.event_time) == ("the checksum of a snapshot is wrong", START)
    assert (book.valid, book.best(5), book.event_time) == (False, ((), ()), START)


def test_only_the_first_loss_of_a_whole_book_is_a_break() -> None:
    book = Book(Consecutive())
    outcomes(book, snapshot(100))
    assert [book.lose("connection lost"), book.lose("connection lost")] == [BROKEN, WAITING]
    assert book.fault is not None
    assert (book.fault.reason, book.fault.event_time, book.fault.first_sequence, book.fault.last_sequence) == ("connection lost", START, 100, None)
