"""Spark's report of one batch of a query, as far as anybody is told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from src.broker.ranges import TopicPartition

OBSERVED, MESSAGES = "kafka", "messages"
"""A query that reads offsets alone observes under this name how many messages they are of."""


@dataclass(frozen=True)
class QueryReport:
    """One batch that is done and in the checkpoint."""

    query: str
    run: str
    """Id of the query since it was started; another one after it began again."""
    batch_id: int
    seconds: float
    """The whole time of the batch."""
    records: int
    """Messages read."""
    input_records_per_second: float | None
    """Messages read over the time since the trigger before; None for the first batch of a run."""
    rows: int
    """Rows that the batch changed."""
    state_rows: int
    state_bytes: int
    dropped_by_watermark: int
    watermark: int | None
    """ms since 1970 UTC; None where the query has none, or no record has moved it yet."""
    offsets: Mapping[TopicPartition, int]
    """Offset of the next message to be read."""
    ends: Mapping[TopicPartition, int]
    """Offset that the next message of the partition would get, when the batch began."""

    @property
    def processed_records_per_second(self) -> float | None:
        """Messages over the time that they took."""
        return self.records / self.seconds if self.seconds else None

    @property
    def lag(self) -> dict[TopicPartition, int]:
        """Messages that the batch had not read, by partition."""
        return {place: max(0, end - self.offsets.get(place, 0)) for place, end in self.ends.items()}


def query_report(text: str | bytes) -> QueryReport:
    """The report out of Spark's JSON (`StreamingQueryProgress.json`). Raises msgspec.DecodeError, LookupError or ValueError for what is none."""
    said: Mapping[str, Any] = msgspec.json.decode(text)
    state, rate, rows = said.get("stateOperators") or [], said.get("inputRowsPerSecond"), said["numInputRows"]
    observed = (said.get("observedMetrics") or {}).get(OBSERVED)
    records = rows if observed is None else observed[MESSAGES] or 0
    return QueryReport(
        query=said.get("name") or "",
        run=said["runId"],
        batch_id=said["batchId"],
        seconds=said["durationMs"].get("triggerExecution", 0) / 1000,
        records=records,
        # Spark's rate is of rows, over the time that this one is to be over.
        input_records_per_second=rate * records / rows if rate and rows else (0.0 if rate == 0 and not rows else None),
        rows=sum(each["numRowsUpdated"] for each in state),
        state_rows=sum(each["numRowsTotal"] for each in state),
        state_bytes=sum(each["memoryUsedBytes"] for each in state),
        dropped_by_watermark=sum(each["numRowsDroppedByWatermark"] for each in state),
        watermark=_watermark(said.get("eventTime") or {}),
        offsets=dict(_places(said["sources"], "endOffset")),
        ends=dict(_places(said["sources"], "latestOffset")),
    )


def _watermark(times: Mapping[str, str]) -> int | None:
    if "watermark" not in times:
        return None
    # Before the first record it is the beginning of all time.
    return round(datetime.fromisoformat(times["watermark"]).astimezone(UTC).timestamp() * 1000) or None


def _places(sources: list[Mapping[str, Any]], which: str) -> Iterator[tuple[TopicPartition, int]]:
    for source in sources:
        said = source.get(which)
        # Sources that are not Kafka count in other ways.
        topics: Mapping[str, Any] = said if isinstance(said, dict) else {}
        for topic, partitions in topics.items():
            if isinstance(partitions, dict):
                for partition, offset in partitions.items():
                    yield TopicPartition(topic, int(partition)), offset
