"""What a record must be to count, decided per record and in one place, for the stream and for the oracle alike."""

from __future__ import annotations

from dataclasses import dataclass

from src.config.settings import Settings
from src.schema.records import Instrument, Ticker

EARLIEST_MS = 1_230_768_000_000
"""2009-01-01 UTC: no coin was traded before."""
LATEST_MS = 4_102_444_800_000
"""2100-01-01 UTC."""


@dataclass(frozen=True)
class Admission:
    """The rules: how late a record may be, and how far its event may lie ahead of its reception, ms."""

    lateness_ms: int
    ahead_ms: int

    @classmethod
    def of(cls, settings: Settings) -> Admission:
        """The rules that the settings give."""
        return cls(int(settings.allowed_lateness_seconds * 1000), int(settings.clock_ahead_seconds * 1000))

    def problem(self, record: Ticker) -> str | None:
        """Why the record cannot be used at all, or None; such a record is a dead letter."""
        if not (EARLIEST_MS <= record.event_time < LATEST_MS and EARLIEST_MS <= record.received_time < LATEST_MS):
            return "time outside 2009 to 2100"
        # One event from the future would close every window behind it.
        if record.event_time - record.received_time > self.ahead_ms:
            return f"event more than {self.ahead_ms / 1000:g} s ahead of its reception"
        if record.instrument is Instrument.SPOT and record.price is not None and record.price <= 0:
            return "price of a spot pair not above zero"
        return None

    def is_late(self, record: Ticker) -> bool:
        """Whether it came too long after its event to count. Backfilled records correct their windows whenever they come."""
        return not record.backfilled and record.received_time - record.event_time > self.lateness_ms
