"""What a sink is. The author of one writes `write(batch)` in a `BatchSink`; the job calls it, retries it, and stops when it keeps failing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import pyarrow as pa

from src.errors import ConfigurationError
from src.schema.tables import TableSchema

MOST_COLUMNS = 500
"""Of a table. Databases end at about a thousand, and none is fast with so many."""


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


def check_widths(tables: Iterable[TableSchema]) -> None:
    """Raise ConfigurationError for a table that has more columns than stores take."""
    for table in tables:
        if len(table.columns) > MOST_COLUMNS:
            raise ConfigurationError(
                f"table {table.name} would have {len(table.columns)} columns, and {MOST_COLUMNS} is the most that a table may have: "
                "split its metric in two, or configure fewer markets"
            )
