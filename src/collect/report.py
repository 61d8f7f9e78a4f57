"""What a running collector tells on its terminal every few seconds."""

from __future__ import annotations

import msgspec

from src.collect.status import CollectorStatus


class MarketPace(msgspec.Struct, frozen=True):
    """One market since the last report."""

    frames_per_second: float
    records_per_second: float
    dead_letters: int
    """Since the collector started."""
    note: str


class Report(msgspec.Struct, frozen=True):
    """One report: a line for a person, or a JSON object."""

    channel: str
    source: str
    state: str
    frames_per_second: float
    records_per_second: float
    dead_letters: int
    """Since the collector started."""
    sent: int
    left: int | None
    message: str
    markets: dict[str, MarketPace]

    def line(self) -> str:
        """The report in one line."""
        left = "" if self.left is None else f", {self.left} frames left"
        markets = "".join(
            f" | {name} {pace.records_per_second:.1f}/s" + (f" ({pace.note})" if pace.note else "") for name, pace in sorted(self.markets.items())
        )
        return (
            f"collect {self.channel} {self.source}: {self.frames_per_second:.1f} frames/s, {self.records_per_second:.1f} records/s, "
            f"{self.sent} sent, {self.dead_letters} dead letters{left}{markets}" + (f" | {self.message}" if self.message else "")
        )


class Reporter:
    """Compares each status with the one before."""

    def __init__(self) -> None:
        self._frames: dict[str, int] = {}
        self._records: dict[str, int] = {}

    def report(self, status: CollectorStatus, seconds: float) -> Report:
        """The report of a status, `seconds` after the last one."""
        markets = {
            name: MarketPace(
                frames_per_second=round((market.frames - self._frames.get(name, 0)) / seconds, 1),
                records_per_second=round((market.records - self._records.get(name, 0)) / seconds, 1),
                dead_letters=market.malformed,
                note=market.note,
            )
            for name, market in status.markets.items()
        }
        self._frames = {name: market.frames for name, market in status.markets.items()}
        self._records = {name: market.records for name, market in status.markets.items()}
        return Report(
            channel=status.channel,
            source=status.source.value,
            state=status.state,
            frames_per_second=round(sum(pace.frames_per_second for pace in markets.values()), 1),
            records_per_second=round(sum(pace.records_per_second for pace in markets.values()), 1),
            dead_letters=sum(pace.dead_letters for pace in markets.values()),
            sent=status.sent,
            left=status.left,
            message=status.message,
            markets=markets,
        )
