"""Messages in, rows for the one aggregation out: what Spark's `mapInArrow` calls in its Python workers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import pyarrow as pa

from src.broker.ranges import OffsetRange
from src.panes.columns import Records
from src.panes.combine import Panes
from src.panes.dead_letters import DeadLetterSender
from src.panes.layout import Layout, Slot
from src.panes.members import Members, grid_of, joined, members
from src.panes.messages import ArrowMessages, Messages
from src.panes.packing import PACK, batch_number, packed
from src.panes.reading import Reader, Reading
from src.panes.slots import slot_column, slot_type
from src.panes.windows import windowed
from src.schema.kinds import Kind
from src.schema.records import DeadLetter
from src.schema.tables import ARROW_TYPES

_PLACES = {"metric": Kind.LONG, "newest": Kind.TIMESTAMP, "first_end": Kind.LONG, "last_end": Kind.LONG, "slide": Kind.LONG, "source": Kind.STRING}


_RECORDS = 400_000
_BYTES = 64 * 1024 * 1024
"""So many records are combined at once, where there are so many: each time costs as much again as some thousand records do."""
_KEPT_ROWS = 100_000
"""Rows are put together with those of further records until there are so many: Spark takes longer for each of them."""
SENT_ROWS = 20_000
"""At once, at most."""
_SPARK_TIME = pa.timestamp("us", tz="UTC")
"""Spark takes no milliseconds."""


@dataclass(frozen=True)
class Combiner:
    """Combines messages into the rows of `layout`; picklable.

    open_dead_letters: called at the first bad message of a worker's share; `close` of what it gives is called when the share is done and
    must not return before they are acknowledged.
    """

    reading: Reading
    layout: Layout
    open_dead_letters: Callable[[], DeadLetterSender]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of messages (value, topic, partition, offset, timestamp) to batches of `schema`."""
        return self.combined(map(ArrowMessages, batches))

    def combined(self, messages: Iterable[Messages]) -> Iterator[pa.RecordBatch]:
        """The same of messages from elsewhere."""
        with _dead_letters(self.open_dead_letters) as dead, _without_collection():
            reader, batch = Reader(self.reading, dead), batch_number()
            kept: list[list[Members]] = []
            for records in _gathered(map(reader.read, messages)):
                kept.append(self._combined(records, batch))
                if sum(map(len, chain.from_iterable(kept))) >= _KEPT_ROWS:
                    yield from self._sent(kept)
                    kept = []
            yield from self._sent(kept)

    @property
    def schema(self) -> pa.Schema:
        """metric: place of the variant in the layout; newest: newest time in the row; first_end, last_end, slide: ends of its windows (ms)."""
        fields = [pa.field(name, _SPARK_TIME if kind is Kind.TIMESTAMP else ARROW_TYPES[kind]) for name, kind in _PLACES.items()]
        fields += [pa.field(f"key_{key}", ARROW_TYPES[self.layout.kind(key)]) for key in self.layout.keys]
        fields += [pa.field(slot.name, slot_type(slot)) for slot in self.layout.slots]
        return pa.schema([*fields, pa.field(PACK, pa.binary())] if self.layout.packs else fields)

    def _combined(self, records: Records, batch: int) -> list[Members]:
        """The rows of each part of the layout, in the order of the parts."""
        records.keys = self.layout.main_keys()
        panes: dict[object, Panes] = {}
        found = []
        for variant in self.layout.variants:
            for part in variant.parts:
                grid = grid_of(part)
                if grid not in panes:
                    panes[grid] = Panes(records, grid)
                rows = members(part, panes[grid], records.identities)
                found.append(packed(rows, batch, self.layout) if variant.metric.packed else rows)
        return found

    def _sent(self, kept: Sequence[Sequence[Members]]) -> Iterator[pa.RecordBatch]:
        found: list[Members] = []
        for each in zip(*kept, strict=True):
            found += each if each[0].part.metric.packed else [windowed(joined(each))]
        if found:
            table = self._table(found)
            # The JVM has all columns of a batch at once, beside its heap.
            yield from (table.slice(begin, SENT_ROWS) for begin in range(0, len(table), SENT_ROWS))

    def _table(self, found: Sequence[Members]) -> pa.RecordBatch:
        place = np.repeat([each.part.place for each in found], [len(each) for each in found])
        slide = np.repeat([each.part.window.slide_ms for each in found], [len(each) for each in found])
        first_end, last_end = (np.concatenate(ends) for ends in zip(*((each.first_end, each.last_end) for each in found), strict=True))
        newest = pa.array(np.concatenate([each.newest for each in found])).cast(ARROW_TYPES[Kind.TIMESTAMP]).cast(_SPARK_TIME)
        columns = [pa.array(place, pa.int64()), newest, pa.array(first_end), pa.array(last_end), pa.array(slide, pa.int64())]
        columns.append(pa.array([source for each in found for source in each.source], pa.string()))
        for key in self.layout.keys:
            values = [value for each in found for value in each.keys.get(key, [None] * len(each))]
            columns.append(pa.array(values, ARROW_TYPES[self.layout.kind(key)]))
        columns += [_slot(slot, found) for slot in self.layout.slots]
        if self.layout.packs:
            packs: list[bytes | None] = []
            for each in found:
                packs += [None] * len(each) if each.packs is None else each.packs
            columns.append(pa.array(packs, pa.binary()))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


@dataclass(frozen=True)
class FetchingCombiner:
    """Combines the messages of ranges of offsets, which it has fetched by `fetch`; picklable."""

    combiner: Combiner
    fetch: Callable[[Sequence[OffsetRange]], Iterator[Messages]]

    def __call__(self, ranges: Sequence[OffsetRange]) -> Iterator[pa.RecordBatch]:
        """Batches of the combiner's `schema`."""
        return self.combiner.combined(self.fetch(ranges))


def _gathered(batches: Iterable[Iterator[Records]]) -> Iterator[Records]:
    """Several batches as one: Spark sends small ones best, and they are decoded best while they are small enough for the processor's cache.

    What marks stand for stays apart: those records fall into panes of their own, and so into as many rows.
    """
    found: list[Records] = []
    count = size = 0
    for parts in batches:
        for records in filter(len, islice(parts, 1)):
            found.append(records)
            count, size = count + len(records), size + records.nbytes
        if count >= _RECORDS or size >= _BYTES:
            yield Records.joined(found)
            found, count, size = [], 0, 0
        yield from parts
    if found:
        yield Records.joined(found)


def _slot(slot: Slot, found: Sequence[Members]) -> pa.Array:
    chunks = [slot_column(slot, each) for each in found if len(each)]
    return pa.concat_arrays(chunks) if chunks else pa.array([], slot_type(slot))


@contextmanager
def _dead_letters(open_sender: Callable[[], DeadLetterSender]) -> Iterator[Callable[[DeadLetter], None]]:
    sender: DeadLetterSender | None = None

    def send(letter: DeadLetter) -> None:
        nonlocal sender
        if sender is None:
            sender = open_sender()
        sender.send(letter)

    try:
        yield send
    finally:
        if sender is not None:
            sender.close()


@contextmanager
def _without_collection() -> Iterator[None]:
    """Python's search for cycles would walk over a million fresh records again and again, and there are none to be found."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
