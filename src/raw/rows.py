"""Kafka messages to the rows of a table of raw records. What is no record is left out: the job's own query makes a dead letter of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from src.errors import MalformedMessage
from src.panes.arrays import Flags, Integers
from src.panes.messages import UNREADABLE, ArrowMessages, parts_of
from src.panes.reading import MESSAGE_LIMIT, Convert
from src.panes.slim import slim_record, slimmed
from src.preprocess.admission import BOUNDED, Admission
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
        of_message: list[int] = []
        places: list[int] = []
        messages, topics = ArrowMessages(_one_batch(ordered)), ordered["topic"].to_pylist()
        for number, value in enumerate(messages.values):
            if value is not None and len(value) <= MESSAGE_LIMIT:
                for place, record in self._records(value, topics[number], slim, decode, decode_one):
                    records.append(record)
                    of_message.append(number)
                    places.append(place)
        message = np.array(of_message, np.int64)
        fine = self._admitted(records, messages.arrived[message])
        kept = records if fine.all() else [record for record, is_fine in zip(records, fine.tolist(), strict=True) if is_fine]
        return self._rows(ordered, kept, message[fine], np.array(places, np.int64)[fine])

    def _records(self, value: bytes, topic: str, slim: Any, decode: Any, decode_one: Any) -> Iterator[tuple[int, Any]]:
        """The records of a message with their places in it. One that is none takes its place with it."""
        convert = self.convert.get(topic)
        try:
            if convert is not None:
                for place, each in enumerate(convert(value)):
                    if not isinstance(each, MalformedMessage):
                        yield place, slimmed(slim, each)
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

    def _admitted(self, records: Sequence[Any], arrived: Integers) -> Flags:
        """Which records are let in: `problem_on_arrival` says so, and is asked of the odd ones alone."""
        event, received = (np.fromiter(map(attrgetter(name), records), np.int64, len(records)) for name in ("event_time", "received_time"))
        suspect = self.admission.suspect(event, received, arrived)
        for name in BOUNDED:
            if name in self.record.__struct_fields__:
                values = np.array(list(map(attrgetter(name), records)), np.float64)
                suspect |= self.admission.suspect_numbers(name, values)
        if "trade_id" in self.record.__struct_fields__:
            ids, gaps = (list(map(attrgetter(name), records)) for name in ("trade_id", "gap_since"))
            suspect |= self.admission.suspect_trades(ids, gaps, received)
        named = list(map(_names, records))
        odd = {names for names in set(named) if not "".join(filter(None, names)).isprintable()}
        if odd:
            suspect |= np.fromiter((names in odd for names in named), np.bool_, len(named))
        for place in np.flatnonzero(suspect).tolist():
            suspect[place] = self.admission.problem_on_arrival(records[place], int(arrived[place])) is not None
        return ~suspect

    def _rows(self, messages: pa.Table, records: Sequence[Any], message: Integers, places: Integers) -> pa.Table:
        schema = self.table.arrow()
        of_message = messages.select(["topic", "partition", "offset"]).take(pa.array(message))
        columns: dict[str, Any] = {
            "kafka_cluster": pa.repeat(self.kafka_cluster, len(records)),
            "place": pa.array(places),
            **{name: of_message.column(name) for name in PLACES if name in of_message.column_names},
        }
        for side, names in LEVELS.items():
            if names[0] in schema.names:
                columns |= dict(zip(names, _levels(list(map(attrgetter(side), records))), strict=True))
        for name in schema.names:
            if name not in columns:
                values = list(map(attrgetter(name), records))
                kind = schema.field(name).type
                columns[name] = pa.array(values, pa.int64()).cast(kind) if pa.types.is_timestamp(kind) else pa.array(values, kind)
        return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def _one_batch(messages: pa.Table) -> pa.RecordBatch:
    if not messages.num_rows:
        return pa.RecordBatch.from_pylist([], messages.schema)
    (whole,) = messages.combine_chunks().to_batches()
    return whole


_names = attrgetter("market", "symbol", "quote", "rate_source")


def _levels(side: Sequence[Sequence[tuple[float, float]]]) -> tuple[pa.Array, pa.Array]:
    """The prices and the sizes of one side of many books, a list for each book."""
    ends = np.cumsum([0, *map(len, side)], dtype=np.int32)
    numbers = np.fromiter(chain.from_iterable(chain.from_iterable(side)), np.float64).reshape(-1, 2)
    prices, sizes = (pa.ListArray.from_arrays(pa.array(ends), pa.array(np.ascontiguousarray(numbers[:, column]))) for column in (0, 1))
    return prices, sizes
