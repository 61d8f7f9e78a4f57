"""What a sink is: `Sink` takes the tables of a batch together, `BatchSink` one after the other; a job calls it, retries it, or stops."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

import msgspec
import pyarrow as pa

from src.errors import ConfigurationError
from src.schema.tables import TableSchema
from src.storage.floats import without_non_finite

MOST_COLUMNS = 500
"""Of a table. Databases end at about a thousand, and none is fast with so many."""
_TABLE = b"coinspark.table"


class Guarantee(StrEnum):
    """What holds of a sink's rows whatever was killed, once the job has gone on from its checkpoint."""

    EXACTLY_ONCE = "each row once, with its last value"
    AT_LEAST_ONCE = "every value at least once; the last one per key is right"
    BEST_EFFORT = "what was shown while the job ran"


@dataclass(frozen=True)
class Batch:
    """The rows that one micro-batch changed, by table. The same (query, checkpoint, batch_id) holds the same rows whenever it is written again."""

    query: str
    batch_id: int
    tables: Mapping[TableSchema, pa.Table]
    closed_until: Mapping[str, int] = field(default_factory=dict)
    """By source the time, ms since 1970 UTC, at or before which the windows that are closed by now end; none where that is not known."""
    checkpoint: str = ""
    """Id of the checkpoint in which batch ids count up. One that begins anew has another id, as its batch ids begin at 0 again.

    Empty: the ids are of no checkpoint and tell nothing of what was written before.
    """
    generation: int = 0
    """When that checkpoint began, ms since 1970 UTC, and above that of any before it. The value of the largest (generation, batch_id) is right."""
    newest_event_time: Mapping[str, int] = field(default_factory=dict)
    """By source the newest event, ms since 1970 UTC, of all records that the job has read by now."""

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(table.num_rows for table in self.tables.values())


class Sink(ABC):
    """Where the rows of all metrics of a job go, for whoever needs all tables of a batch at once, as for one transaction."""

    guarantee: ClassVar[Guarantee]
    name: ClassVar[str]
    """What messages call it: `MySQL`, `Kafka`."""

    @abstractmethod
    def open(self, tables: Sequence[TableSchema]) -> None:
        """Called before the first batch, in the driver: connect, and make what the tables need.

        Raises ConfigurationError for what the user must mend: a wrong password, a missing database, a table that is not the metric's or too
        wide (`check_widths`). UnreachableError for a server that does not answer, TransientError for what passes: a job that parks then
        begins without the sink, and calls this again until it is through.
        """

    @abstractmethod
    def write(self, batch: Batch) -> None:
        """Called once per micro-batch, in order of batch ids, from one thread at a time; again with the same batch after a failure or a restart.

        When it returns, the rows are stored. Raises TransientError to be called again with back-off, anything else to stop the job.
        """

    def close(self) -> None:
        """Called once when the job ends, also after a failure of `open` or `write`. Must not raise. By default nothing is to be done."""
        return


class BatchSink(ABC):
    """A sink whose author needs nothing but `write`, which gets one table of a batch at a time. `as_sink` makes a `Sink` of it."""

    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE
    """What the author promises; a `write` that keeps a row once per key, whatever is written again, may say EXACTLY_ONCE."""
    name: ClassVar[str] = ""
    """What messages call it; the class's name when it says nothing."""

    def __init_subclass__(cls) -> None:
        """Give it a name."""
        super().__init_subclass__()
        cls.name = cls.__dict__.get("name", cls.name) or cls.__name__

    def open(self, tables: Sequence[TableSchema]) -> None:
        """Called as `Sink.open` is. By default nothing is to be done."""
        del tables

    @abstractmethod
    def write(self, batch: pa.Table, batch_id: int) -> None:
        """Store the rows of one table; `table_of(batch)` tells which, with its key, and `lineage_of(batch)` whose batch ids these are.

        NaN and infinity are null in them. Called for each table that has rows, in order of batch ids, from one thread at a time. When one of a
        batch's tables fails, all of them are written again, and after a restart a batch may come again too. Raises TransientError to be called again
        with back-off, anything else to stop the job.
        """

    def close(self) -> None:
        """Called as `Sink.close` is. By default nothing is to be done."""
        return

    @staticmethod
    def table_of(batch: pa.Table) -> TableSchema:
        """The table that the rows are of: its name, topic, columns and key. It is in the Arrow schema's metadata."""
        return _decoded(batch.schema.metadata[_TABLE])

    @staticmethod
    def lineage_of(batch: pa.Table) -> tuple[str, str, int]:
        """Query, checkpoint and generation, as in `Batch`: batch ids count up within the first two."""
        said = batch.schema.metadata
        return said[b"coinspark.query"].decode(), said[b"coinspark.checkpoint"].decode(), int(said[b"coinspark.generation"])


def as_sink(sink: Sink | BatchSink) -> Sink:
    """The sink itself, or for a `BatchSink` one that hands it the tables of each batch."""
    return sink if isinstance(sink, Sink) else _TableByTable(sink)


def check_widths(tables: Iterable[TableSchema]) -> None:
    """Raise ConfigurationError for a table that has more columns than stores take."""
    for table in tables:
        if len(table.columns) > MOST_COLUMNS:
            raise ConfigurationError(
                f"table {table.name} would have {len(table.columns)} columns, and {MOST_COLUMNS} is the most that a table may have: "
                "split its metric in two, or configure fewer markets"
            )


class _TableByTable(Sink):
    def __init__(self, sink: BatchSink) -> None:
        self._sink = sink
        # What is said once of a class is said of an object here, as one adapter serves them all.
        self.name = sink.name  # type: ignore[misc]
        self.guarantee = sink.guarantee  # type: ignore[misc]

    def open(self, tables: Sequence[TableSchema]) -> None:
        check_widths(tables)
        self._sink.open(tables)

    def write(self, batch: Batch) -> None:
        lineage: dict[str | bytes, str | bytes] = {
            "coinspark.query": batch.query,
            "coinspark.checkpoint": batch.checkpoint,
            "coinspark.generation": str(batch.generation),
        }
        for table, rows in batch.tables.items():
            if rows.num_rows:
                finite, _ = without_non_finite(rows)
                self._sink.write(finite.replace_schema_metadata({**lineage, _TABLE: _encoded(table)}), batch.batch_id)

    def close(self) -> None:
        self._sink.close()


@lru_cache(maxsize=1_000)
def _encoded(table: TableSchema) -> bytes:
    return msgspec.json.encode(table)


@lru_cache(maxsize=1_000)
def _decoded(text: bytes) -> TableSchema:
    return msgspec.json.decode(text, type=TableSchema)
