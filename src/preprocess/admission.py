"""What a record must be to count, decided per record and in one place, for the stream and for the oracle alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from src.collect.clock import EARLIEST_MS, LATEST_MS
from src.schema.records import Instrument, Record

if TYPE_CHECKING:
    from src.config.settings import Settings  # Spark's workers, which have no use for it, start half a second sooner

AHEAD_OF_ARRIVAL_MS = 24 * 3_600_000
"""How far a record's own times may lie ahead of its message's time on Kafka: room for clocks and time zones set wrong, no more."""

LARGEST = 1e30
"""No price, size or rate is as large; products of such overflow, and sums of them say nothing."""
BOUNDED = ("price", "size", "usd_rate")


@dataclass(frozen=True)
class Admission:
    """The rules: how late a record may be, and how far its event may lie ahead of its reception, ms."""

    lateness_ms: int
    ahead_ms: int

    @classmethod
    def of(cls, settings: Settings) -> Admission:
        """The rules that the settings give."""
        return cls(int(settings.allowed_lateness_seconds * 1000), int(settings.clock_ahead_seconds * 1000))

    def problem(self, record: Record) -> str | None:
        """Why the record cannot be used at all, or None; such a record is a dead letter."""
        if not (EARLIEST_MS <= record.event_time < LATEST_MS and EARLIEST_MS <= record.received_time < LATEST_MS):
            return "time outside 2009 to 2100"
        # One event from the future would close every window behind it.
        if record.event_time - record.received_time > self.ahead_ms:
            return f"event more than {self.ahead_ms / 1000:g} s ahead of its reception"
        names = record.market + record.symbol + record.quote + (record.rate_source or "")
        if not names.isprintable():
            return "control character in a name"
        return _problem_of_numbers(record)

    def problem_on_arrival(self, record: Record, arrived_time: int) -> str | None:
        """As `problem`, of a record whose Kafka message has the timestamp `arrived_time`, ms (below 0: it has none).

        Event and reception both years ahead would agree with each other and still close every window of the job, for good. So a replay
        that is made to start more than a day in the future (`--start-at`) is refused as well. The message's own timestamp cannot
        be that far off: Kafka 4 refuses messages over an hour ahead of its clock (`message.timestamp.after.max.ms`).
        """
        problem = self.problem(record)
        if problem is None and 0 <= arrived_time < max(record.event_time, record.received_time) - AHEAD_OF_ARRIVAL_MS:
            return "time more than a day ahead of its arrival on Kafka"
        return problem

    def is_late(self, record: Record) -> bool:
        """Whether it came too long after its event to count. Backfilled records correct their windows whenever they come."""
        return not record.backfilled and record.received_time - record.event_time > self.lateness_ms

    def suspect(
        self, event_time: npt.NDArray[np.int64], received_time: npt.NDArray[np.int64], arrived_time: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Of many records at once, those whose times `problem_on_arrival` refuses."""
        earliest, latest = np.minimum(event_time, received_time), np.maximum(event_time, received_time)
        found: npt.NDArray[np.bool_] = (earliest < EARLIEST_MS) | (latest >= LATEST_MS)
        found |= event_time - received_time > self.ahead_ms
        return found | ((arrived_time >= 0) & (arrived_time < latest - AHEAD_OF_ARRIVAL_MS))

    def late(
        self, event_time: npt.NDArray[np.int64], received_time: npt.NDArray[np.int64], backfilled: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """`is_late` of many records at once."""
        found: npt.NDArray[np.bool_] = ~backfilled & (received_time - event_time > self.lateness_ms)
        return found


def _problem_of_numbers(record: Record) -> str | None:
    known = {name: value for name in BOUNDED if (value := getattr(record, name, None)) is not None}
    if any(abs(value) >= LARGEST for value in known.values()):
        return f"price, size or rate of {LARGEST:g} or more"
    if known.get("size", 0.0) < 0:
        return "size below zero"
    if record.instrument == Instrument.SPOT and known.get("price", 1.0) <= 0:
        return "price of a spot pair not above zero"
    return None
