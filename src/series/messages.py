"""Messages of metrics' topics to the rows that series are folded from, inside Spark's Python workers."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from src.preprocess.series import Row, SeriesMetric
from src.schema.kinds import is_of
from src.schema.records import Milliseconds
from src.schema.tables import TableSchema

MESSAGE_COLUMNS = ("topic", "key", "value", "offset", "closed_until")
"""As they are read: `closed_until` is the header's text."""
BUCKETS = 32
"""Groups of series that travel and are kept together: Spark's cost is one of calls and rows, so a few large ones are cheaper than one a series."""
GIVEN = "bucket int, given binary"
"""What comes out, `given` as MessagePack: `Given`."""
_ROWS_AT_ONCE = 50_000
"""Messages of which all but the last of each key are dropped at once."""
_SCHEMA = pa.schema({"bucket": pa.int32(), "given": pa.binary()})


class GivenRow(msgspec.Struct, array_like=True):
    """The value of a row that one series reads."""

    source: str
    series: str
    """The metric's name, the source and the values of its keys, JSON."""
    metric: str
    """That the row is of."""
    window: tuple[int, int]
    row_key: str
    """What tells the rows of one metric in a window apart, JSON."""
    offset: int
    row: bytes


class Given(msgspec.Struct, array_like=True):
    """What a bucket gets of some messages."""

    closed_until: dict[str, int] = msgspec.field(default_factory=dict)
    """How far each source has come; every bucket is told, which closes the windows of series of which nothing came."""
    rows: list[GivenRow] = msgspec.field(default_factory=list)
    strangers: int = 0
    """Messages that are no rows."""


class _Placed(msgspec.Struct):
    """What every row of a metric has."""

    source: str
    window_start: Milliseconds
    window_end: Milliseconds


_placed = msgspec.json.Decoder(_Placed)


@dataclass(frozen=True)
class SeriesMessages:
    """Batches of `MESSAGE_COLUMNS` to batches of `GIVEN`; handed to `mapInArrow`.

    readers: by topic the metrics that read it. tables: by topic the table of its rows.
    """

    readers: Mapping[str, Sequence[SeriesMetric]]
    tables: Mapping[str, TableSchema]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        newest: dict[tuple[str, bytes, str | None], Row] = {}
        for batch in batches:
            for message in batch.to_pylist():
                # One that says how far the source has come is kept besides the last one.
                newest[message["topic"], message["key"], message["closed_until"]] = message
            if len(newest) > _ROWS_AT_ONCE:
                yield self._given(newest.values())
                newest = {}
        if newest:
            yield self._given(newest.values())

    def _given(self, messages: Iterable[Row]) -> pa.RecordBatch:
        buckets: dict[int, Given] = defaultdict(Given)
        closed_until: dict[str, int] = {}
        for message in messages:
            try:
                placed = _placed.decode(message["value"] or b"")
                found = list(self._rows(message, placed))
                time = None if message["closed_until"] is None else int(message["closed_until"])
            except (KeyError, ValueError, RecursionError):
                # Nobody but a job writes there; a stranger's message must not stop this one for good.
                buckets[0].strangers += 1
                continue
            for bucket, row in found:
                buckets[bucket].rows.append(row)
            if time is not None:
                closed_until[placed.source] = max(time, closed_until.get(placed.source, time))
        for bucket in range(BUCKETS) if closed_until else ():
            buckets[bucket].closed_until = closed_until
        return pa.record_batch([list(buckets), [msgspec.msgpack.encode(given) for given in buckets.values()]], schema=_SCHEMA)

    def _rows(self, message: Row, placed: _Placed) -> Iterator[tuple[int, GivenRow]]:
        table = self.tables[message["topic"]]
        row = msgspec.json.decode(message["value"])
        for column in table.columns:
            if column.name in table.key and not is_of(column.kind, row[column.name]):
                raise ValueError(f"{column.name} is no {column.kind}")
        for metric in self.readers[message["topic"]]:
            named = ("source", *metric.keys, "window_start")
            series = msgspec.json.encode([metric.name, placed.source, *(row[key] for key in metric.keys)])
            row_key = msgspec.json.encode([row[key] for key in table.key if key not in named]).decode()
            window = (placed.window_start, placed.window_end)
            yield (
                zlib.crc32(series) % BUCKETS,
                GivenRow(placed.source, series.decode(), table.name, window, row_key, message["offset"], message["value"]),
            )
