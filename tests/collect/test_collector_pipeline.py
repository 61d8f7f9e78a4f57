"""A frame becomes complete records or a dead letter; everything is counted and nothing is fatal."""

from __future__ import annotations

import msgspec
import pytest

from src.collect.arrival import Unreadable
from src.collect.exchanges import EXCHANGES
from src.collect.frame_reader import FRAME_LIMIT
from src.collect.message import Position, message_of, partition_of
from src.schema.records import RAW_LIMIT, CollectorEvent, DeadLetter, EventKind, Source, Ticker
from tests.collect.pipelines import frame, pipeline, spoken
from tests.collect.tickers import START, ticker

MIDNIGHT = START - START % 86_400_000


def test_a_record_gets_its_rate_its_traded_volume_and_its_times() -> None:
    way = pipeline()
    way.process(spoken(ticker("upbit", "USDT", price=1450.0, acc_volume=1.0, acc_since=MIDNIGHT)))
    way.process(spoken(ticker("upbit", "BTC", price=100_000_000.0, acc_volume=10.0, acc_since=MIDNIGHT)))
    (record,) = way.process(spoken(ticker("upbit", "BTC", price=100_000_000.0, acc_volume=12.0, acc_since=MIDNIGHT)))
    assert isinstance(record, Ticker)
    assert (record.usd_rate, record.rate_source, record.traded_volume) == (1 / 1450, "krw_usdt_median", 2.0)
    assert (record.event_time, record.received_time, record.acc_since) == (START, START + 50, MIDNIGHT)


def test_a_moved_frame_moves_its_event_and_keeps_its_distance() -> None:
    came = spoken(ticker("okx", "BTC", "USDT", price=60_000.0))
    (record,) = pipeline().process(msgspec.structs.replace(came, received_time=came.received_time + 5_000_000))
    assert isinstance(record, Ticker)
    assert (record.event_time, record.received_time) == (START + 5_000_000, START + 5_000_050)


def test_an_undated_frame_happened_when_it_is_received() -> None:
    came = spoken(ticker("okx", "BTC", "USDT", price=60_000.0))
    (record,) = pipeline().process(msgspec.structs.replace(came, received_time=START + 5_000_000, undated=True))
    assert isinstance(record, Ticker)
    assert (record.event_time, record.received_time) == (START + 5_000_000, START + 5_000_000)


@pytest.mark.parametrize(
    ("market", "message"),
    [
        ("okx", "{"),
        ("okx", ""),
        ("okx", b"\xff\xfe"),
        ("okx", "\ud800"),
        ("upbit", '{"type":"ticker","code":"KRW-BTC","trade_price":"cheap","timestamp":1}'),
        ("bybit", '{"topic":"tickers.BTCUSDT","ts":"soon","data":{"symbol":"BTCUSDT","lastPrice":[]}}'),
        ("kraken", "[[[[]]]]"),
        ("binance", "1e999"),
    ],
)
def test_a_malformed_frame_is_a_dead_letter_and_the_next_frame_is_not(market: str, message: str | bytes) -> None:
    way = pipeline()
    (letter,) = way.process(frame(market, message))
    assert isinstance(letter, DeadLetter)
    raw = message if isinstance(message, bytes) else message.encode("utf-8", "surrogatepass")
    assert (letter.market, letter.raw, letter.raw_size, letter.received_time) == (market, raw, len(raw), START)
    assert letter.origin.startswith(f"{market}/replay/{START}/")
    status = way.markets[market]
    assert (status.frames, status.records, status.malformed, status.note) == (1, 0, 1, letter.reason)
    (record,) = way.process(spoken(ticker("okx", "BTC", "USDT", price=1.0)))
    assert isinstance(record, Ticker)


def test_a_repeated_delivery_has_the_same_origin_and_another_frame_another() -> None:
    way = pipeline()
    origins = [way.process(frame("okx", message))[0] for message in ("{", "{", "[")]
    first, again, other = (letter.origin for letter in origins if isinstance(letter, DeadLetter))
    assert first == again != other


def test_a_frame_of_10_mb_is_a_dead_letter_that_is_small_on_kafka() -> None:
    (letter,) = pipeline().process(frame("okx", '{"data":"' + "x" * 10_000_000 + '"}'))
    assert isinstance(letter, DeadLetter)
    assert (letter.reason, len(letter.raw), letter.raw_size) == ("frame too large", RAW_LIMIT, 10_000_011)
    assert len(message_of(letter).value) < 200_000


