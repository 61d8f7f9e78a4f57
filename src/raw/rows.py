"""Kafka messages to the rows of a table of raw records. What is no record is left out: the job's own query makes a dead letter of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from src.errors import MalformedMessage
from src.panes.messages import UNREADABLE, Messages, parts_of
from src.panes.reading import MESSAGE_LIMIT, Convert
from src.panes.slim import slim_record
from src.preprocess.admission import Admission
from src.raw.tables import LEVELS, PLACES
from src.schema.records import Record
from src.schema.tables import TableSchema


@dataclass(frozen=True)
class RawRows:
    """Makes rows of `table` of the messages of a job.

    record, admission, convert: as in `Reading`. kafka_cluster: id of the Kafka that they are from.
    """

    table: TableSchema
    record: type[Record]
    admission: Admission
    kafka_cluster: str
    convert: Mapping[str, Convert] = field(default_factory=dict)

    def of(self, batch: pa.Table) -> pa.Table:
        """The rows of messages (value, topic, partition, offset, timestamp), in the order of topic, partition, offset and place."""
        slim = slim_record(self.record, self.record.__struct_fields__)
        decode, decode_one = (msgspec.json.Decoder(kind).decode for kind in (slim | list[slim], slim))  # type: ignore[valid-type]
        ordered = batch.sort_by([(name, "ascending") for name in ("topic", "partition", "offset")])
        records: list[Any] = []
        found: list[tuple[int, int]] = []
        begin = 0
        for part in ordered.to_batches():
            messages, topics = Messages(part), part.column("topic").to_pylist()
            for number, (value, arrived) in enumerate(zip(messages.values, messages.arrived.tolist(), strict=True)):
                if value is None or len(value) > MESSAGE_LIMIT:
                    continue
                for place, record in self._records(value, topics[number], decode, decode_one):
                    if self.admission.problem_on_arrival(record, arrived) is None:
                        records.append(record)
                        found.append((begin + number, place))
            begin += part.num_rows
        return self._rows(ordered, records, np.array(found, np.int64).reshape(-1, 2))

    def _records(self, value: bytes, topic: str, decode: Any, decode_one: Any) -> Iterator[tuple[int, Any]]:
        """The records of a message with their places in it. One that is none takes its place with it."""
        convert = self.convert.get(topic)
        try:
            if convert is not None:
                yield from ((place, each) for place, each in enumerate(convert(value)) if not isinstance(each, MalformedMessage))
                return
            read = decode(value)
        except UNREADABLE:
            for place, part in enumerate(parts_of(value)):
                try:
                    record = decode_one(part)
                except UNREADABLE:
                    continue
                yield place, record
            return
        yield from enumerate(read if type(read) is list else [read])

    def _rows(self, messages: pa.Table, records: Sequence[Any], found: Any) -> pa.Table:
        schema = self.table.arrow()
        of_message = messages.select(["topic", "partition", "offset"]).take(found[:, 0])
        columns: dict[str, Any] = {
            "kafka_cluster": pa.repeat(self.kafka_cluster, len(records)),
            "place": pa.array(found[:, 1]),
            **{name: of_message.column(name) for name in PLACES if name in of_message.column_names},
        }
        for side, names in LEVELS.items():
            if names[0] in schema.names:
                columns |= dict(zip(names, _levels(list(map(attrgetter(side), records))), strict=True))
        for name in schema.names:
            if name not in columns:
                values = [_plain(value) for value in map(attrgetter(name), records)]
                kind = schema.field(name).type
                columns[name] = pa.array(values, pa.int64()).cast(kind) if pa.types.is_timestamp(kind) else pa.array(values, kind)
        return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def _levels(side: Sequence[Sequence[tuple[float, float]]]) -> tuple[pa.Array, pa.Array]:
    """The prices and the sizes of one side of many books, a list for each book."""
    ends = np.cumsum([0, *map(len, side)], dtype=np.int32)
    numbers = np.fromiter(chain.from_iterable(chain.from_iterable(side)), np.float64).reshape(-1, 2)
    prices, sizes = (pa.ListArray.from_arrays(pa.array(ends), pa.array(np.ascontiguousarray(numbers[:, column]))) for column in (0, 1))
    return prices, sizes


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value
