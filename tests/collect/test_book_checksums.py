"""Checksums over the digits of a book, and the depth they hold for."""

from __future__ import annotations

import zlib

from src.collect.book import Book
from src.collect.book_rule import (
    Chained,
    Checksummed,
    unsigned,
)
from tests.collect.books_made import BROKEN, CHANGED, outcomes, snapshot, update, written
from tests.collect.tickers import START


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
