"""What a soak found, minute by minute: the table, and how the last third of it differs from the second."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import mean

import msgspec

_MEBIBYTE = 2**20
_THIRDS = 3


class JobMinute(msgspec.Struct, frozen=True):
    """Of one job; of all of its queries together, unless another is said."""

    batches: int
    """In the minute, of the query that reads records."""
    median_ms: float | None
    """Of these batches; None without one."""
    p99_ms: float | None
    state_rows: int
    state_bytes: int
    lag_records: int
    """Sent and not committed, the most of the minute's looks."""


class Minute(msgspec.Struct, frozen=True):
    """At the end of one minute."""

    minute: int
    sent_records: int
    """Since the start."""
    resident: Mapping[str, int]
    """Bytes, by process."""
    handles: int
    """Open files and sockets of all of these processes."""
    checkpoint_bytes: int
    jobs: Mapping[str, JobMinute]
    rows: Mapping[str, int]
    """In all tables of a store."""


def table(minutes: Sequence[Minute]) -> Iterator[str]:
    """A line of heads, and a line for each minute."""
    if not minutes:
        return
    cells = [_cells(minute) for minute in minutes]
    widths = {head: max(len(head), *(len(line[head]) for line in cells)) for head in cells[0]}
    yield "  ".join(head.rjust(width) for head, width in widths.items())
    for line in cells:
        yield "  ".join(line[head].rjust(width) for head, width in widths.items())


def last_line(minutes: Sequence[Minute]) -> str:
    """Means of the last third of the minutes beside those of the second."""
    third = len(minutes) // _THIRDS
    if not third:
        return f"soak {len(minutes)} minutes: too short to compare"
    second, last = minutes[-2 * third : -third], minutes[-third:]

    def grown(figure: Callable[[Minute], float]) -> tuple[float, float]:
        before, after = mean(map(figure, second)), mean(map(figure, last))
        return 100 * (after / before - 1) if before else 0.0, after - before

    memory, _ = grown(lambda minute: sum(minute.resident.values()))
    state, _ = grown(lambda minute: sum(job.state_bytes for job in minute.jobs.values()))
    _, handles = grown(lambda minute: minute.handles)
    lag = max(job.lag_records for minute in (*second, *last) for job in minute.jobs.values())
    return f"soak {len(minutes)} minutes: memory {memory:+.1f} %, state {state:+.1f} %, handles {handles:+.0f}, lag max {lag:,} records"


def _cells(minute: Minute) -> dict[str, str]:
    cells = {"minute": str(minute.minute), "sent": f"{minute.sent_records:,}"}
    cells |= {f"{name} MB": f"{size / _MEBIBYTE:,.0f}" for name, size in minute.resident.items()}
    cells |= {"handles": f"{minute.handles:,}", "checkpoints MB": f"{minute.checkpoint_bytes / _MEBIBYTE:,.1f}"}
    for name, job in minute.jobs.items():
        cells |= {
            f"{name} state rows": f"{job.state_rows:,}",
            f"{name} state MB": f"{job.state_bytes / _MEBIBYTE:,.1f}",
        }
        cells |= {f"{name} median ms": _number(job.median_ms), f"{name} p99 ms": _number(job.p99_ms), f"{name} lag": f"{job.lag_records:,}"}
    return cells | {f"{name} rows": f"{count:,}" for name, count in minute.rows.items()}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
