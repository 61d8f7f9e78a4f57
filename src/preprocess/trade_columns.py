"""What is computed of a whole trade: the number by which trades of equal times are ordered, and the bin of its size."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
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
BINS_PER_OCTAVE = 8
_EDGES = tuple(2.0 ** (step / BINS_PER_OCTAVE) for step in range(BINS_PER_OCTAVE))
"""Lower edges of the bins from 1 up to 2. All others are these, scaled exactly, so that a size falls into one bin wherever it is computed."""
_EDGE_ARRAY = np.array(_EDGES)


def trade_number(market: str, trade_id: str | None) -> float | None:
    """The last 15 digits of the id as a number; None where ids are no numbers, or do not rise with time.

    Ids pass 2**53. Their last digits alone order what happened in one millisecond, and tell how many lie between two of a window.
    """
    if trade_id is None or market not in NUMBERED or not (trade_id.isascii() and trade_id.isdigit()):
        return None
    return float(int(trade_id[-_DIGITS:]))


def size_bin(notional: float | None) -> float | None:
    """Which bin a notional (USD) is in: bin b reaches from 2**(b/8) up to, not including, 2**((b+1)/8). None for null, and not above zero."""
    if notional is None or not 0 < notional < math.inf:
        return None
    mantissa, exponent = math.frexp(notional)
    return float(BINS_PER_OCTAVE * (exponent - 1) + bisect_right(_EDGES, 2 * mantissa) - 1)


def upper_edge(bin_number: float) -> float:
    """The notional (USD) at which the next bin begins."""
    octave, step = divmod(int(bin_number) + 1, BINS_PER_OCTAVE)
    return math.ldexp(_EDGES[step], octave)


class TradeColumns(Computed):
    """`trade_number` and `size_bin` of each trade; null for a gap mark."""

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return {"trade_number": Kind.DOUBLE, "size_bin": Kind.DOUBLE}

    @property
    def reads(self) -> tuple[str, ...]:
        return ("market", "trade_id", "price", "size", "usd_rate")

    def of(self, record: Mapping[str, Any]) -> Mapping[str, float | None]:
        price, size, rate = record["price"], record["size"], record["usd_rate"]
        notional = None if price is None or size is None or rate is None else price * size * rate
        return {"trade_number": trade_number(record["market"], record["trade_id"]), "size_bin": size_bin(notional)}

    def columns(self, fields: Mapping[str, Sequence[Any]], count: int) -> Mapping[str, npt.NDArray[np.float64]]:
        pairs = zip(fields["market"], fields["trade_id"], strict=True)
        found = (trade_number(market, trade_id) for market, trade_id in pairs)
        numbers = np.fromiter((math.nan if number is None else number for number in found), np.float64, count)
        with np.errstate(all="ignore"):
            price, size, rate = (np.array(fields[name], dtype=np.float64) for name in ("price", "size", "usd_rate"))
            notional = price * size * rate
        return {"trade_number": numbers, "size_bin": _size_bins(notional)}


def _size_bins(notional: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known = (notional > 0) & (notional < math.inf)
    mantissa, exponent = np.frexp(np.where(known, notional, 1.0))
    steps = np.searchsorted(_EDGE_ARRAY, 2 * mantissa, side="right") - 1
    found: npt.NDArray[np.float64] = np.where(known, (BINS_PER_OCTAVE * (exponent.astype(np.int64) - 1) + steps).astype(np.float64), math.nan)
    return found
