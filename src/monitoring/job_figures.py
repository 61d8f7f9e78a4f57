"""All that is known of a running job as numbers: what a Prometheus endpoint and the job's status are made of."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from src.monitoring.queries import Queries
from src.monitoring.sinks import SinkFigures


@dataclass
class JobFigures:
    """What is counted while the job runs, since it began."""

    kind: str
    """ticker, orderbook or trade; also the name of the query over all metrics."""
    started_time: int = field(default_factory=lambda: round(time.time() * 1000))
    queries: Queries = field(default_factory=Queries)
    sinks: SinkFigures = field(default_factory=SinkFigures)
    restarts: int = 0
    """Times that the queries began again after a fault."""
    commits: Counter[str] = field(default_factory=Counter)
    """By consumer group."""
    commit_failures: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class JobLook:
    """What the job itself knows at one moment."""

    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By market and reason, records that were not used since it began."""
    newest_event_time: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By query and source, ms since 1970 UTC."""
    parked: Mapping[str, int] = field(default_factory=dict)
    """By sink, batches that wait on disk."""
    message: str = ""
    """What a person must know."""

    def left_out_for(self, reason: str) -> dict[str, int]:
        """By market, the records left out for one reason."""
        return {market: counts.get(reason, 0) for market, counts in self.left_out.items()}
