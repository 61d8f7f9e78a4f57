"""Messages as the query of raw records gets them, and the row that a record must become."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa

from src.config.settings import Settings
from src.preprocess.admission import Admission
from src.raw.rows import RawRows
from src.raw.tables import RAW_ORDERBOOKS, RAW_TRADES
from src.schema.records import OrderBook, Record, Trade
from tests.panes.test_reading import ARRIVED, SCHEMA

CLUSTER = "tests-cluster"
ADMISSION = Admission.of(Settings())
TRADES = RawRows(RAW_TRADES, Trade, ADMISSION, CLUSTER)
BOOKS = RawRows(RAW_ORDERBOOKS, OrderBook, ADMISSION, CLUSTER)


def messages(*values: bytes | None, topic: str = "raw", partition: int = 1, first: int = 7) -> pa.Table:
    """Messages of one partition, one after the other."""
    time = datetime.fromtimestamp(ARRIVED / 1000, UTC)
    rows = [
        {"value": value, "topic": topic, "partition": partition, "offset": first + number, "timestamp": time} for number, value in enumerate(values)
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def row_of(record: Record, place: Sequence[Any], cluster: str = CLUSTER) -> dict[str, Any]:
    """The row of a record at (topic, partition, offset, place in message), written out from the record's JSON."""
    row = msgspec.to_builtins(record)
    for side, name in (("bids", "bid"), ("asks", "ask")):
        if side in row:
            levels = row.pop(side)
            row |= {f"{name}_prices": [level[0] for level in levels], f"{name}_sizes": [level[1] for level in levels]}
    for name in ("event_time", "received_time", "gap_since"):
        if row.get(name) is not None:
            row[name] = datetime.fromtimestamp(row[name] / 1000, UTC)
    return row | dict(zip(("topic", "partition", "offset", "place"), place, strict=True), kafka_cluster=cluster)


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows in the order of their places, for comparing."""
    return sorted(({**row} for row in rows), key=lambda row: (row["topic"], row["partition"], row["offset"], row["place"]))
