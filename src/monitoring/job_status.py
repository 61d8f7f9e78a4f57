"""What a running job says of itself, in a small file that any view reads: `<home>/jobs/<kind>.json`."""

from __future__ import annotations

from pathlib import Path

import msgspec


class JobStatus(msgspec.Struct, kw_only=True):
    """One job of a home: how it fares. Rewritten whole, atomically, about once a second; what is not known is None.

    A job that was killed leaves what it said last: `updated_time` tells.
    """

    kind: str
    """ticker, orderbook or trade."""
    state: str
    """starting, running, finished (it has read all there is), stopped (it was asked to) or failed."""
    started_time: int
    """ms since 1970 UTC, as all times here."""
    updated_time: int
    batch_id: int | None = None
    """The last batch that is done, of the query over all metrics; so are the figures of batches, rates and records below."""
    batch_seconds: float | None = None
    """The whole time of that batch."""
    input_records_per_second: float | None = None
    """Messages of the last batch over the time since the trigger before it; 0 while none come."""
    processed_records_per_second: float | None = None
    """Messages of the last batch over the time that it took; above the former, the job keeps up."""
    lag_records: int | None = None
    """Messages on Kafka that the last batch had not read."""
    lag_seconds: float | None = None
    """How long before `updated_time` the newest event of all that was read happened."""
    state_rows: int | None = None
    """Rows of windows that are still open, of all queries of the job."""
    late_records: dict[str, int] | None = None
    """By market, records too late for their windows, since the job started."""
    dead_letters: int | None = None
    """Messages that could not be read, since the job started."""
    sink_failures: dict[str, int] | None = None
    """By sink, attempts to write that failed, since the job started."""
    parked_batches: dict[str, int] | None = None
    """By sink, batches that wait on disk now."""
    message: str = ""
    """What a person must know now, for example a sink that is being retried, or why it failed."""


def job_status_path(home: Path, kind: str) -> Path:
    """Where the job of a kind keeps its status."""
    return home / "jobs" / f"{kind}.json"


def write_job_status(home: Path, status: JobStatus) -> None:
    """Replace the status file in one step, so that a reader never sees half of it. Raises OSError."""
    path = job_status_path(home, status.kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(status))
    fresh.replace(path)


def read_job_status(home: Path, kind: str) -> JobStatus | None:
    """What the job of a kind said last in that home; None where none has run, or one of another version."""
    try:
        return msgspec.json.decode(job_status_path(home, kind).read_bytes(), type=JobStatus)
    except (OSError, msgspec.DecodeError):
        return None
