"""What a sink is. The author of one writes `write(batch)` in a `BatchSink`; the job calls it, retries it, and stops when it keeps failing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import pyarrow as pa

from src.schema.tables import TableSchema


class Guarantee(StrEnum):
    """What holds of a sink's rows whatever was killed, once the job has gone on from its checkpoint."""

    EXACTLY_ONCE = "each row once, with its last value"
    AT_LEAST_ONCE = "every value at least once; the last one per key is right"
    BEST_EFFORT = "what was shown while the job ran"


@dataclass(frozen=True)
class Batch:
    """The rows that one micro-batch changed, by table. The same (query, batch_id) holds the same rows whenever it is written again."""

    query: str
    batch_id: int
    tables: Mapping[TableSchema, pa.Table]
    closed_until: Mapping[str, int] = field(default_factory=dict)
    """By source the time, ms since 1970 UTC, at or before which the windows that are closed by now end; none where that is not known."""

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(table.num_rows for table in self.tables.values())


class Sink(ABC):
    """Where the rows of all metrics of a job go."""

    guarantee: ClassVar[Guarantee]
    name: ClassVar[str]
    """What messages call it: `MySQL`, `Kafka`."""

    @abstractmethod
    def open(self, tables: Sequence[TableSchema]) -> None:
        """Called once, before the first batch, in the driver: connect, and make what the tables need.

        Raises ConfigurationError for what the user must mend: a wrong password, a missing database, a server that cannot be reached
        (MissingPartError), a table that is not the metric's. TransientError for what passes.
        """

    @abstractmethod
    def write(self, batch: Batch) -> None:
        """Called once per micro-batch, in order of batch ids, from one thread; again with the same batch after a failure or a restart.

        When it returns, the rows are stored. Raises TransientError to be called again with back-off, anything else to stop the job.
        """

    def close(self) -> None:
        """Called once when the job ends, also after a failure of `open` or `write`. Must not raise. By default nothing is to be done."""
        return


class BatchSink(Sink):
    """A sink that needs nothing but `write`."""

    guarantee = Guarantee.AT_LEAST_ONCE

    def open(self, tables: Sequence[TableSchema]) -> None:
        del tables
