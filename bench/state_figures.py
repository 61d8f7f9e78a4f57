"""What the samples of a run say: a line for each 10 minutes of event time, and the batch times of its first and last quarter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from bench.state_run import Sample
from bench.throughput_records import START_MS

_TEN_MINUTES_MS = 600_000
_MEBIBYTE = 2**20
_QUARTERS = 4


def lines(samples: Sequence[Sample]) -> Iterator[str]:
    """The lines; those of the query over closed windows, which runs when the first one has ended, come after its."""
    for query in dict.fromkeys(sample.query for sample in samples):
        mine = [sample for sample in samples if sample.query == query]
        yield f"{query}: {len(mine)} batches"
        timed = {(sample.event_time - START_MS - 1) // _TEN_MINUTES_MS: sample for sample in mine if sample.event_time is not None}
        ends = timed or {0: mine[-1]}
        for sample in ends.values():
            yield f"  {_minutes(sample)}{_sizes(sample)}"
        if len(mine) >= 2 * _QUARTERS:
            quarter = len(mine) // _QUARTERS
            # The first batch starts workers and compiles.
            early = median(sample.batch_ms for sample in mine[1 : 1 + quarter])
            late = median(sample.batch_ms for sample in mine[-quarter:])
            yield f"  batch time: first quarter {early:,.0f} ms, last quarter {late:,.0f} ms, factor {late / early:.2f}"


def _minutes(sample: Sample) -> str:
    return "" if sample.event_time is None else f"{(sample.event_time - START_MS) / 60_000:5.1f} min: "


def _sizes(sample: Sample) -> str:
    files, memory = sample.file_bytes / _MEBIBYTE, sample.memory_bytes / _MEBIBYTE
    return (
        f"{sample.state_rows:,} rows, state {files + memory:,.0f} MiB ({files:,.0f} in files, {memory:,.0f} in memory); "
        f"resident: JVM {sample.jvm_bytes / _MEBIBYTE:,.0f} MiB, workers {sample.python_bytes / _MEBIBYTE:,.0f} MiB; batch {sample.batch_ms:,.0f} ms"
    )
