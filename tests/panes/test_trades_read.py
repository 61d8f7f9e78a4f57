"""Trades and gap marks out of messages: ids that no table could hold, and marks that stand for very many parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from src.config.settings import Settings
from src.panes.columns import Records
from src.panes.combiner import SENT_ROWS, Combiner
from src.panes.messages import ArrowMessages
from src.panes.reading import Reader, Reading, parsed_kinds
from src.panes.spreading import AT_ONCE
from src.preprocess.admission import Admission
from src.preprocess.gap_marks import LONGEST, spread_gap_mark
from src.schema.records import DeadLetter, Region, Source, Trade
from src.setting.jobs import SparkStreamingTrade
from tests.panes.read_columns import column_of
from tests.panes.test_reading import ARRIVED, SCHEMA
from tests.setting.streamed import NoDeadLetters

MINUTE = 60_000
ADMISSION = Admission.of(Settings())
TRADE = Trade(
    region=Region.ASIA,
    market="bybit",
    symbol="BTC",
    quote="USDT",
    source=Source.LIVE,
    event_time=ARRIVED - 500,
    received_time=ARRIVED - 400,
    trade_id="20f43950-d8dd-5b31-9112-a178eb6023af",
    price=1.0,
    size=2.0,
)


def trade(**changes: Any) -> Trade:
    return msgspec.structs.replace(TRADE, **changes)


def mark(since: int, symbol: str = "BTC") -> Trade:
    return trade(symbol=symbol, trade_id=None, price=None, size=None, backfilled=True, gap_since=since)


class Parts:
    """What the reader makes of a message with these records, part by part; how many parts of marks were made by then."""

    def __init__(self, *records: Trade) -> None:
        self.made = 0
        self.letters: list[DeadLetter] = []
        reading = Reading(Trade, ADMISSION, frozenset(parsed_kinds(Trade)), spreads="gap_since", spread=self._spread)
        time = datetime.fromtimestamp(ARRIVED / 1000, UTC)
        message = {"value": msgspec.json.encode(records), "topic": "raw", "partition": 1, "offset": 7, "timestamp": time}
        self.parts = Reader(reading, self.letters.append).read(ArrowMessages(pa.RecordBatch.from_pylist([message], SCHEMA)))

    def _spread(self, record: Trade) -> Iterator[Trade]:
        for part in spread_gap_mark(record):
            self.made += 1
            yield part


def columns(records: Records, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(column_of(records, name) for name in names), strict=True))


@pytest.mark.parametrize(
    ("trade_id", "problem"),
    [
        ("x" * 64, None),
        ("x" * 65, "trade id of more than 64 characters"),
        ("9" * 1000, "trade id of more than 64 characters"),
        ("\u00fc" * 64, None),
        ("a\0b", "control character in a trade id"),
        ("", None),
        (None, None),
    ],
)
def test_an_id_that_no_table_could_have_as_a_key_is_a_dead_letter_and_loses_only_itself(trade_id: str | None, problem: str | None) -> None:
    odd = trade(symbol="ETH", trade_id=trade_id)
    read = Parts(TRADE, odd, trade(symbol="XRP"))
    (records,) = read.parts
    found = {row[0]: row[1] for row in columns(records, "symbol", "problem")}
    assert found == ({"BTC": None, "ETH": None, "XRP": None} if problem is None else {"BTC": None, None: problem, "XRP": None})
    assert [letter.reason for letter in read.letters] == ([] if problem is None else [problem])
    assert ADMISSION.problem(odd) == problem


def test_what_a_mark_stands_for_comes_a_bounded_number_at_a_time() -> None:
    read = Parts(mark(0, "ETH"), TRADE, mark(ARRIVED - 500 - 2 * MINUTE))
    first = next(read.parts)
    assert (len(first), read.made) == (1, 0)
    assert columns(first, "symbol", "trade_id") == [("BTC", TRADE.trade_id)]
    lengths, newest = [len(first)], ""
    for records in read.parts:
        lengths.append(len(records))
        assert read.made <= sum(lengths)
        newest = columns(records, "symbol")[-1][0]
    assert (sum(lengths), max(lengths), newest) == (1 + LONGEST + 3, AT_ONCE, "BTC")
    assert not read.letters


def test_all_the_parts_say_what_the_mark_says() -> None:
    since = ARRIVED - 500 - (AT_ONCE + 5) * MINUTE
    found = [row for records in Parts(mark(since)).parts for row in columns(records, "gap_since", "event_time", "trade_id", "backfilled")]
    assert found == [(part.gap_since, part.event_time, None, True) for part in spread_gap_mark(mark(since))]


def test_a_job_sends_the_minutes_of_a_mark_bit_by_bit() -> None:
    job = SparkStreamingTrade(Settings())
    combiner = Combiner(job.plan.reading, job.plan.layout, NoDeadLetters)
    time = datetime.fromtimestamp(ARRIVED / 1000, UTC)
    long = mark(ARRIVED - 500 - (2 * AT_ONCE) * MINUTE)
    message = {"value": msgspec.json.encode([TRADE, long]), "topic": "raw", "partition": 1, "offset": 7, "timestamp": time}
    combined = list(combiner([pa.RecordBatch.from_pylist([message], SCHEMA)]))
    (place,) = (place for place, each in enumerate(job.plan.layout.variants) if (each.metric.name, each.interval) == ("candles", "1m"))
    minutes = [sum(row["metric"] == place for row in batch.select(["metric"]).to_pylist()) for batch in combined]
    # 20,001 parts; the trade is of the last one's minute.
    assert sum(minutes) == 2 * AT_ONCE + 1
    assert max(map(len, combined)) == SENT_ROWS


def test_marks_that_end_where_a_part_does_lose_nothing() -> None:
    last = (ARRIVED - 500) // MINUTE
    lengths = [len(records) for records in Parts(mark((last - AT_ONCE + 1) * MINUTE)).parts]
    assert sum(lengths) == AT_ONCE


@pytest.mark.parametrize(
    ("since", "problem"),
    [
        (ARRIVED - 400 + 10_000, None),
        (ARRIVED - 400 + 10_001, "gap that begins more than 10 s ahead of its reception"),
        (2**53, "gap that begins more than 10 s ahead of its reception"),
    ],
)
def test_a_gap_that_begins_in_the_future_is_refused_once(since: int, problem: str | None) -> None:
    read = Parts(mark(since))
    found = [row for records in read.parts for (row,) in columns(records, "problem")]
    assert set(found) == {problem}
    assert problem is None or (len(found), read.made, len(read.letters)) == (1, 0, 1)
    assert ADMISSION.problem(mark(since)) == problem
