"""What was really traded between two tickers, from the volume that some exchanges count since midnight."""

from __future__ import annotations

from dataclasses import dataclass

from src.schema.records import Instrument, Ticker

_DAY = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class _Counted:
    since: int
    volume: float


class TradedVolume:
    """Turns accumulated volume into volume traded since the previous record of the same price. Pure, fed in frame order."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str, str, Instrument], _Counted] = {}

    def traded(self, record: Ticker) -> float | None:
        """Base coin traded since the previous record, or None where that cannot be known.

        It cannot be known for the first record, for one that arrives after a newer one (its volume is smaller; the maximum stays),
        and when a whole day was missed. After midnight the count starts from 0.
        """
        if record.acc_volume is None or record.acc_since is None:
            return None
        price = (record.market, record.symbol, record.quote, record.instrument)
        last = self._counted.get(price)
        fresh = _Counted(record.acc_since, record.acc_volume)
        if last is None:
            self._counted[price] = fresh
            return None
        if (fresh.since, fresh.volume) < (last.since, last.volume):
            return None
        self._counted[price] = fresh
        if fresh.since == last.since:
            return fresh.volume - last.volume
        return fresh.volume if fresh.since - last.since == _DAY else None
