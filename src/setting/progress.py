"""How a job fares, for whoever shows it: the live table, plain lines, a script of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from src.collect.status import CollectorStatus
from src.logs import LogLevel
from src.schema.tables import TableSchema


@dataclass(frozen=True)
class Progress:
    """One look at a running job. What is not known yet is None."""

    batch_id: int | None = None
    batch_seconds: float | None = None
    records: int = 0
    """Messages read by the last batch."""
    records_per_second: float | None = None
    """Read by the last batch, over its whole time."""
    rows: int = 0
    """Rows that the last batch changed."""
    lag_records: int | None = None
    """Messages on Kafka that the last batch had not read."""
    newest_event_time: int | None = None
    """Of all records read, ms since 1970 UTC."""
    dropped_by_watermark: int = 0
    """Window rows of records older than the windows that are still open, since the start."""
    quality: Mapping[str, int] = field(default_factory=dict)
    """Counts of input that was left out since the start (late, malformed, ...), as `input_quality` has them."""
    old_rows_deleted: int = 0
    """Rows of the database that the retention has deleted since the start."""
    old_rows_left: int | None = None
    """Rows that it is going to delete still; None while it does nothing."""
    collector: CollectorStatus | None = None
    message: str = ""
    """What a person must know now: a sink being retried, a broker started again."""


class View(Protocol):
    """Shows a job. Called from the job's own thread; must not raise."""

    def began(self, job: str, tables: Sequence[TableSchema], lines: Sequence[str]) -> None:
        """Called once, when the query runs. `lines` say where rows go and come from."""

    def say(self, message: str, level: LogLevel = "info") -> None:
        """Called with a line that must not be missed, at any time from the very start; a `warning` tells of what went wrong."""

    def show(self, progress: Progress, newest: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Called about once a second. `newest`: by table, the rows written last, the newest last."""

    def ended(self, message: str) -> None:
        """Called once after `began`, when everything has stopped, also after a fault (which is said elsewhere)."""
