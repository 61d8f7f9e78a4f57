"""What a running collector tells on its terminal every few seconds."""

from __future__ import annotations

import msgspec

from src.collect.status import CollectorStatus, MarketStatus
from src.printable import printable


class MarketPace(msgspec.Struct, frozen=True):
    """One market since the last report."""

    frames_per_second: float
    records_per_second: float
    delay_ms: float | None
    """Mean of reception minus event; null when no record came."""
    dead_letters: int
    """This and what follows: since the collector started."""
    reconnects: int
    gaps: int
    dropped: int
    note: str

    def text(self, name: str) -> str:
        """For a person, what is zero left out."""
        delay = "" if self.delay_ms is None else f" {self.delay_ms:.0f} ms"
        counts = {"reconnects": self.reconnects, "gaps": self.gaps, "dropped": self.dropped}
        troubles = [f"{count} {what}" for what, count in counts.items() if count] + ([" ".join(self.note.split())] if self.note else [])
        return f"{name} {self.frames_per_second:.1f}>{self.records_per_second:.1f}/s{delay}" + (f" ({', '.join(troubles)})" if troubles else "")


class Report(msgspec.Struct, frozen=True):
    """One report: a line for a person, or a JSON object."""

    channels: str
    source: str
    state: str
    frames_per_second: float
    records_per_second: float
    dead_letters: int
    """Since the collector started."""
    sent: int
    queued: int
    """Frames that wait to be parsed."""
    waiting: int
    """Messages that wait for Kafka, in memory and on disk."""
    left: int | None
    message: str
    markets: dict[str, MarketPace]

    def line(self) -> str:
        """The report in one line: of each market frames in, records out and the mean delay from the exchange to us."""
        left = "" if self.left is None else f", {self.left} frames left"
        markets = "".join(f" | {pace.text(name)}" for name, pace in sorted(self.markets.items()))
        return printable(
            f"collect {self.channels} {self.source}: {self.frames_per_second:.1f} frames/s, {self.records_per_second:.1f} records/s, "
            f"{self.sent} sent, {self.queued}+{self.waiting} queued, {self.dead_letters} dead letters{left}{markets}"
            + (f" | {self.message}" if self.message else "")
        )


class Reporter:
    """Compares each status with the one before."""

    def __init__(self) -> None:
        self._before: dict[str, MarketStatus] = {}

    def report(self, status: CollectorStatus, seconds: float) -> Report:
        """The report of a status, `seconds` after the last one."""
        markets = {name: self._pace(market, self._before.get(name, MarketStatus()), seconds) for name, market in status.markets.items()}
        self._before = {name: msgspec.structs.replace(market) for name, market in status.markets.items()}
        return Report(
            channels=",".join(status.channels),
            source=status.source.value,
            state=status.state,
            frames_per_second=round(sum(pace.frames_per_second for pace in markets.values()), 1),
            records_per_second=round(sum(pace.records_per_second for pace in markets.values()), 1),
            dead_letters=sum(pace.dead_letters for pace in markets.values()),
            sent=status.sent,
            queued=status.queued,
            waiting=status.waiting,
            left=status.left,
            message=status.message,
            markets=markets,
        )

    def _pace(self, market: MarketStatus, before: MarketStatus, seconds: float) -> MarketPace:
        seen = market.records_seen - before.records_seen
        return MarketPace(
            frames_per_second=round((market.frames - before.frames) / seconds, 1),
            records_per_second=round((market.records - before.records) / seconds, 1),
            delay_ms=round((market.delay_ms - before.delay_ms) / seen, 1) if seen else None,
            dead_letters=market.malformed,
            reconnects=market.reconnects,
            gaps=market.gaps,
            dropped=market.dropped,
            note=market.note,
        )
