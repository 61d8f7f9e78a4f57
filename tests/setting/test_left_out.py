"""Input that was not used is counted once, however often its row is written, and whatever was forgotten meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from src.schema.kinds import Kind
from src.schema.tables import TableColumn, TableSchema
from src.setting.left_out import LeftOut
from src.storage.sink import Batch

START = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)
START_MS = round(START.timestamp() * 1000)
MINUTE = 60_000
HOUR = 60 * MINUTE
COUNTS = ("late", "without_usd_rate", "not_comparable", "dated_contracts", "malformed", "newest_event_time", "newest_received_time")
KINDS = {
    "source": Kind.STRING,
    "window_start": Kind.TIMESTAMP,
    "window_end": Kind.TIMESTAMP,
    "market": Kind.STRING,
    **dict.fromkeys(COUNTS, Kind.LONG),
}
TABLE = TableSchema("input_quality", "Topic", tuple(TableColumn(*each) for each in KINDS.items()), ("source", "market", "window_start"))
OTHER = TableSchema("candles", "Other", TABLE.columns, TABLE.key)


def row(minute: int, market: str = "upbit", **counts: int) -> dict[str, Any]:
    """The row of a minute after START whose newest record was received in the minute's middle."""
    start = START + timedelta(minutes=minute)
    received = START_MS + minute * MINUTE + MINUTE // 2
    named = {"source": "live", "market": market, "window_start": start, "window_end": start + timedelta(minutes=1)}
    return {**dict.fromkeys(COUNTS, 0), **named, "newest_event_time": received - 100, "newest_received_time": received, **counts}


def written(counts: LeftOut, batch_id: int, *rows: dict[str, Any], table: TableSchema = TABLE) -> dict[str, int]:
    counts.write(Batch("ticker", batch_id, {table: pa.Table.from_pylist(list(rows), table.arrow())}))
    return {name: count for name, count in counts.counts().items() if count}


def test_the_newest_counts_of_a_row_replace_its_former_ones() -> None:
    counts = LeftOut(HOUR)
    assert written(counts, 0, row(0, late=2), row(0, "okx", malformed=1)) == {"late": 2, "malformed": 1}
    assert written(counts, 1, row(0, late=5, not_comparable=1)) == {"late": 5, "malformed": 1, "not_comparable": 1}
    assert written(counts, 1, row(0, late=5, not_comparable=1)) == {"late": 5, "malformed": 1, "not_comparable": 1}
    assert written(counts, 2, row(0, late=9), table=OTHER) == {"late": 5, "malformed": 1, "not_comparable": 1}
    # A query that began anew has counted less so far.
    assert written(counts, 3, row(0)) == {"malformed": 1}
    assert counts.newest_event_time == START_MS + MINUTE // 2 - 100


def test_a_row_that_comes_again_after_thousands_of_others_counts_once() -> None:
    counts = LeftOut(HOUR)
    written(counts, 0, row(0, late=3))
    for batch in range(1, 5):
        written(counts, batch, *(row(1, f"market{number}", late=1) for number in range(2_000 * (batch - 1), 2_000 * batch)))
    assert written(counts, 5, row(0, late=4)) == {"late": 8_004}


def test_a_row_that_can_come_no_more_is_kept_in_the_sum_alone() -> None:
    counts = LeftOut(HOUR)
    written(counts, 0, row(0, late=1))
    for minute in range(1, 300):
        assert written(counts, minute, row(minute, late=1)) == {"late": minute + 1}
    assert len(counts._open) == 63
    # The last batch and the one before it, as a query that begins again writes them.
    for minute in (298, 299, 299):
        assert written(counts, minute, row(minute, late=1), row(minute - 60, late=1)) == {"late": 300}


def test_what_counts_nothing_is_not_kept() -> None:
    counts = LeftOut(HOUR)
    for minute in range(1_000):
        written(counts, minute, row(minute))
    assert not counts._open
