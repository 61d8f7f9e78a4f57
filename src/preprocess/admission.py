"""What a record must be to count, decided per record and in one place, for the stream and for the oracle alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
_ABOVE_ZERO = math.ulp(0.0)
"""The least number above zero."""
LONGEST_TRADE_ID = 64
"""Characters. An id is a key of tables, and databases bound the length of one (src/storage/sql_tables.py); exchanges' own have 36 at most."""


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
        return _problem_of_numbers(record) or self._problem_of_trade(record)

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

    def _problem_of_trade(self, record: Record) -> str | None:
        if not hasattr(record, "trade_id"):
            return None
        trade_id, gap_since = record.trade_id, getattr(record, "gap_since", None)
        if _is_odd(trade_id):
            return f"trade id of more than {LONGEST_TRADE_ID} characters" if trade_id.isprintable() else "control character in a trade id"
        if gap_since is not None and gap_since - record.received_time > self.ahead_ms:
            return f"gap that begins more than {self.ahead_ms / 1000:g} s ahead of its reception"
        return None

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

    @staticmethod
    def suspect_numbers(name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Of many values of one of the `BOUNDED` columns (NaN is null), those that `problem` may refuse: a price of zero, other zeros not."""
        lowest = _ABOVE_ZERO if name == "price" else 0.0
        found: npt.NDArray[np.bool_] = (values < lowest) | (values >= LARGEST)
        return found

    def suspect_trades(
        self, ids: Sequence[str | None], gaps_since: Sequence[int | None], received_time: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Of many trades and gap marks at once, those whose id or gap `problem` refuses. gaps_since: may be empty, where there are no gap marks."""
        found = np.zeros(len(ids), dtype=np.bool_)
        known = [each for each in ids if each is not None]
        # One look at all of them is several times cheaper than one at each, and there is hardly ever an odd one.
        if known and (max(map(len, known)) > LONGEST_TRADE_ID or not "".join(known).isprintable()):
            found |= np.fromiter(map(_is_odd, ids), np.bool_, len(ids))
        if gaps_since.count(None) < len(gaps_since):
            for place, since in enumerate(gaps_since):
                if since is not None:
                    found[place] |= since - received_time[place] > self.ahead_ms
        return found

    def late(
        self, event_time: npt.NDArray[np.int64], received_time: npt.NDArray[np.int64], backfilled: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """`is_late` of many records at once."""
        found: npt.NDArray[np.bool_] = ~backfilled & (received_time - event_time > self.lateness_ms)
        return found


def _is_odd(trade_id: str | None) -> bool:
    """Whether no table could have it as a key."""
    return trade_id is not None and (len(trade_id) > LONGEST_TRADE_ID or not trade_id.isprintable())


def _problem_of_numbers(record: Record) -> str | None:
    known = {name: value for name in BOUNDED if (value := getattr(record, name, None)) is not None}
    if any(abs(value) >= LARGEST for value in known.values()):
        return f"price, size or rate of {LARGEST:g} or more"
    if known.get("size", 0.0) < 0:
        return "size below zero"
    if record.instrument == Instrument.SPOT and known.get("price", 1.0) <= 0:
        return "price of a spot pair not above zero"
    return None
