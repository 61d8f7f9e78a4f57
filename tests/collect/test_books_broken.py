"""What is told of a book that breaks and is whole again, and how often its snapshot is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from src.collect.arrival import Need
from src.collect.books import ASK_AGAIN_MS, Books
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Channel, Pair
from src.schema.records import CollectorEvent, EventKind, OrderBook
from tests.collect.books_made import BIDS, books_of, events_of, snapshot, update
from tests.collect.tickers import START

BTC = Pair("BTC", "USDT")
Told = Sequence[OrderBook | CollectorEvent]


def books(depth: int = 10, interval_ms: int = 100) -> Books:
    return Books(EXCHANGES, depth, interval_ms)


def changed(number: int, size: float = 5.0, **fields: object) -> BookUpdate:
    """The change of that number, which names the one before it; its event was 20 ms before START + number."""
    return update(bids=((100.0, size),), previous=number - 1, last=number, event_time=START + number - 20, **fields)


def test_a_break_is_told_at_once_with_what_is_known_on_either_side() -> None:
    made = books()
    made.take(snapshot(100, event_time=START - 20), START)
    made.take(changed(101), START + 50)
    event, record = made.take(changed(105), START + 60)
    assert isinstance(event, CollectorEvent)
    assert (event.kind, event.market, event.channel, event.symbol, event.quote) == (EventKind.GAP, "okx", Channel.ORDERBOOK, "BTC", "USDT")
    assert (event.event_time, event.first_time, event.last_time) == (START + 60, START + 81, START + 85)
    assert (event.first_sequence, event.last_sequence, event.detail) == ("101", "105", "messages are missing")
    assert isinstance(record, OrderBook)
    assert (record.valid, record.bids, record.asks, record.gap_since, record.received_time) == (False, (), (), START + 81, START + 60)
    # The state of before the break that waited is no more told.
    assert not made.due(START + 1_000)


def test_the_first_whole_book_after_a_break_is_told_at_once_and_with_the_gap() -> None:
    made = books()
    made.take(snapshot(100, event_time=START - 20), START)
    made.take(changed(105), START + 10)
    assert not made.take(changed(106), START + 20)
    event, record = made.take(snapshot(110, event_time=START + 25), START + 30)
    assert isinstance(event, CollectorEvent)
    assert (event.kind, event.event_time, event.first_time, event.last_time) == (EventKind.RESYNC, START + 30, START - 20, START + 25)
    assert (event.first_sequence, event.last_sequence) == (None, "110")
    assert isinstance(record, OrderBook)
    assert (record.valid, record.sequence, record.gap_since) == (True, 110, START - 20)
    (after,) = made.take(changed(111), START + 130)
    assert isinstance(after, OrderBook)
    assert after.gap_since is None


def test_a_book_that_breaks_again_before_it_was_told_whole_keeps_the_beginning_of_its_gap() -> None:
    made = books(interval_ms=0)
    binance = {"market": "binance", "first": 101, "last": 101}
    made.take(snapshot(100, market="binance"), START)
    made.take(update(bids=BIDS, event_time=START + 500, **{**binance, "first": 105, "last": 105}), START + 500)
    made.take(update(bids=BIDS, event_time=START + 600, **{**binance, "first": 108, "last": 108}), START + 600)
    event, record = made.take(snapshot(104, market="binance", event_time=None), START + 700)
    assert (event.first_time, record.gap_since) == (START, START)  # type: ignore[union-attr]
    resync, whole = made.take(snapshot(108, market="binance", event_time=None), START + 800)
    assert (resync.kind, whole.valid, whole.gap_since) == (EventKind.RESYNC, True, START)  # type: ignore[union-attr]


def test_a_snapshot_is_asked_for_once_in_two_seconds() -> None:
    made = books()
    made.take(snapshot(100), START)
    need = Need(market="okx", channel=Channel.ORDERBOOK, pair=BTC)
    for after, asked in ((10, [need]), (20, []), (10 + ASK_AGAIN_MS - 1, []), (10 + ASK_AGAIN_MS, [need]), (11 + ASK_AGAIN_MS, [])):
        made.needs.clear()
        made.take(changed(200 + after), START + after)
        assert made.needs == asked
    assert ASK_AGAIN_MS == 2_000


def test_a_book_that_is_asked_for_in_vain_is_asked_for_again_though_no_message_comes() -> None:
    made = books()
    made.take(snapshot(100), START)
    made.take(changed(200), START + 10)
    made.take(snapshot(100, symbol="ETH"), START)
    made.needs.clear()
    made.ask_again(START + 9 + ASK_AGAIN_MS)
    assert made.needs == []
    made.ask_again(START + 10 + ASK_AGAIN_MS)
    assert made.needs == [Need(market="okx", channel=Channel.ORDERBOOK, pair=BTC)]
    made.needs.clear()
    made.take(snapshot(300), START + 20)
    made.ask_again(START + 60_000)
    assert made.needs == []


def test_a_book_that_begins_by_rest_is_asked_for_at_its_first_change_and_breaks_nothing() -> None:
    made = books()
    assert made.take(update(market="binance", bids=BIDS, first=99, last=101), START) == []
    assert made.needs == [Need(market="binance", channel=Channel.ORDERBOOK, pair=BTC)]
    (record,) = made.take(snapshot(100, market="binance", event_time=None), START + 5)
    assert isinstance(record, OrderBook)
    assert (record.sequence, record.valid, record.gap_since) == (101, True, None)


def test_a_lost_connection_breaks_the_whole_books_of_its_pairs_alone() -> None:
    made = books()
    for symbol in ("BTC", "ETH", "XRP"):
        made.take(snapshot(100, symbol=symbol), START)
    made.take(changed(200, symbol="XRP"), START + 1)
    told = made.lose("okx", [BTC, Pair("XRP", "USDT"), Pair("SOL", "USDT")], "connection lost: 1006", START + 40)
    (event,), (record,) = events_of(told), books_of(told)
    assert (event.kind, event.symbol, event.event_time, event.detail) == (EventKind.GAP, "BTC", START + 40, "connection lost: 1006")
    # What comes after it is not known yet.
    assert (event.first_time, event.last_time, event.first_sequence, event.last_sequence) == (START, None, "100", None)
    assert (record.symbol, record.valid, record.received_time, record.gap_since) == ("BTC", False, START + 40, START)
    assert made.lose("okx", [BTC], "connection lost", START + 50) == []
    assert made.lose("bybit", [Pair("ETH", "USDT")], "connection lost", START + 50) == []
    assert len(made.take(changed(101, symbol="ETH"), START + 200)) == 1


def test_a_book_without_times_happened_when_it_was_received() -> None:
    made = books(interval_ms=0)
    (record,) = made.take(snapshot(1, market="kraken", event_time=None), START + 7)
    assert isinstance(record, OrderBook)
    assert (record.event_time, record.received_time) == (START + 7, START + 7)
    event, broken = made.lose("kraken", [BTC], "connection lost", START + 90)
    assert (event.first_time, broken.gap_since) == (START + 7, START + 7)  # type: ignore[union-attr]


def test_a_shift_moves_every_time_of_the_exchange() -> None:
    made = books(interval_ms=0)
    (record,) = made.take(snapshot(100, event_time=START), START + 1_000_050, 1_000_000)
    assert isinstance(record, OrderBook)
    assert (record.event_time, record.received_time) == (START + 1_000_000, START + 1_000_050)
    event, broken = made.take(changed(200), START + 2_000_060, 2_000_000)
    assert (event.first_time, event.last_time) == (START + 1_000_000, START + 2_000_180)  # type: ignore[union-attr]
    assert (broken.event_time, broken.gap_since) == (START + 1_000_000, START + 1_000_000)  # type: ignore[union-attr]


def test_a_crossed_book_is_told_as_not_valid_and_after_five_seconds_given_up() -> None:
    made = books(interval_ms=0)
    made.take(snapshot(100), START)
    crossing = update(bids=((101.0, 1.0),), previous=100, last=101)
    (record,) = made.take(crossing, START + 1)
    assert isinstance(record, OrderBook)
    assert (record.valid, record.bids[0], record.gap_since) == (False, (101.0, 1.0), None)
    assert events_of(made.take(changed(102), START + 5_001)) == []
    event, broken = made.take(changed(103), START + 5_002)
    assert (event.kind, event.detail) == (EventKind.GAP, "bid above ask for too long")  # type: ignore[union-attr]
    assert (broken.valid, broken.bids) == (False, ())  # type: ignore[union-attr]
    assert len(made.needs) == 1


def test_a_book_that_is_crossed_for_a_moment_is_kept() -> None:
    made = books(interval_ms=0)
    made.take(snapshot(100), START)
    made.take(update(bids=((101.0, 1.0),), previous=100, last=101), START + 1)
    made.take(update(asks=((101.0, 0.0),), previous=101, last=102), START + 4_000)
    made.take(update(bids=((102.0, 1.0),), previous=102, last=103), START + 6_000)
    told = made.take(changed(104), START + 9_000)
    assert events_of(told) == []
    assert made.needs == []


def test_a_book_is_not_said_to_be_whole_again_while_it_is_crossed() -> None:
    made = books(interval_ms=0)
    made.take(snapshot(100), START)
    made.take(changed(200), START + 10)
    assert not made.take(snapshot(300, bids=((101.0, 1.0),), event_time=START + 20), START + 20)
    told = made.take(update(asks=((101.0, 0.0),), previous=300, last=301, event_time=START + 30), START + 30)
    assert [event.kind for event in events_of(told)] == [EventKind.RESYNC]
    (record,) = books_of(told)
    assert (record.valid, record.gap_since) == (True, START)


def test_a_book_that_never_was_whole_lacks_everything_since_it_first_broke() -> None:
    made = books(interval_ms=0)
    for number in (101, 105, 110):
        made.take(update(market="binance", bids=BIDS, first=number, last=number), START)
    times = []
    for number, after in ((100, 10), (104, 20), (109, 30)):
        told = made.take(snapshot(number, market="binance", event_time=None), START + after)
        times.append([(event.kind, event.first_time) for event in events_of(told)])
    assert times == [[(EventKind.GAP, START + 10)], [(EventKind.GAP, START + 10)], [(EventKind.RESYNC, START + 10)]]
