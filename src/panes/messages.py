"""Kafka messages as they come to a Python worker of Spark."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

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


class Messages(ABC):
    """The messages, in order."""

    values: list[bytes | None]
    arrived: Integers
    """Their timestamps, ms since 1970 UTC; below 0: none."""

    @abstractmethod
    def topics(self) -> Sequence[str]:
        """The topic of each."""

    @abstractmethod
    def place(self, number: int) -> tuple[str, int, int]:
        """Topic, partition and offset of one of them."""

    def dead_letter(self, number: int, reason: str) -> DeadLetter:
        """The dead letter of one of them."""
        topic, partition, offset = self.place(number)
        raw = self.values[number] or b""
        return DeadLetter(
            reason=reason,
            origin=f"{topic}/{partition}/{offset}",
            market=None,
            source=None,
            received_time=int(self.arrived[number]),
            raw=raw[:RAW_LIMIT],
            raw_size=len(raw),
        )


class ArrowMessages(Messages):
    """Messages as Spark's own Kafka source gives them: rows of `RAW_COLUMNS`."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self.values = batch.column("value").to_pylist()
        self.arrived = batch.column("timestamp").cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64()).to_numpy()

    def topics(self) -> Sequence[str]:
        found: list[str] = self._batch.column("topic").to_pylist()
        return found

    def place(self, number: int) -> tuple[str, int, int]:
        topic, partition, offset = (self._batch.column(name)[number].as_py() for name in ("topic", "partition", "offset"))
        return topic, partition, offset
