"""Kafka messages to records, inside Spark's Python workers: the one parse that all metrics of a job share.

A message that is not a record yields a row that only says so (`problem`), and goes to the dead letters from right here, keyed by its topic,
partition and offset: at least once, recognisable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pyarrow as pa

from src.errors import MalformedMessage
from src.preprocess.admission import Admission
from src.schema.kinds import Kind
from src.schema.record_kinds import record_kinds
from src.schema.records import RAW_LIMIT, DeadLetter, Ticker
from src.schema.tables import ARROW_TYPES

RAW_COLUMNS = ("value", "topic", "partition", "offset", "timestamp")
UNKNOWN = "unknown"
MESSAGE_LIMIT = 8 * 1024 * 1024
_EXTRA = {"late": Kind.BOOLEAN, "problem": Kind.STRING}

DeadLetters = Callable[[DeadLetter], None]


def parsed_kinds(record: type[Ticker]) -> dict[str, Kind]:
    """The columns of parsed records, in order: the record's own, then `late` and `problem`."""
    return record_kinds(record) | _EXTRA


@dataclass(frozen=True)
class RecordParser:
    """Messages of one record type to Arrow batches; handed to `mapInArrow`, so it must be picklable.

    open_dead_letters: called at the first bad message of a worker's share; the returned function takes each dead letter, and
    `close` (an attribute of it) is called when the share is done and must not return before they are acknowledged.
    """

    record: type[Ticker]
    admission: Admission
    open_dead_letters: Callable[[], DeadLetterSender]
    kinds: Mapping[str, Kind] = field(init=False)
    """The columns that come out, in order."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", parsed_kinds(self.record))

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of (value, topic, partition, offset, timestamp) to batches of records."""
        types = [ARROW_TYPES[kind] for kind in self.kinds.values()]
        sender: DeadLetterSender | None = None
        try:
            for batch in batches:
                rows: list[tuple[Any, ...]] = []
                for value, topic, partition, offset, timestamp in zip(*(batch.column(name).to_pylist() for name in RAW_COLUMNS), strict=True):
                    arrived = int(timestamp.timestamp() * 1000)
                    for found in self._read(value, arrived):
                        if isinstance(found, MalformedMessage):
                            if sender is None:
                                sender = self.open_dead_letters()
                            sender.send(_dead_letter(found.reason, f"{topic}/{partition}/{offset}", arrived, value))
                            rows.append(self._problem_row(found.reason, arrived))
                        else:
                            rows.append((*msgspec.structs.astuple(found), self.admission.is_late(found), None))
                if rows:
                    columns = zip(*rows, strict=True)
                    arrays = [pa.array(column, type=kind) for column, kind in zip(columns, types, strict=True)]
                    yield pa.RecordBatch.from_arrays(arrays, names=list(self.kinds))
        finally:
            if sender is not None:
                sender.close()

    def _read(self, value: bytes | None, arrived: int) -> Iterator[Ticker | MalformedMessage]:
        """The records of a message, and a MalformedMessage for each part of it that is none."""
        if value is None or len(value) > MESSAGE_LIMIT:
            yield MalformedMessage("empty message" if value is None else f"message over {MESSAGE_LIMIT} bytes")
            return
        try:
            records = _decoder(self.record).decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield from self._read_one_by_one(value, arrived)
            return
        if isinstance(records, list) and not records:
            yield MalformedMessage("empty array")
        for record in records if isinstance(records, list) else [records]:
            problem = self.admission.problem_on_arrival(record, arrived)
            yield record if problem is None else MalformedMessage(problem)

    def _read_one_by_one(self, value: bytes, arrived: int) -> Iterator[Ticker | MalformedMessage]:
        """An array with a bad element loses that element alone."""
        try:
            parts = _parts.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            parts = [msgspec.Raw(value)]
        for part in parts:
            try:
                record = msgspec.json.decode(part, type=self.record)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                yield MalformedMessage(f"not a {self.record.__name__}: {error}"[:200])
                continue
            problem = self.admission.problem_on_arrival(record, arrived)
            yield record if problem is None else MalformedMessage(problem)

    def _problem_row(self, reason: str, received_time: int) -> tuple[Any, ...]:
        known = {"source": UNKNOWN, "market": UNKNOWN, "event_time": received_time, "received_time": received_time, "late": False, "problem": reason}
        return tuple(known.get(name) for name in self.kinds)


class DeadLetterSender:
    """Where a worker sends dead letters; `send` may buffer, `close` returns once all are stored. Raises TransientError when they cannot be."""

    def send(self, letter: DeadLetter) -> None:
        """Take one dead letter."""
        raise NotImplementedError

    def close(self) -> None:
        """Wait until all are stored."""
        raise NotImplementedError


def _dead_letter(reason: str, origin: str, received_time: int, value: bytes | None) -> DeadLetter:
    raw = value or b""
    return DeadLetter(reason=reason, origin=origin, market=None, source=None, received_time=received_time, raw=raw[:RAW_LIMIT], raw_size=len(raw))


_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
_parts = msgspec.json.Decoder(list[msgspec.Raw])


def _decoder(record: type[Ticker]) -> msgspec.json.Decoder[Any]:
    if record not in _decoders:
        _decoders[record] = msgspec.json.Decoder(record | list[record])  # type: ignore[valid-type]
    return _decoders[record]
