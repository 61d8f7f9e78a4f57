"""Every captured book, built by its market's rule: whole, never crossed, no gap made up, and every checksum right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from src.collect.book import Book, Outcome
from src.collect.book_rule import BookRule, Chained, Checksummed, ConsecutiveAfterRest
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookLevel, BookUpdate
from tests.collect.conformance.reading import Read, everything, frames_of, read


class CountedChained(Chained):
    """OKX's rule, which counts the checksums it was asked for."""

    def __init__(self) -> None:
        self.computed = 0

    def checksum(self, bids: Sequence[BookLevel], asks: Sequence[BookLevel]) -> int:
        self.computed += 1
        return super().checksum(bids, asks)


class CountedChecksummed(Checksummed):
    """Kraken's, the same."""

    computed = 0

    def checksum(self, bids: Sequence[BookLevel], asks: Sequence[BookLevel]) -> int:
        self.computed += 1
        return super().checksum(bids, asks)


@dataclass(frozen=True)
class Series:
    """Captures that belong together, and what comes of them."""

    market: str
    files: tuple[str, ...]
    changed: int
    """Messages that went into a book."""
    unchanged: int = 0
    """Messages older than the book."""
    waiting: int = 0
    """Messages for which there was no book (yet)."""
    books: int = 1
    """How many are whole at the end."""
    checksums: int = 0
    """How many messages have one, that is right."""
    rule: BookRule | None = None
    """Of the time of the capture, where it was not today's."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Where a book breaks, and why that is so."""

    def __str__(self) -> str:
        return f"{self.market}/{self.files[0]}"


SERIES = (
    Series("binance", ("orderbook.jsonl", "orderbook.rest_snapshot.jsonl"), changed=153, waiting=1, books=4),
    # Of another day, whose snapshots were not captured.
    Series("binance", ("orderbook.2.jsonl",), changed=0, waiting=307, books=0),
    Series("binance", ("orderbook.doc.jsonl",), changed=0, waiting=1, books=0),
    Series("binance_futures", ("orderbook.jsonl", "orderbook.rest_snapshot.jsonl"), changed=388, unchanged=4, waiting=2, books=4),
    Series("binance_futures", ("orderbook.doc.jsonl",), changed=0, waiting=2, books=0),
    Series("bithumb", ("orderbook.doc.jsonl",), changed=6, books=2),
    # The former socket: changes of which no whole book was captured.
    Series("bithumb", ("orderbook.legacy.jsonl",), changed=0, waiting=46, books=0),
    Series("bithumb", ("orderbook.legacy.doc.jsonl",), changed=1),
    Series("bybit", ("orderbook.jsonl",), changed=300),
    Series("bybit", ("orderbook.l1.jsonl",), changed=70, books=6),
    Series("bybit_linear", ("orderbook.jsonl",), changed=400, books=2),
    Series("bybit_linear", ("orderbook.l1.jsonl",), changed=99, books=4),
    Series("bybit_linear", ("orderbook.doc.jsonl",), changed=2),
    # The third says in SHORT what the second has said in DEFAULT.
    Series("coinone", ("orderbook.doc.jsonl",), changed=3, unchanged=1, books=2),
    Series("gateio", ("orderbook.jsonl", "orderbook.rest_snapshot.jsonl"), changed=91, unchanged=1, waiting=4, books=10, rule=ConsecutiveAfterRest()),
    Series("gateio", ("orderbook.doc.jsonl",), changed=4),
    Series("korbit", ("orderbook.doc.jsonl",), changed=4, books=3),
    # Subscribed to 1000 levels; of the snapshots, five, v1 sent no checksum.
    Series("kraken", ("orderbook.v1.jsonl",), changed=400, books=5, checksums=395, rule=Checksummed(1000)),
    Series(
        "kraken",
        ("orderbook.doc.jsonl",),
        changed=2,
        waiting=1,
        checksums=2,
        rule=Checksummed(10),
        broken={"kraken/orderbook.doc.jsonl:1": "a made-up book whose checksum, its source says, is not that of its levels"},
    ),
    Series("okx", ("orderbook.jsonl",), changed=99, checksums=99),
    Series("okx", ("orderbook.l2tbt.jsonl",), changed=400, books=4, checksums=400),
    Series(
        "okx",
        ("orderbook.doc.jsonl",),
        changed=4,
        waiting=2,
        books=2,
        broken={"okx/orderbook.doc.jsonl:2": "the documentation's example, cut to eight levels: the checksum is not theirs"},
    ),
    Series("upbit", ("orderbook.jsonl",), changed=73, books=4),
    Series("upbit", ("orderbook.doc.jsonl",), changed=5, books=2),
)


