"""What the workers make of the messages of metrics' topics before any state is touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from src.series import messages as series_messages
from src.series.messages import BUCKETS, Given, SeriesMessages
from src.storage.kafka import row_key
from tests.setting.series_made import BARS, EMA, MINUTE, RUNNING, START, TABLES, Update, bar, flow

_SCHEMA = pa.schema({"topic": pa.string(), "key": pa.binary(), "value": pa.binary(), "offset": pa.int64(), "closed_until": pa.string()})
READER = SeriesMessages({TABLES["bars"].topic: [EMA, RUNNING], TABLES["flows"].topic: [RUNNING]}, {table.topic: table for table in TABLES.values()})


def _message(update: Update, offset: int, closed_until: str | None = None) -> dict[str, Any]:
    value = msgspec.json.encode(update.row)
    return {"topic": update.table.topic, "key": row_key(update.table, update.row), "value": value, "offset": offset, "closed_until": closed_until}


def _stranger(value: bytes | None, closed_until: str | None = None) -> dict[str, Any]:
    return {"topic": BARS.topic, "key": b"key", "value": value, "offset": 0, "closed_until": closed_until}


def _given(*batches: Sequence[dict[str, Any]]) -> list[tuple[int, Given]]:
    found = READER(pa.RecordBatch.from_pylist(list(batch), schema=_SCHEMA) for batch in batches)
    return [(row["bucket"], msgspec.msgpack.decode(row["given"], type=Given)) for batch in found for row in batch.to_pylist()]


def test_a_row_goes_to_every_series_that_reads_it() -> None:
    rows = {row.series: row for _, given in _given([_message(bar("BTC", 0), 7), _message(flow("BTC", 0, "buy", 1.0), 8)]) for row in given.rows}
    assert set(rows) == {'["bar_ema","live","upbit","BTC"]', '["running","live","BTC"]'}
    row = rows['["bar_ema","live","upbit","BTC"]']
    assert (row.source, row.metric, row.window, row.row_key, row.offset) == ("live", "bars", (START, START + MINUTE), "[]", 7)
    keys = {row.row_key for _, given in _given([_message(bar("BTC", 0), 7), _message(flow("BTC", 0, "buy", 1.0), 8)]) for row in given.rows}
    assert keys == {"[]", '["upbit"]', '["buy"]'}


def test_only_the_last_value_of_a_row_goes_on_over_batches_of_one_share() -> None:
    first = [_message(bar("BTC", 0, float(place)), place) for place in range(5)]
    given = _given(first, [_message(bar("ETH", 0, 1.0), 5), _message(bar("BTC", 0, 9.0), 6)])
    assert sorted((row.series, row.offset) for _, each in given for row in each.rows if row.series.startswith('["bar_ema"')) == [
        ('["bar_ema","live","upbit","BTC"]', 6),
        ('["bar_ema","live","upbit","ETH"]', 5),
    ]


def test_a_large_share_is_handed_on_in_parts_with_every_value_that_was_the_last_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series_messages, "_ROWS_AT_ONCE", 2)
    given = _given(*([_message(bar(f"S{place % 3}", 0, float(place)), place)] for place in range(7)))
    offsets = [row.offset for _, each in given for row in each.rows if row.series.startswith('["bar_ema"')]
    assert sorted(offsets) == [0, 1, 2, 3, 4, 5, 6]


def test_every_bucket_is_told_how_far_each_source_has_come_even_by_a_value_that_is_superseded() -> None:
    given = _given([_message(bar("BTC", 0), 0, "500"), _message(bar("BTC", 0, 2.0), 1), _message(bar("BTC", 0, source="replay"), 2, "90")])
    assert [bucket for bucket, _ in given if bucket not in range(BUCKETS)] == []
    assert len(given) == BUCKETS
    assert all(each.closed_until == {"live": 500, "replay": 90} for _, each in given)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"source":"live"}',
        b'{"source":"live","window_start":1,"window_end":1e400}',
        b'{"source":"live","window_start":1,"window_end":99999999999999999999}',
        b'{"source":"live","window_start":1,"window_end":2,"market":"upbit"}',
        b'{"source":"live","window_start":1,"window_end":2,"market":"upbit","symbol":null}',
        b'{"source":"live","window_start":1,"window_end":2,"market":"upbit","symbol":5}',
        b'{"source":"live","window_start":1,"window_end":2,"market":["upbit"],"symbol":"BTC"}',
    ],
)
def test_a_message_that_is_no_row_is_counted_and_loses_only_itself(value: bytes | None) -> None:
    given = _given([_stranger(value, "5"), _message(bar("BTC", 0), 1)])
    assert sum(each.strangers for _, each in given) == 1
    assert sum(len(each.rows) for _, each in given) == 2
    assert all(each.closed_until == {} for _, each in given)


def test_a_header_that_is_no_time_makes_it_no_row() -> None:
    assert sum(each.strangers for _, each in _given([_message(bar("BTC", 0), 1, "soon")])) == 1
