"""Gate.io's order books: captured changes of 2021-04-22 with the REST books of the same capture, and frames of the exchange's documents."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter

from src.collect.book import Book, Outcome
from src.collect.book_rule import ConsecutiveAfterRest
from src.collect.exchanges.gateio import Gateio
from src.collect.parsed import BookUpdate, Frame
from src.schema.records import Source
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


def test_the_subscribed_book_of_the_documents() -> None:
    """`gateio/orderbook.doc.jsonl`, lines 3 and 4: a full book of `spot.obu`, then the change after it."""
    full, change = (VENUE.parse(captured("gateio", "orderbook.doc.jsonl", line).frame("gateio"))[0] for line in (2, 3))
    assert full == BookUpdate(
        market="gateio",
        symbol="BTC",
        quote="USDT",
        source=Source.REPLAY,
        event_time=1747054612673,
        received_time=0,
        snapshot=True,
        bids=[(104027.1, 509392.0), (104027.0, 477932.0)],
        asks=[(104027.2, 44617.0), (104027.4, 39322.0)],
        last=73777715168,
    )
    assert isinstance(full, BookUpdate)
    assert isinstance(change, BookUpdate)
    assert (change.snapshot, change.first, change.last, change.event_time) == (False, 73777715169, 73777715212, 1747054612695)
    book = Book(VENUE.book_rule)
    assert [book.apply(full), book.apply(change)] == [Outcome.CHANGED, Outcome.CHANGED]
    assert book.best(10) == (((104027.1, 509392.0), (104027.0, 477932.0), (104024.5, 10343.0), (104014.5, 509392.0)), ())
    assert book.valid


def test_a_change_may_have_a_number_and_no_levels() -> None:
    """As probes of 2026-09-15 saw on the like channel of futures."""
    (update,) = parsed('{"channel":"spot.obu","result":{"t":1747054612700,"s":"ob.BTC_USDT.50","U":8,"u":9},"time_ms":1747054612925}')
    assert isinstance(update, BookUpdate)
    assert (update.snapshot, update.first, update.last, update.bids, update.asks) == (False, 8, 9, [], [])


def test_other_books_of_the_documents() -> None:
    """`gateio/orderbook.doc.jsonl`, lines 1 and 2: a full frame of `spot.order_book_update`, and `spot.order_book`."""
    full, plain = (VENUE.parse(captured("gateio", "orderbook.doc.jsonl", line).frame("gateio"))[0] for line in (0, 1))
    assert isinstance(full, BookUpdate)
    assert isinstance(plain, BookUpdate)
    assert (full.snapshot, full.first, full.last, full.event_time) == (True, 48776301, 48776306, 1606294781123)
    assert (plain.snapshot, plain.first, plain.last, plain.event_time) == (True, None, 48791820, 1606295412123)
    assert (plain.symbol, plain.bids[0], plain.asks[0], len(plain.bids)) == ("BTC", (19079.55, 0.0195), (19080.24, 0.1638), 5)
    book = Book(VENUE.book_rule)
    book.apply(full)
    assert book.best(5) == (((19137.74, 0.0001),), ((19137.75, 0.6135),))


def test_a_captured_rest_book() -> None:
    """`gateio/orderbook.rest_snapshot.jsonl`, line 1: HAI_ETH. It does not say when it was so."""
    (book,) = VENUE.parse(frame_of(captured("gateio", "orderbook.rest_snapshot.jsonl")))
    assert isinstance(book, BookUpdate)
    assert (book.symbol, book.quote, book.snapshot, book.event_time, book.first, book.last) == ("HAI", "ETH", True, None, None, 2691446)
    assert (book.bids[0], book.asks[0], len(book.bids), len(book.asks)) == ((0.00010322, 5360.209), (0.00010396, 5876.967), 35, 38)


def test_the_captured_books_are_whole() -> None:
    """Changes of `spot.order_book_update` of four pairs, anchored by their REST books: none is a gap, and each ends at the last captured number."""
    books: dict[str, Book] = {}
    outcomes = Counter[Outcome]()
    for frame in frames("orderbook.jsonl", "orderbook.rest_snapshot.jsonl"):
        (update,) = VENUE.parse(frame)
        assert isinstance(update, BookUpdate)
        book = books.setdefault(update.symbol, Book(ConsecutiveAfterRest()))
        outcomes[book.apply(update)] += 1
        assert book.valid is book.is_whole
    assert outcomes[Outcome.BROKEN] == 0
    assert all(book.valid and book.fault is None for book in books.values())
    assert {symbol: book.sequence for symbol, book in books.items() if book.event_time is not None} == {
        "QTUM3S": 69527041,
        "OMG": 59231950,
        "ZKS": 11077674,
        "NANO": 8008166,
    }
    assert len(books) == 10