def updates(series: Series) -> Iterator[tuple[Read, tuple[str, ...], BookUpdate]]:
    """In the order of reception, each with the identity of its book."""
    frames = [frame for file in series.files for frame in read(series.market, file)]
    for frame in sorted(frames, key=lambda frame: frame.received or 0):
        for said in frame.parsed:
            assert isinstance(said, BookUpdate)
            # OKX's captures hold two options of one coin, which only the contract's name tells apart.
            yield frame, (said.symbol, said.quote, said.instrument, said.contract), said


def counted(series: Series) -> BookRule:
    rule = series.rule or EXCHANGES[series.market].book_rule
    match rule:
        case Chained():
            return CountedChained()
        case Checksummed():
            return CountedChecksummed(rule.depth or 0)
    return rule


@pytest.mark.parametrize("series", SERIES, ids=str)
def test_captured_books_are_whole(series: Series) -> None:
    rule = counted(series)
    books: dict[tuple[str, ...], Book] = {}
    outcomes: Counter[Outcome] = Counter()
    broken: list[str] = []
    last: dict[tuple[str, ...], BookUpdate] = {}
    for frame, identity, update in updates(series):
        book = books.setdefault(identity, Book(rule))
        outcome = book.apply(update)
        outcomes[outcome] += 1
        if outcome is Outcome.BROKEN:
            broken.append(str(frame))
        if outcome is Outcome.CHANGED:
            last[identity] = update
        if book.is_whole:
            assert_not_crossed(book, str(frame))
        else:
            assert book.best(1) == ((), ())
    assert broken == list(series.broken)
    assert outcomes == Counter(
        {Outcome.CHANGED: series.changed, Outcome.UNCHANGED: series.unchanged, Outcome.WAITING: series.waiting, Outcome.BROKEN: len(broken)}
    )
    assert sum(book.is_whole for book in books.values()) == series.books
    computed = getattr(rule, "computed", 0)
    assert computed == series.checksums + len(broken)
    # And they are truly looked at: the same message with another checksum breaks the book.
    for identity, update in last.items():
        if update.checksum is not None:
            books[identity].apply(msgspec.structs.replace(update, checksum=update.checksum ^ 1, previous=None))
            assert not books[identity].is_whole


def assert_not_crossed(book: Book, place: str) -> None:
    """Whole and valid, best first, without an empty level."""
    assert book.valid, place
    bids, asks = book.best(1000)
    assert all(size > 0 for _, size in (*bids, *asks)), place
    assert [price for price, _ in bids] == sorted((price for price, _ in bids), reverse=True), place
    assert [price for price, _ in asks] == sorted(price for price, _ in asks), place
    assert not (bids and asks) or bids[0][0] < asks[0][0], place


@pytest.mark.parametrize("market", EXCHANGES)
def test_every_capture_of_a_book_is_in_a_series(market: str) -> None:
    captured = {frame.file for frame in frames_of(market) if any(isinstance(said, BookUpdate) for said in frame.parsed)}
    assert captured == {f"{market}/{file}" for series in SERIES if series.market == market for file in series.files}


def test_every_captured_checksum_is_accounted_for() -> None:
    """Kraken: 4 of the documents, 395 of v1. OKX: 499 captured, 2 of the documents. The messages of books that wait are not looked at."""
    books = [said for frame in everything() for said in frame.data if isinstance(said, BookUpdate)]
    assert Counter(book.market for book in books if book.checksum is not None) == {"kraken": 399, "okx": 501}
    verified: Counter[str] = Counter()
    for series in SERIES:
        verified[series.market] += series.checksums
    assert {market: count for market, count in verified.items() if count} == {"kraken": 397, "okx": 499}


NUMBERED = ("binance", "binance_futures", "bybit", "bybit_linear", "gateio")


@pytest.mark.parametrize("series", [series for series in SERIES if series.market in NUMBERED and series.files[0] == "orderbook.jsonl"], ids=str)
def test_a_change_that_is_left_out_breaks_the_book_at_the_next_one(series: Series) -> None:
    """Of markets that number their messages; some changes of every captured book are left out, one at a time."""
    rule = series.rule or EXCHANGES[series.market].book_rule
    of_book: dict[tuple[str, ...], list[BookUpdate]] = {}
    for _, identity, update in updates(series):
        of_book.setdefault(identity, []).append(update)
    tried = 0
    for said in of_book.values():
        needed = list(needed_changes(said, Book(rule)))[:-1]
        for left_out in needed[:: max(1, len(needed) // 5)]:
            book = Book(rule)
            outcomes = [book.apply(update) for number, update in enumerate(said[: left_out + 2]) if number != left_out]
            assert outcomes[-1] is Outcome.BROKEN, said[left_out]
            assert Outcome.BROKEN not in outcomes[:-1]
            tried += 1
    assert tried >= 5


def needed_changes(said: Sequence[BookUpdate], book: Book) -> Iterator[int]:
    """The places of the changes that bring something new: the first after a REST snapshot may only repeat it."""
    for number, update in enumerate(said):
        sequence = book.sequence
        if book.apply(update) is Outcome.CHANGED and not update.snapshot and book.sequence != sequence:
            yield number