def test_a_frame_is_measured_in_bytes() -> None:
    (letter,) = pipeline().process(frame("okx", "원" * (FRAME_LIMIT // 3 + 1)))
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "frame too large"


def test_an_empty_array_says_nothing_or_is_malformed_but_is_counted() -> None:
    way = pipeline()
    for market in EXCHANGES:
        outcome = way.process(frame(market, "[]"))
        assert all(isinstance(letter, DeadLetter) for letter in outcome)
        assert (way.markets[market].frames, way.markets[market].malformed) == (1, len(outcome))


def test_a_symbol_not_asked_for_is_counted_and_not_sent() -> None:
    way = pipeline(frozenset({"BTC"}))
    assert way.process(spoken(ticker("okx", "DOGE", "USDT", price=0.1))) == []
    assert len(way.process(spoken(ticker("okx", "BTC", "USDT", price=60_000.0)))) == 1
    status = way.markets["okx"]
    assert (status.records, status.unknown_symbols) == (1, 1)
    assert "DOGE" in status.note


def test_the_rate_pair_gives_the_rate_though_its_symbol_was_not_asked_for() -> None:
    way = pipeline(frozenset({"BTC"}))
    assert way.process(spoken(ticker("upbit", "USDT", price=1450.0))) == []
    (record,) = way.process(spoken(ticker("upbit", "BTC", price=1.0)))
    assert isinstance(record, Ticker)
    assert record.usd_rate == 1 / 1450
    assert way.markets["upbit"].unknown_symbols == 0


def test_an_event_from_the_future_is_a_dead_letter() -> None:
    way = pipeline()
    (letter,) = way.process(spoken(ticker("okx", "BTC", "USDT", price=1.0, event_time=START + 60_000, received_time=START)))
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "event 60 s ahead of its reception"


def test_a_slow_clock_of_ours_loses_nothing_and_is_told_once() -> None:
    way = pipeline()
    slow = [ticker(market, "BTC", quote, price=1.0, event_time=START + 60_000 + number, received_time=START + number)
            for number in range(20) for market, quote in (("okx", "USDT"), ("bybit", "USDT"), ("upbit", "KRW"))]  # fmt: skip
    outcomes = [one for record in slow for one in way.process(spoken(record))]
    # The very first frame cannot be judged: no second exchange has spoken yet. With the second one the offset is known and in the ledger.
    assert [type(one) for one in outcomes] == [DeadLetter, CollectorEvent] + [Ticker] * (len(slow) - 1)
    assert {one.received_time - one.event_time for one in outcomes if isinstance(one, Ticker)} == {0}
    (line,) = way.said
    event = outcomes[1]
    assert isinstance(event, CollectorEvent)
    assert (event.kind, event.market, event.event_time, event.detail) == (EventKind.CLOCK_SKEW, "bybit", START, line)
    assert line.startswith("this machine's clock is 60.0 s behind the exchanges' clocks")


def test_numbers_that_are_not_finite_are_null_and_counted() -> None:
    way = pipeline()
    data = '{"instType":"SPOT","instId":"BTC-USDT","last":"1","open24h":"NaN","ts":"%d"}'
    message = '{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[' + data + "]}"
    (record,) = way.process(frame("okx", message % START))
    assert isinstance(record, Ticker)
    assert (record.open, way.markets["okx"].not_finite) == (None, 1)


def test_a_refusal_of_the_exchange_is_shown_in_its_own_words_and_in_the_ledger() -> None:
    way = pipeline()
    (event,) = way.process(frame("okx", '{"event":"error","code":"60018","msg":"The instId does not exist"}'))
    assert isinstance(event, CollectorEvent)
    assert (event.kind, event.market, event.event_time, event.detail) == (EventKind.REFUSED, "okx", START, "60018: The instId does not exist")
    assert way.markets["okx"].note == "the exchange refused: 60018: The instId does not exist"


def test_a_broken_line_of_a_recording_is_a_dead_letter() -> None:
    way = pipeline()
    line = Unreadable(market="okx", source=Source.REPLAY, received_time=START, raw=b"{", reason="broken line of a recording: x")
    (letter,) = way.process(line)
    assert isinstance(letter, DeadLetter)
    assert (letter.raw, way.markets["okx"].frames, way.markets["okx"].malformed) == (b"{", 1, 1)


def test_a_pass_of_a_looped_recording_counts_volume_anew() -> None:
    way = pipeline()
    day = [ticker(acc_volume=volume, acc_since=MIDNIGHT, price=1.0) for volume in (1.0, 3.0)]
    twice = [msgspec.structs.replace(spoken(record), starts_pass=not number) for _ in range(2) for number, record in enumerate(day)]
    assert [record.traded_volume for came in twice for record in way.process(came) if isinstance(record, Ticker)] == [None, 2.0, None, 2.0]


def test_a_message_holds_one_record_with_every_field_under_its_key() -> None:
    record = ticker("upbit", price=1.5)
    message = message_of(record, Position(3, 0))
    assert (message.topic, message.key, message.position) == ("RegionKorea_TickerPreprocessing", b"upbit:BTC", (3, 0))
    value = msgspec.json.decode(message.value)
    assert set(value) == set(Ticker.__struct_fields__)
    assert value["bid"] is None
    assert msgspec.json.decode(message.value, type=Ticker) == record


@pytest.mark.parametrize(("key", "hashed"), [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536)])
def test_keys_lie_where_other_kafka_clients_put_them(key: bytes, hashed: int) -> None:
    """Hashes from the tests of Apache Kafka's own client (UtilsTest.testMurmur2)."""
    assert partition_of(key, 7) == (hashed & 0x7FFFFFFF) % 7
