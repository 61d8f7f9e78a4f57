"""Messages of metrics' topics to the rows that series are folded from, inside Spark's Python workers."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa

from src.preprocess.series import Row, SeriesMetric
from src.schema.tables import TableSchema

MESSAGE_COLUMNS = ("topic", "key", "value", "offset", "closed_until")
"""As they are read: `closed_until` is the header's text."""
BUCKETS = 32
"""Groups of series that share a state. A batch costs a few calls into Spark for each group, in place of a few for each series."""
_ROWS_AT_ONCE = 50_000
"""Messages of which all but the last of each key are dropped at once."""

SCHEMA = pa.schema(
    {
        "bucket": pa.int32(),
        "source": pa.string(),
        "closed_until": pa.int64(),
        "series": pa.string(),
        "metric": pa.string(),
        "row_key": pa.string(),
        "offset": pa.int64(),
        "window_start": pa.int64(),
        "window_end": pa.int64(),
        "row": pa.binary(),
    }
)
"""A row of a series; or without `series`, how far a source has come (`closed_until`); or without both, a message that is no row."""


class _Placed(msgspec.Struct):
    """What every row of a metric has."""

    source: str
    window_start: int
    window_end: int


_placed = msgspec.json.Decoder(_Placed)


@dataclass(frozen=True)
class SeriesMessages:
    """Batches of `MESSAGE_COLUMNS` to batches of `SCHEMA`; handed to `mapInArrow`.

    readers: by topic the metrics that read it. tables: by topic the table of its rows.
    Every bucket is told how far each source has come: that closes the windows of series of which nothing came.
    """

    readers: Mapping[str, Sequence[SeriesMetric]]
    tables: Mapping[str, TableSchema]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        newest: dict[tuple[str, bytes, str | None], Row] = {}
        closed_until: dict[str, int] = {}
        for batch in batches:
            for message in batch.to_pylist():
                # One that says how far the source has come is kept besides the last one.
                newest[message["topic"], message["key"], message["closed_until"]] = message
            if len(newest) > _ROWS_AT_ONCE:
                yield from _arrow(self._rows(newest.values(), closed_until))
                newest = {}
        yield from _arrow(self._rows(newest.values(), closed_until))
        yield from _arrow(
            {"bucket": bucket, "source": source, "closed_until": time} for source, time in closed_until.items() for bucket in range(BUCKETS)
        )

    def _rows(self, messages: Iterable[Row], closed_until: dict[str, int]) -> Iterator[dict[str, Any]]:
        for message in messages:
            try:
                placed = _placed.decode(message["value"] or b"")
                found = list(self._of(message, placed))
                time = None if message["closed_until"] is None else int(message["closed_until"])
            except (KeyError, ValueError, RecursionError):
                # Nobody but a job writes there; a stranger's message must not stop this one for good.
                yield {"bucket": 0}
                continue
            yield from found
            if time is not None:
                closed_until[placed.source] = max(time, closed_until.get(placed.source, time))

    def _of(self, message: Row, placed: _Placed) -> Iterator[dict[str, Any]]:
        table = self.tables[message["topic"]]
        row = msgspec.json.decode(message["value"])
        for metric in self.readers[message["topic"]]:
            named = ("source", *metric.keys, "window_start")
            series = msgspec.json.encode([metric.name, placed.source, *(row[key] for key in metric.keys)])
            yield {
                "bucket": zlib.crc32(series) % BUCKETS,
                "series": series.decode(),
                "metric": table.name,
                "row_key": msgspec.json.encode([row[key] for key in table.key if key not in named]).decode(),
                "offset": message["offset"],
                "window_start": placed.window_start,
                "window_end": placed.window_end,
                "row": message["value"],
                "source": placed.source,
            }


def _arrow(rows: Iterable[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    found = list(rows)
    if found:
        yield pa.RecordBatch.from_pylist(found, schema=SCHEMA)
