"""A collector's counts as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client.registry import Collector

from src.collect.status import CollectorStatus, MarketStatus
from src.monitoring import names
from src.monitoring.disk import disk_families
from src.monitoring.family import Family, Shown

_OF_MARKET: Mapping[Family, Callable[[MarketStatus], float | None]] = {
    names.COLLECTOR_FRAMES: lambda market: market.frames,
    names.COLLECTOR_RECORDS: lambda market: market.records,
    names.COLLECTOR_DEAD_LETTERS: lambda market: market.malformed,
    names.COLLECTOR_RECONNECTS: lambda market: market.reconnects,
    names.COLLECTOR_GAPS: lambda market: market.gaps,
    names.COLLECTOR_GAPS_FILLED: lambda market: market.filled,
    names.COLLECTOR_STALE: lambda market: market.stale,
    names.COLLECTOR_DROPPED: lambda market: market.dropped,
    names.COLLECTOR_DELAY: lambda market: market.behind_ms / 1000,
    names.COLLECTOR_AHEAD: lambda market: market.ahead_ms / 1000,
    names.COLLECTOR_DELAY_RECORDS: lambda market: market.records_seen,
    names.COLLECTOR_CONNECTED: lambda market: float(market.connected),
    names.COLLECTOR_NEWEST_EVENT: lambda market: None if market.newest_event_time is None else market.newest_event_time / 1000,
}


class CollectorFamilies(Collector):
    """Asks for the status when it is scraped; nothing is counted twice.

    status: None while there is no collector. home: the folder whose disk is told of too; None where somebody else tells of it.
    """

    def __init__(self, status: Callable[[], CollectorStatus | None], home: Path | None = None) -> None:
        self._status = status
        self._home = home

    def collect(self) -> Iterator[Shown]:
        """One family for each count, by market and source."""
        status = self._status()
        if status is not None:
            markets = list(status.markets.items())
            for family, read in _OF_MARKET.items():
                values = ((market, read(counts)) for market, counts in markets)
                yield family.shown({(market, status.source.value): value for market, value in values if value is not None})
            yield names.COLLECTOR_ACKNOWLEDGED.shown({(): status.sent})
            yield names.COLLECTOR_WAITING.shown({(): status.waiting})
            yield names.COLLECTOR_QUEUED.shown({(): status.queued})
        if self._home is not None:
            yield from disk_families(self._home)
