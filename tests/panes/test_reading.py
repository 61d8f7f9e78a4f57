"""What the one parse of a job makes of Kafka messages: rows of what is a record, a dead letter and a row that says so of all else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from src.config.settings import Settings
from src.panes.messages import ArrowMessages
from src.panes.reading import MESSAGE_LIMIT, Reader, Reading, parsed_kinds
from src.preprocess.admission import Admission
from src.schema.records import RAW_LIMIT, DeadLetter, Ticker
from tests.panes.read_columns import column_of

ARRIVED = 1_790_000_000_500
HOUR = 3_600_000
YEAR_2096 = 3_976_000_000_000
RECORD: Mapping[str, Any] = {
    "region": "korea",
    "market": "upbit",
    "symbol": "BTC",
    "quote": "KRW",
    "source": "live",
    "event_time": ARRIVED - 500,
    "received_time": ARRIVED - 400,
    "price": 95_000_000.0,
}
SCHEMA = pa.schema(
    {"value": pa.binary(), "topic": pa.string(), "partition": pa.int32(), "offset": pa.int64(), "timestamp": pa.timestamp("us", tz="UTC")}
)


def encoded(**changes: Any) -> bytes:
    return msgspec.json.encode({**RECORD, **changes})


def parsed(*values: bytes | None, arrived: int = ARRIVED) -> tuple[list[dict[str, Any]], list[DeadLetter]]:
    """The rows and dead letters of messages at offsets 7, 8, ... of partition 1, in the order of their offsets."""
    letters: list[DeadLetter] = []
    kinds = parsed_kinds(Ticker)
    reader = Reader(Reading(Ticker, Admission.of(Settings()), frozenset(kinds)), letters.append)
    time = datetime.fromtimestamp(arrived / 1000, UTC)
    rows = []
    for offset, value in enumerate(values, 7):
        message = {"value": value, "topic": "raw", "partition": 1, "offset": offset, "timestamp": time}
        (records,) = reader.read(ArrowMessages(pa.RecordBatch.from_pylist([message], SCHEMA)))
        columns = {name: column_of(records, name) for name in kinds}
        rows += [{name: column[place] for name, column in columns.items()} for place in range(len(records))]
    return rows, letters


def test_a_record_and_an_array_of_records_become_rows() -> None:
    rows, letters = parsed(encoded(), b"[" + encoded(symbol="ETH") + b"," + encoded(symbol="XRP") + b"]")
    assert [(row["symbol"], row["price"], row["late"], row["problem"]) for row in rows] == [
        (symbol, 95_000_000.0, False, None) for symbol in ("BTC", "ETH", "XRP")
    ]
    assert rows[0] == {**dict.fromkeys(rows[0]), "instrument": "spot", "backfilled": False, "late": False, **RECORD}
    assert not letters


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty message"),
        (b"", "not a Ticker"),
        (b"\xff\xfe", "not a Ticker"),
        (b"null", "not a Ticker"),
        (b"5", "not a Ticker"),
        (b"{", "not a Ticker"),
        (b"[]", "empty array"),
        (b"[" * 100_000, "not a Ticker"),
        (b" " * (MESSAGE_LIMIT + 1), "message over 8388608 bytes"),
        (encoded(region="mars"), "not a Ticker"),
        (encoded(price="95000000"), "not a Ticker"),
        (encoded(event_time=1.5), "not a Ticker"),
        *((encoded(**{name: huge}), "not a Ticker") for name in ("event_time", "received_time", "acc_since") for huge in (2**53 + 1, 2**63 - 1)),
        *((encoded(acc_since=0).replace(b'"acc_since":0', b'"acc_since":%d' % huge), "not a Ticker") for huge in (2**63, 10**30, -(10**30))),
        *((encoded(**{name: "x" * 65}), "not a Ticker") for name in ("market", "symbol", "quote", "rate_source")),
        *((encoded(**{name: ""}), "not a Ticker") for name in ("market", "symbol", "quote", "rate_source")),
        *((encoded(**{name: "B\0C"}), "control character in a name") for name in ("market", "symbol", "quote", "rate_source")),
        (encoded(symbol="BTC\n"), "control character in a name"),
        (encoded().replace(b"95000000.0", b"Infinity"), "not a Ticker"),
        (encoded().replace(b"95000000.0", b"NaN"), "not a Ticker"),
        (encoded().replace(b"95000000.0", b"1e999"), "not a Ticker"),
        (encoded(price=0.0), "price of a spot pair not above zero"),
        (encoded(event_time=0), "time outside 2009 to 2100"),
        (encoded(event_time=ARRIVED + 9_601), "event more than 10 s ahead of its reception"),
    ],
)
def test_what_is_no_record_is_a_dead_letter_and_loses_only_itself(value: bytes | None, reason: str) -> None:
    rows, letters = parsed(encoded(symbol="ETH"), value, encoded(symbol="XRP"))
    assert [(row["symbol"], row["problem"] is None) for row in rows] == [("ETH", True), (None, False), ("XRP", True)]
    (letter,) = letters
    assert letter.reason.startswith(reason)
    assert rows[1]["problem"] == letter.reason
    assert len(letter.reason) <= 200
    raw = value or b""
    assert letter == DeadLetter(
        reason=letter.reason, origin="raw/1/8", market=None, source=None, received_time=ARRIVED, raw=raw[:RAW_LIMIT], raw_size=len(raw)
    )


def test_the_row_of_a_problem_has_the_time_of_its_message() -> None:
    (row,), _ = parsed(encoded(event_time=YEAR_2096, received_time=10**15))
    assert {name: value for name, value in row.items() if value is not None} == {
        "market": "unknown",
        "source": "unknown",
        "event_time": ARRIVED,
        "received_time": ARRIVED,
        "late": False,
        "problem": "time outside 2009 to 2100",
    }


@pytest.mark.parametrize("bad", [b"5", b'{"symbol":1}', encoded(acc_since=2**53 + 1), encoded(price=-1.0)])
def test_a_bad_element_of_an_array_loses_only_itself(bad: bytes) -> None:
    message = b"[" + b",".join([encoded(symbol="ETH"), bad, encoded(symbol="XRP")]) + b"]"
    rows, letters = parsed(message)
    assert [(row["symbol"], row["problem"] is None) for row in rows] == [("ETH", True), ("XRP", True), (None, False)]
    (letter,) = letters
    assert (letter.origin, letter.raw, letter.raw_size) == ("raw/1/7", message, len(message))


def test_a_long_message_is_cut_and_its_length_told() -> None:
    message = encoded(price="9" * 100_000)
    _, letters = parsed(message)
    assert (letters[0].raw, letters[0].raw_size) == (message[:RAW_LIMIT], len(message))


@pytest.mark.parametrize(
    ("delay", "backfilled", "late"), [(59_999, False, False), (60_000, False, False), (60_001, False, True), (60_001, True, False)]
)
def test_a_record_received_more_than_the_allowed_lateness_after_its_event_is_late(delay: int, backfilled: bool, late: bool) -> None:
    (row,), _ = parsed(encoded(received_time=RECORD["event_time"] + delay, backfilled=backfilled))
    assert (row["late"], row["problem"]) == (late, None)


@pytest.mark.parametrize(
    ("event_time", "received_time"),
    [(YEAR_2096, YEAR_2096), (ARRIVED, YEAR_2096), (ARRIVED + 24 * HOUR + 1, ARRIVED + 24 * HOUR + 1)],
)
def test_times_more_than_a_day_ahead_of_the_message_are_refused(event_time: int, received_time: int) -> None:
    (row,), letters = parsed(encoded(event_time=event_time, received_time=received_time))
    assert (row["problem"], row["event_time"], row["received_time"]) == ("time more than a day ahead of its arrival on Kafka", ARRIVED, ARRIVED)
    assert len(letters) == 1


@pytest.mark.parametrize(("times", "arrived"), [(ARRIVED + 24 * HOUR, ARRIVED), (ARRIVED - 999 * 24 * HOUR, ARRIVED), (ARRIVED, -1)])
def test_other_times_are_the_record_s_own(times: int, arrived: int) -> None:
    """A day ahead at most, however old (a replay), or on a message without a timestamp."""
    (row,), letters = parsed(encoded(event_time=times, received_time=times), arrived=arrived)
    assert (row["problem"], row["event_time"]) == (None, times)
    assert not letters
