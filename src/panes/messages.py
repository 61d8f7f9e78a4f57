"""A batch of Kafka messages as Spark hands it to a Python worker."""

from __future__ import annotations

import msgspec
import pyarrow as pa

from src.panes.arrays import Integers
from src.schema.records import RAW_LIMIT, DeadLetter

RAW_COLUMNS = ("value", "topic", "partition", "offset", "timestamp")
"""The columns that are read."""
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for what is no message."""
_parts = msgspec.json.Decoder(list[msgspec.Raw])


def parts_of(value: bytes) -> list[msgspec.Raw]:
    """The elements of an array, or the whole message where it is none: a bad one then loses itself alone."""
    try:
        return _parts.decode(value)
    except UNREADABLE:
        return [msgspec.Raw(value)]


class Messages:
    """The messages, in order."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self.values: list[bytes | None] = batch.column("value").to_pylist()
        self.arrived: Integers = batch.column("timestamp").cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64()).to_numpy()
        """Their timestamps, ms since 1970 UTC; below 0: none."""

    def dead_letter(self, place: int, reason: str) -> DeadLetter:
        """The dead letter of one of them."""
        topic, partition, offset = (self._batch.column(name)[place].as_py() for name in ("topic", "partition", "offset"))
        raw = self.values[place] or b""
        return DeadLetter(
            reason=reason,
            origin=f"{topic}/{partition}/{offset}",
            market=None,
            source=None,
            received_time=int(self.arrived[place]),
            raw=raw[:RAW_LIMIT],
            raw_size=len(raw),
        )
