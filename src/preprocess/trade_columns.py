"""What is computed of a whole trade: the number by which trades of equal times are ordered, and the seconds that it lies in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt

from src.collect.exchanges import EXCHANGES
from src.collect.parsed import TradeIds
from src.preprocess.computed import Computed
from src.schema.kinds import Kind

NUMBERED = frozenset(name for name, exchange in EXCHANGES.items() if exchange.trade_ids is not TradeIds.UNIQUE)
"""Markets where a later trade has a greater id."""
CONSECUTIVE = tuple(name for name, exchange in EXCHANGES.items() if exchange.trade_ids is TradeIds.CONSECUTIVE)
"""Markets where the next trade's id is one more."""
_DIGITS = 15
"""A double holds every whole number of so many digits."""
_MINUTE_MS = 60_000
_SECOND_MS = 1_000
_HALF_MS = 500


def trade_number(market: str, trade_id: str | None) -> float | None:
    """The last 15 digits of the id as a number; None where ids are no numbers, or do not rise with time.

    Ids pass 2**53. Their last digits alone order what happened in one millisecond, and tell how many lie between two of a window.
    """
    if trade_id is None or market not in NUMBERED or not (trade_id.isascii() and trade_id.isdigit()):
        return None
    return float(int(trade_id[-_DIGITS:]))


def second_of(event_time: int) -> float:
    """Which full second of its minute a time (ms since 1970 UTC) lies in: 0 to 59."""
    return float(event_time % _MINUTE_MS // _SECOND_MS)


def half_second_of(event_time: int) -> float:
    """The same for seconds that begin halfway between full ones, as their beginning in the minute: -0.5, 0.5, ... 59.5.

    The first began before the minute and the last ends after it.
    """
    return float((event_time % _MINUTE_MS + _HALF_MS) // _SECOND_MS) - 0.5


class TradeColumns(Computed):
    """`trade_number`, `second` and `half_second` of each trade."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return {"trade_number": Kind.DOUBLE, "second": Kind.DOUBLE, "half_second": Kind.DOUBLE}

    @property
    def reads(self) -> tuple[str, ...]:
        return ("market", "trade_id", "event_time")

    def of(self, record: Mapping[str, Any]) -> Mapping[str, float | None]:
        time = record["event_time"]
        return {"trade_number": trade_number(record["market"], record["trade_id"]), "second": second_of(time), "half_second": half_second_of(time)}

    def columns(self, fields: Mapping[str, Sequence[Any]], count: int) -> Mapping[str, npt.NDArray[np.float64]]:
        numbers = _numbers(fields["market"], fields["trade_id"], count)
        time = np.array(fields["event_time"], dtype=np.int64) % _MINUTE_MS
        second: npt.NDArray[np.float64] = (time // _SECOND_MS).astype(np.float64)
        half_second: npt.NDArray[np.float64] = ((time + _HALF_MS) // _SECOND_MS).astype(np.float64) - 0.5
        return {"trade_number": numbers, "second": second, "half_second": half_second}


def _numbers(markets: Sequence[str], trade_ids: Sequence[str | None], count: int) -> npt.NDArray[np.float64]:
    """`trade_number` of many trades; NaN for None."""
    found = np.full(count, np.nan)
    numbered = np.fromiter(map(NUMBERED.__contains__, markets), np.bool_, count)
    ids = [trade_id or "" for trade_id in compress(trade_ids, numbered.tolist())]
    # One look at all of them is cheaper than one at each, and hardly ever is one no number.
    together = "".join(ids)
    if all(ids) and together.isascii() and together.isdigit():
        found[numbered] = [float(trade_id[-_DIGITS:]) for trade_id in ids]
        return found
    numbers = map(trade_number, markets, trade_ids)
    return np.fromiter((math.nan if number is None else number for number in numbers), np.float64, count)
